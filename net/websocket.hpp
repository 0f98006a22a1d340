// The way from an HTTP upgrade to a WebSocket session: what the server's owner
// sets up, and what the HTTP side calls.

#pragma once

#include "actors/channel_directory.hpp"
#include "actors/connection.hpp"
#include "actors/hook_set.hpp"
#include "net/config.hpp"
#include "net/incoming_connection.hpp"
#include "net/loop_gate.hpp"
#include "net/outbox.hpp"
#include "net/pusher_client.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace velo::net {

class reactor;

/// What all WebSockets of a server share. Outlives them; constant from the first
/// session on, but for the two atomics.
struct websocket_settings {
  std::vector<app> apps;
  std::string path_prefix;     ///< Before `/app/{key}`.
  std::string channel_prefix;  ///< Of record channels.
  std::string server_name = "velo";
  identity_limits identities;
  /// Of the apps above, with their counts of connections; null: nobody counts them.
  const actors::channel_directory* channels = nullptr;

  /// Who may be asked whether a client may connect; null: nobody.
  actors::hook_set* hooks = nullptr;
  /// Shut before the loops go: what hooks answer after that is too late.
  std::shared_ptr<loop_gate> gate = std::make_shared<loop_gate>();

  /// What the actors know of one of `apps`; null where there is no directory.
  [[nodiscard]] actors::app_ref live(const app& of) const {
    return channels != nullptr ? channels->find_app(of.id) : nullptr;
  }

  std::size_t frame_bytes_max = 100U << 10U;  ///< A larger message from a client closes with 1009.
  outbox_limits outbox;
  bool acknowledges = true;         ///< Clients are pinged, to know what they have handled.
  std::size_t connections_max = 0;  ///< 0: no limit but the system's.

  std::chrono::milliseconds activity_timeout = std::chrono::seconds{120};
  std::chrono::milliseconds pong_timeout = std::chrono::seconds{30};
  /// A socket that has asked for no channel and not signed in by then is closed; 0: never.
  std::chrono::milliseconds first_subscription_timeout{0};
  /// How long a closing peer may take to read the rest and to say goodbye.
  std::chrono::milliseconds close_timeout = std::chrono::seconds{3};

  /// Set by the owner: whoever still gets here is sent away with 4100.
  std::atomic<bool> draining{false};
  /// Open connections; kept by the sessions.
  mutable std::atomic<std::size_t> connections{0};
};

/// Starts the actor of a session that is open; called on the loop's thread.
using connector = std::function<actors::connection_actor(
    std::shared_ptr<actors::session>, std::string app_id, std::string socket_id)>;

using upgrade_request = boost::beast::http::request<boost::beast::http::string_body>;

/// Takes over a connection on which `request` asks for a WebSocket. Always
/// completes the upgrade, then closes with the reason where there is one to
/// refuse: a stock client would retry a plain HTTP error for ever. Called on the
/// loop's thread; the socket may belong to any io_context.
void start_websocket(reactor& loop, actors::connection_context& context,
                     const websocket_settings& settings, incoming_connection&& from,
                     upgrade_request&& request);

/// The same with another way to start the actor.
void start_websocket(reactor& loop, const connector& connect, const websocket_settings& settings,
                     incoming_connection&& from, upgrade_request&& request);

}  // namespace velo::net
