// What the actors know of an app that runs. Apps share nothing but the server:
// a channel, a user, a count of one is never that of another.

#pragma once

#include "actors/webhook_event.hpp"

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

namespace velo::actors {

/// What an app may do and who hears of it.
struct app_options {
  std::string id;
  bool client_events = true;        ///< Clients may send events on private and presence channels.
  bool subscription_count = false;  ///< Subscribers hear how many they are.
  std::size_t connections_max = 0;  ///< 0: as many as the server takes.
  /// Hears what happens on the app's channels. An empty handle: nobody does, and
  /// nothing is sent or even put together.
  webhook_actor webhooks;
};

/// One object per app, from the server's start to its end: its address stands for
/// the app in messages. Constant but for the count.
struct live_app : app_options {
  explicit live_app(app_options options) : app_options(std::move(options)) {}

  /// Sockets open now; kept by them, to be read by anybody.
  mutable std::atomic<std::size_t> connections{0};
};

using app_ref = const live_app*;

}  // namespace velo::actors
