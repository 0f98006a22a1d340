// One collection as an actor: its rule in force, its attached subscriptions, and
// one order of events for all of them.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/live_subscriptions.hpp"
#include "actors/options.hpp"
#include "rules/rule.hpp"
#include "rules/subscribe_decision.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

class collection_behavior : public collection_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  collection_behavior(caf::actor_config& config, const collection_ptr& definition,
                      store_actor store, const storage::database& database,
                      const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "collection"; }
  void on_exit() override;

 private:
  /// A subscription that may not go on: its client hears `why`, its record is dropped.
  struct ending {
    channel_id channel;
    subscription_failure why;
  };

  void on_change(const storage::change& change);
  void on_identity_change(const identity_change& change);
  void on_definition(const collection_ptr& definition);
  void on_attach(const attach_request& message);
  void on_detach(const detach_notice& message);
  void on_stale(const stale_candidates& message);
  caf::typed_response_promise<subscribe_answer> on_subscribe(const subscribe_request& wanted);

  /// Judges a request by the rule in force and makes its connection record.
  outcome<storage::connection> decide(const subscribe_request& wanted);
  /// Binds a stored connection by the rule in force.
  boost::system::result<live_subscription, subscription_failure> revive(
      storage::connection stored, const storage::transaction& transaction);
  /// Whether rule, filter and identity still allow what `s` has.
  std::optional<subscription_failure> forbidden_now(const live_subscription& s,
                                                    const storage::transaction& transaction);
  rules::predicate bind(const live_subscription& s) const;

  void end(const ending& e);
  void drop(const channel_id& channel, const subscription_failure& why);
  void tell(const listener& to, const subscription_failure& why);

  collection_ptr definition_;
  rules::rule rule_;
  store_actor store_;
  const storage::database& database_;
  const engine_options& options_;
  live_subscriptions live_;
  /// Subscriptions that the store is keeping, by uuid: answered whatever happens.
  std::unordered_map<std::string, caf::typed_response_promise<subscribe_answer>> subscribing_;
  std::vector<loop_actor> loops_;                    // by index, filled as they attach
  std::vector<std::vector<attachment_id>> targets_;  // scratch of on_change, by loop
};

}  // namespace velo::actors
