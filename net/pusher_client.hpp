// What a client asks for of plain channels and users, judged by what its app has
// signed (PUSHER_PROTOCOL.md 5, 9, 10) and passed on to its actor. Holds no state.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/session.hpp"
#include "net/app.hpp"
#include "net/pusher.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace velo::net {

/// What clients may say of themselves (PUSHER_PROTOCOL.md 12).
struct identity_limits {
  std::size_t user_id_bytes = 128;
  std::size_t member_bytes = 1024;  ///< A member's user_info, as JSON.
  std::size_t watchlist = 100;
  std::size_t channel_name_bytes = 164;
};

/// One client as its frames are handled. Lives for one call, on the loop's thread.
struct pusher_client {
  const app& of;
  std::string_view socket_id;
  const identity_limits& limits;
  actors::session& session;
  const actors::connection_actor& actor;

  // Whether the actor was told of it; where not, the frame was answered here.

  /// Of any channel but a record channel.
  bool handle(const subscribe_frame& frame) const;
  bool handle(const client_event_frame& frame) const;
  /// A sign-in that is not as it should be closes the connection.
  bool handle(const signin_frame& frame) const;
};

/// Who `channel_data` says somebody is: `user_id`, a text or a number, and
/// `user_info`. Nothing where it is no such thing.
[[nodiscard]] std::optional<actors::channel_member> read_member(std::string_view channel_data);

}  // namespace velo::net
