// Between collections and one driver. To a collection it is a loop like those of
// sockets, on which subscriptions are attached; to the driver it tells which
// channels are to hear of a change. So all that holds for a socket's subscription
// (order, rule changes, replays, its end) holds for one behind a driver.

#pragma once

#include "actors/driver.hpp"
#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace velo::actors {

/// A stored subscription is to be heard through the driver.
struct driver_take {
  channel_id channel;
  bool is_new = false;    ///< Just made: what happened since it was stored is told, too.
  bool occupied = false;  ///< The outside server says that somebody is on it.
};
/// The outside server says that nobody is on the channel any more.
struct driver_release {
  channel_id channel;
};
/// Takes every stored subscription of the collections that the driver serves.
struct restore_subscriptions {};
/// The bridge's word to itself: read the next part of them.
struct restore_page {
  std::string after;
};
/// The bridge's word to itself: what is occupied outside was seen just now.
struct renew_occupied {};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::driver_take)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::driver_release)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::restore_subscriptions)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::restore_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::renew_occupied)

namespace velo::actors {

using driver_bridge_actor = loop_actor::extend<
    // Answered when events of the subscription reach the driver, or never will. Idempotent.
    caf::replies_to<driver_take>::with<ack>,
    // The subscription leaves the index; it is kept until it is stale.
    caf::reacts_to<driver_release>,
    // Answered when all of them are attached.
    caf::replies_to<restore_subscriptions>::with<ack>,
    // From itself.
    caf::reacts_to<restore_page>, caf::reacts_to<renew_occupied>,
    // Answered once the driver has handed on what it was told before.
    caf::replies_to<flush>::with<ack>>;

/// What one bridge serves.
struct bridge_options {
  std::string channel_prefix;                                 ///< Of the channels' names outside.
  std::function<bool(const std::string& collection)> serves;  ///< By name; any thread.
  std::uint32_t loop = 0;  ///< Its index, which no other loop of the engine has.
};

class driver_bridge_behavior : public driver_bridge_actor::base {
 public:
  /// `database` and `engine` outlive the actor.
  driver_bridge_behavior(caf::actor_config& config, bridge_options options, driver_actor driver,
                         registry_actor registry, store_actor store,
                         const storage::database& database, const engine_options& engine);

  behavior_type make_behavior() override;
  const char* name() const override { return "driver_bridge"; }
  void on_exit() override;

 private:
  using ack_promise = caf::typed_response_promise<ack>;

  struct slot {
    channel_id channel;
    std::uint32_t generation = 0;
    bool in_use = false;
    bool is_private = false;
    bool is_new = false;
    bool live = false;
    bool occupied = false;
    std::string identity;  ///< identity::key() of its maker.
    std::string app_id;
    collection_ptr definition;  ///< As it was when it was attached.
    collection_actor shard;
    std::vector<ack_promise> waiting;
  };

  ack_promise take(const driver_take& wanted);
  /// Attaches what is stored.
  void begin(const driver_take& wanted, const storage::connection& stored);
  void over(const ended& message);
  void occupy(slot& s);
  [[nodiscard]] std::optional<storage::connection> stored(const channel_id& channel) const;
  void attach_to(attachment_id id, const collection_handle& found);
  void release(const channel_id& channel);
  void restore(const std::string& after);
  void renew_later();
  void answered(slot& s);
  void finish_restore();
  void drop(std::uint32_t index);
  [[nodiscard]] slot* find(attachment_id id);
  [[nodiscard]] std::string wire_name(const slot& s) const;

  void deliver(const fan_out& message);
  void deliver(const replay_chunk& message);
  /// To the driver.
  void tell(const std::shared_ptr<const event>& what, const change_ptr& cause,
            const std::vector<attachment_id>& targets);

  const bridge_options options_;
  driver_actor driver_;
  registry_actor registry_;
  store_actor store_;
  const storage::database& database_;
  const engine_options& engine_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<channel_id, std::uint32_t> by_channel_;
  std::unordered_set<channel_id> expired_;  ///< Occupied when their tokens expired.
  std::size_t pending_ = 0;                 ///< Attached on request, not answered.
  std::size_t occupied_ = 0;
  bool renewing_ = false;
  bool reading_ = false;  ///< There are more stored ones to read.
  std::vector<ack_promise> restoring_;
};

}  // namespace velo::actors
