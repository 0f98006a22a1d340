// Between collections and the subscriptions of an application's actors. To a
// collection it is a loop like those of sockets, on which subscriptions are
// attached; so all that holds for a socket's subscription (order, rule changes,
// replays, its end) holds for an actor's.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/subscriber.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace velo::actors {

/// Begins to listen for an actor on a subscription that was stored for it.
struct hear {
  subscriber_actor who;
  storage::connection stored;
  collection_actor shard;
};
using hear_ptr = std::shared_ptr<const hear>;
struct heard {
  outcome<subscription_begun> result;
};
/// The actor no longer wants it.
struct hear_no_more {
  channel_id subscription;
};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hear_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::heard)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hear_no_more)

namespace velo::actors {

using subscriber_hub_actor = loop_actor::extend<
    // Answered when the subscription is live, or refused.
    caf::replies_to<hear_ptr>::with<heard>,
    // Ends it; unknown ones are no error. Answered when its actor is told of nothing more.
    caf::replies_to<hear_no_more>::with<ack>>;

class subscriber_hub_behavior : public subscriber_hub_actor::base {
 public:
  /// `loop`: its index, which no other loop of the engine has.
  subscriber_hub_behavior(caf::actor_config& config, std::uint32_t loop, store_actor store);

  behavior_type make_behavior() override;
  const char* name() const override { return "subscriber_hub"; }
  void on_exit() override;

 private:
  using heard_promise = caf::typed_response_promise<heard>;

  struct slot {
    std::uint32_t generation = 0;
    subscriber_actor who;  // null: free
    channel_id channel;
    collection_actor shard;
    std::uint64_t sequence = 0;
    std::string epoch;
    heard_promise begun;  // pending until the collection has answered
  };

  heard_promise begin(const hear& wanted);
  void began(const attached& message);
  void over(const ended& message);
  void leave(std::uint32_t index);
  void forget(std::uint32_t index);
  [[nodiscard]] bool is_heard_elsewhere(std::uint32_t index) const;
  void died(const caf::actor_addr& who);
  void deliver(const fan_out& message);
  void deliver(const replay_chunk& message);
  [[nodiscard]] slot* find(attachment_id id);

  const std::uint32_t loop_;
  store_actor store_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace velo::actors
