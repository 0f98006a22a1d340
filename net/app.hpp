// An app: whoever speaks Pusher to us does so as one. Apps share nothing but the
// server: channels, users, counts and webhooks of one are never seen by another.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace velo::net {

struct app_key {
  std::string key;
  std::string secret;

  bool operator==(const app_key&) const = default;
};

/// Where an app hears of its channels (PUSHER_PROTOCOL.md 14).
struct app_webhook {
  std::string url;                  ///< `http://` or `https://`, without user and fragment.
  std::vector<std::string> events;  ///< Names of webhook events; empty: all.
  std::string channel_prefix;       ///< Only of channels that begin with it; empty: of all.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Sent with each request.

  bool operator==(const app_webhook&) const = default;
};

struct app {
  std::string id;
  /// At least one once loaded. All of them are valid at once, so that a key can be
  /// replaced without a moment in which neither works. What we sign ourselves is
  /// signed with the first.
  std::vector<app_key> keys{};
  bool enabled = true;
  bool client_events = true;
  bool subscription_count = false;
  std::uint64_t max_connections = 0;                 ///< 0: as many as the server takes.
  std::vector<std::string> allowed_origins = {"*"};  ///< Of the WebSocket handshake.
  std::vector<app_webhook> webhooks{};

  bool operator==(const app&) const = default;

  /// The pair with this key; null where the app has none such.
  [[nodiscard]] const app_key* find_key(std::string_view key) const;
};

/// The app with this id; null where there is none.
[[nodiscard]] const app* find_app(const std::vector<app>& apps, std::string_view id);

/// The app that has this key among its own; null where there is none.
[[nodiscard]] const app* find_app_of_key(const std::vector<app>& apps, std::string_view key);

}  // namespace velo::net
