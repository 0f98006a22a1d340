// Finds the connections that no socket listens on and nobody has pinged for too
// long, and hands them to their collections, which know what is live. Only the
// server's uptime counts: a night of downtime drops nobody.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>

namespace velo::actors {

class pruner_behavior : public pruner_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  pruner_behavior(caf::actor_config& config, registry_actor registry,
                  const storage::database& database, const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "pruner"; }

 private:
  /// Returns whether there may be more stale ones than it took.
  bool look();
  /// Each candidate to the shard it would be attached at.
  void hand_over(const shard_list& shards, const stale_candidates& all);
  void schedule(std::chrono::milliseconds after);

  registry_actor registry_;
  const storage::database& database_;
  const engine_options& options_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace velo::actors
