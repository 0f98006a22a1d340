// The actors that hold the plain Pusher channels and the signed-in users: a few,
// among which they are spread by hash (channel_directory.hpp knows who has what).

#pragma once

#include "actors/channel_messages.hpp"
#include "actors/interfaces.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace velo::actors {

struct join_channel;
struct sign_in;
using join_channel_ptr = std::shared_ptr<const join_channel>;
using sign_in_ptr = std::shared_ptr<const sign_in>;

/// Some of the channels, and some of the apps' users. What one sender publishes to
/// one channel arrives in its order; a socket hears nothing of a channel before its
/// subscription succeeded.
using channel_actor = caf::typed_actor<
    // A socket subscribes, as its connection has authorised; answered to its loop, before
    // anything else of the channel. Again for one that is subscribed: answered again.
    caf::reacts_to<join_channel_ptr>,
    // It no longer does; what is unknown is no error.
    caf::reacts_to<leave_channel_ptr>,
    // A subscriber has an event for the others; dropped where it is none.
    caf::reacts_to<member_event_ptr>,
    // A socket is a user's from now on, and hears of the users that it watches.
    caf::reacts_to<sign_in_ptr>,
    // It no longer is.
    caf::reacts_to<sign_out_ptr>,
    // Something is due. From itself.
    caf::reacts_to<channel_tick>,
    // Sends an event to these channels' sockets; answered when it is on its way to all.
    caf::replies_to<publish_part_ptr>::with<publish_answer>,
    // The occupied channels it has of an app.
    caf::replies_to<list_channels_ptr>::with<channel_list>,
    // One channel as it stands.
    caf::replies_to<channel_query_ptr>::with<channel_info>,
    // The users on a presence channel.
    caf::replies_to<list_members_ptr>::with<member_list>,
    // Closes a signed-in user's sockets.
    caf::replies_to<terminate_user_ptr>::with<terminated>>;

// -- messages that carry handles ---------------------------------------------

/// Where a socket is to be told something.
struct socket_place {
  std::uint32_t loop = 0;
  attachment_id membership;
  bool operator==(const socket_place&) const = default;
};

struct join_channel {
  app_ref app = nullptr;
  std::string channel;
  socket_place at;
  loop_actor answer_to;  ///< The loop's.
  std::string socket_id;
  std::optional<channel_member> member;  ///< On presence channels always, on others never.
};

struct sign_in {
  app_ref app = nullptr;
  std::string user_id;
  socket_place at;
  loop_actor answer_to;
  std::vector<std::string> watchlist;
};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::join_channel_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::sign_in_ptr)
