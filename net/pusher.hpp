// Pusher frames to values and back: the one place that knows their wire names.
// No sockets, no state; safe to call from any thread. PUSHER_PROTOCOL.md 1-5.

#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace velo::net {

enum class close_code : std::uint16_t;

// -- what a client sends -----------------------------------------------------

struct subscribe_frame {
  std::string channel;  ///< Not empty, not checked further: see channel_name.hpp.
  std::string auth;     ///< Empty where there was none.
  /// The bytes after one decoding of the frame: exactly what was signed.
  std::string channel_data;

  bool operator==(const subscribe_frame&) const = default;
};

struct unsubscribe_frame {
  std::string channel;

  bool operator==(const unsubscribe_frame&) const = default;
};

struct ping_frame {
  bool operator==(const ping_frame&) const = default;
};

struct pong_frame {
  bool operator==(const pong_frame&) const = default;
};

struct signin_frame {
  std::string auth;
  std::string user_data;  ///< As signed, like channel_data.

  bool operator==(const signin_frame&) const = default;
};

/// `client-...`; whether it may be sent is for the channel to decide.
struct client_event_frame {
  std::string event;
  std::string channel;
  /// What its receivers get as their string, which is what every SDK takes: the
  /// content of a string, the JSON text of anything else, "null" where there was none.
  std::string data;

  bool operator==(const client_event_frame&) const = default;
};

/// A well-formed frame whose event we do not know: answered by error 4300, else ignored.
struct unknown_frame {
  std::string event;

  bool operator==(const unknown_frame&) const = default;
};

using client_frame = std::variant<subscribe_frame, unsubscribe_frame, ping_frame, pong_frame,
                                  signin_frame, client_event_frame, unknown_frame>;

/// Why a frame could not be read: a sentence for the `pusher:error` that answers it.
struct frame_error {
  std::string message;
};

[[noreturn]] void throw_exception_from_error(const frame_error& e, const boost::source_location&);

/// Reads one text frame. `data` may be an object or, as some SDKs send it, a
/// string that holds one. Nesting is bounded; the length is the caller's to bound.
[[nodiscard]] boost::system::result<client_frame, frame_error> parse_client_frame(
    std::string_view text);

// -- what we send ------------------------------------------------------------

/// Must be the first frame of a connection. `activity_timeout` is sent in whole
/// seconds, at least 1: clients take 0 for a broken handshake.
[[nodiscard]] std::string connection_established_frame(std::string_view socket_id,
                                                       std::chrono::seconds activity_timeout);

[[nodiscard]] std::string error_frame(close_code code, std::string_view message);
/// With the code's own sentence.
[[nodiscard]] std::string error_frame(close_code code);

[[nodiscard]] std::string_view ping_frame_text();
[[nodiscard]] std::string_view pong_frame_text();

/// For every kind but presence, whose answer carries the members.
[[nodiscard]] std::string subscription_succeeded_frame(std::string_view channel);

/// `type` is AuthError, LimitReached, NotFound or ServerError, `status` as in
/// HTTP. An empty `reason` is left out.
[[nodiscard]] std::string subscription_error_frame(std::string_view channel, std::string_view type,
                                                   std::string_view error, int status,
                                                   std::string_view reason = {});

}  // namespace velo::net
