// Why a WebSocket is closed: every code of PUSHER_PROTOCOL.md section 4, and
// those of RFC 6455 that we send.
//
// What a stock client does next is decided by the code alone: 4000-4099 never
// comes back (4000 changes to TLS first), 4100-4199 waits a second, 4200-4299
// returns at once, below 4000 it waits a second. 4300-4399 are for the
// `pusher:error` event of a socket that stays open: never close with one of them.

#pragma once

#include <cstdint>
#include <string_view>

namespace velo::net {

enum class close_code : std::uint16_t {
  // RFC 6455
  normal = 1000,            ///< The client asked for the close.
  protocol_error = 1002,    ///< The frame breaks RFC 6455.
  unsupported_data = 1003,  ///< A binary frame: Pusher frames are text.
  invalid_payload = 1007,   ///< A text frame that is not UTF-8.
  policy_violation = 1008,  ///< Repeated abuse.
  message_too_big = 1009,   ///< A frame above limits.frame_bytes.
  internal_error = 1011,    ///< Our fault.

  // The client must not reconnect unchanged.
  tls_only = 4000,                 ///< The application only accepts TLS.
  unknown_app = 4001,              ///< No application has this key.
  app_disabled = 4003,             ///< The application is disabled.
  over_quota = 4004,               ///< A hard quota; over_capacity where it is temporary.
  path_not_found = 4005,           ///< The path is not that of an application.
  invalid_version = 4006,          ///< `protocol` is not a whole number.
  unsupported_protocol = 4007,     ///< `protocol` is one we do not speak.
  protocol_missing = 4008,         ///< No `protocol` was given (we take that for 7).
  connection_unauthorized = 4009,  ///< Origin or sign-in refused, or the user was terminated.

  // The client waits a second, then reconnects.
  over_capacity = 4100,  ///< Server full, an outbox full, or the only node is draining.

  // The client reconnects at once.
  reconnect_now = 4200,      ///< Another node is up.
  pong_not_received = 4201,  ///< Idle, and the ping found no answer.
  closed_inactive = 4202,    ///< Idle for a day, from a client that cannot ping.

  // For the `pusher:error` event only.
  invalid_message = 4300,        ///< Not a Pusher frame, or one we do not know.
  client_event_rejected = 4301,  ///< A client event that is refused, or one too many.
  watchlist_too_long = 4302,     ///< Only the first hundred were taken.
};

[[nodiscard]] constexpr std::uint16_t number(close_code code) {
  return static_cast<std::uint16_t>(code);
}

/// The sentence that goes with the code: at most 123 bytes, as a close frame allows.
[[nodiscard]] constexpr std::string_view sentence(close_code code) {
  switch (code) {
    case close_code::normal:
      return "Goodbye.";
    case close_code::protocol_error:
      return "The frame breaks the WebSocket protocol.";
    case close_code::unsupported_data:
      return "Binary frames are not supported: send text.";
    case close_code::invalid_payload:
      return "The frame is not valid UTF-8.";
    case close_code::policy_violation:
      return "Too many invalid frames.";
    case close_code::message_too_big:
      return "The frame is larger than this server accepts.";
    case close_code::internal_error:
      return "The server met an error of its own.";
    case close_code::tls_only:
      return "The application only accepts TLS connections: use wss.";
    case close_code::unknown_app:
      return "The application does not exist: no app has this key.";
    case close_code::app_disabled:
      return "The application is disabled.";
    case close_code::over_quota:
      return "The application is over its connection quota.";
    case close_code::path_not_found:
      return "Path not found: connect to /app/{key}.";
    case close_code::invalid_version:
      return "Invalid version string: protocol must be a whole number.";
    case close_code::unsupported_protocol:
      return "Unsupported protocol version: this server speaks 5 to 7.";
    case close_code::protocol_missing:
      return "No protocol version was supplied.";
    case close_code::connection_unauthorized:
      return "The connection is not authorized.";
    case close_code::over_capacity:
      return "Over capacity: reconnect in a moment.";
    case close_code::reconnect_now:
      return "Reconnect immediately.";
    case close_code::pong_not_received:
      return "Pong reply not received in time.";
    case close_code::closed_inactive:
      return "Closed after inactivity.";
    case close_code::invalid_message:
      return "The message is not a valid Pusher frame.";
    case close_code::client_event_rejected:
      return "The client event was rejected.";
    case close_code::watchlist_too_long:
      return "The watchlist is too long.";
  }
  return "";
}

}  // namespace velo::net
