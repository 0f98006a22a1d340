// The actors that hold the plain Pusher channels and the signed-in users: a few,
// among which they are spread by hash (channel_directory.hpp knows who has what).

#pragma once

#include "actors/channel_messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace velo::actors {

/// Some of the channels, and some of the apps' users. What one sender publishes to
/// one channel arrives in its order; a socket hears nothing of a channel before its
/// subscription succeeded.
using channel_actor = caf::typed_actor<
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

}  // namespace velo::actors
