// What an application hears of its channels (PUSHER_PROTOCOL.md 14).

#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace velo::actors {

/// In the order of `webhook_event_names`.
enum class webhook_event_kind : std::uint8_t {
  channel_occupied,
  channel_vacated,
  member_added,
  member_removed,
  client_event,
  cache_miss,
  subscription_count,
};

/// Names of the events that a webhook may ask for.
inline constexpr std::array<std::string_view, 7> webhook_event_names{
    "channel_occupied", "channel_vacated", "member_added",      "member_removed",
    "client_event",     "cache_miss",      "subscription_count"};

struct webhook_event {
  webhook_event_kind kind{};
  std::int64_t time_ms = 0;  ///< Unix time at which it happened.
  std::string channel;
  std::string user_id;  ///< Of a member, or who sent a client event on presence.
  std::string event, data,
      socket_id;  ///< Of a client event: name, data as it was forwarded, sender.
  std::size_t subscription_count = 0;
};
using webhook_event_ptr = std::shared_ptr<const webhook_event>;

/// Takes what happens on the channels of one app.
using webhook_actor = caf::typed_actor<
    // It happened now. Those of one channel come in their order. A vacated channel is
    // told of at once: whether it was only left for a moment is for the receiver to wait
    // for. cache_miss comes once until the channel has an event or is vacated;
    // subscription_count at most every 5 s where there are more than 100.
    caf::reacts_to<webhook_event_ptr>>;

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::webhook_event_ptr)
