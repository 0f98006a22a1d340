// What is said to and by the actors that hold plain Pusher channels and users.
// Names and data have been checked by the sender: a channel's by
// is_channel_name(), an event's name and data to be UTF-8 within the limits.

#pragma once

#include "actors/failure.hpp"
#include "actors/live_app.hpp"
#include "actors/messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace velo::actors {

// -- what connections say ----------------------------------------------------

struct leave_channel {
  app_ref app = nullptr;
  std::string channel;
  std::uint32_t loop = 0;
  attachment_id membership;
};
using leave_channel_ptr = std::shared_ptr<const leave_channel>;

/// A client's event for the other subscribers of a channel.
struct member_event {
  app_ref app = nullptr;
  client_event_ptr what;
  std::uint32_t loop = 0;
  attachment_id membership;  ///< The sender's, on the channel.
  std::string socket_id;
};
using member_event_ptr = std::shared_ptr<const member_event>;

struct sign_out {
  app_ref app = nullptr;
  std::string user_id;
  std::uint32_t loop = 0;
  attachment_id membership;
};
using sign_out_ptr = std::shared_ptr<const sign_out>;

/// A channel actor's word to itself: look what is due.
struct channel_tick {};

// -- what an application's server asks ---------------------------------------

/// Which counts an answer should hold. Those a channel's kind does not have stay empty.
struct wanted_counts {
  bool user_count = false;          ///< Distinct users; presence channels only.
  bool subscription_count = false;  ///< Sockets; all but presence channels.
};

struct channel_counts {
  std::optional<std::size_t> user_count;
  std::optional<std::size_t> subscription_count;
};

/// One event for one or more channels of one app.
struct publish_request {
  app_ref app = nullptr;
  std::string name;
  std::string data;  ///< Delivered as exactly this string.
  /// `#server-to-user-{id}` reaches the sockets of a signed-in user.
  std::vector<std::string> channels;
  std::string except;  ///< Socket id of whoever caused it, and shall not hear it; may be empty.
  wanted_counts wanted;
};

/// A part of it: the channels of one actor, by their index in `channels`.
struct publish_part {
  std::shared_ptr<const publish_request> what;
  std::shared_ptr<const std::string> name, data;  ///< Escaped, as the inside of JSON strings.
  std::vector<std::uint32_t> channels;
};
using publish_part_ptr = std::shared_ptr<const publish_part>;

/// The counts after the event was sent, one per channel in the order of the request.
struct publish_answer {
  std::vector<channel_counts> channels;
};

/// The occupied channels of an app.
struct list_channels {
  app_ref app = nullptr;
  std::string prefix;  ///< Empty: all.
  wanted_counts wanted;
};
using list_channels_ptr = std::shared_ptr<const list_channels>;

struct listed_channel {
  std::string name;
  channel_counts counts;
};

struct channel_list {
  std::vector<listed_channel> channels;  ///< By name.
};

struct channel_query {
  app_ref app = nullptr;
  std::string channel;
};
using channel_query_ptr = std::shared_ptr<const channel_query>;

/// The last event of a cache channel.
struct cached_event {
  std::string name;
  std::string data;
  std::chrono::milliseconds ttl{};  ///< How long it will still be kept.
};

struct channel_info {
  bool occupied = false;
  channel_counts counts;  ///< Both, as far as the kind has them.
  std::optional<cached_event> cache;
};

/// Ids of the users on a presence channel, in the order in which they came; of
/// another kind's channel none.
struct list_members {
  app_ref app = nullptr;
  std::string channel;
};
using list_members_ptr = std::shared_ptr<const list_members>;

struct member_list {
  std::vector<std::string> user_ids;
};

/// Closes the sockets that are signed in as the user, with 4009: they do not come back
/// by themselves. Answered with how many they were.
struct terminate_user {
  app_ref app = nullptr;
  std::string user_id;
};
using terminate_user_ptr = std::shared_ptr<const terminate_user>;

struct terminated {
  std::size_t sockets = 0;
};

}  // namespace velo::actors

#define VELO_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::name)
VELO_LOCAL_MESSAGE(leave_channel_ptr)
VELO_LOCAL_MESSAGE(member_event_ptr)
VELO_LOCAL_MESSAGE(sign_out_ptr)
VELO_LOCAL_MESSAGE(channel_tick)
VELO_LOCAL_MESSAGE(publish_part_ptr)
VELO_LOCAL_MESSAGE(publish_answer)
VELO_LOCAL_MESSAGE(list_channels_ptr)
VELO_LOCAL_MESSAGE(channel_list)
VELO_LOCAL_MESSAGE(channel_query_ptr)
VELO_LOCAL_MESSAGE(channel_info)
VELO_LOCAL_MESSAGE(list_members_ptr)
VELO_LOCAL_MESSAGE(member_list)
VELO_LOCAL_MESSAGE(terminate_user_ptr)
VELO_LOCAL_MESSAGE(terminated)
#undef VELO_LOCAL_MESSAGE
