// Makes what is committed durable in an interval, beside the writer, where
// commits do not wait for the disk (sync = interval). Spawn it detached.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace velo::actors {

class syncer_behavior : public syncer_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  syncer_behavior(caf::actor_config& config, storage::database& database,
                  const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "syncer"; }

 private:
  void schedule();

  storage::database& database_;
  const engine_options& options_;
  bool failed_ = false;  ///< Said once, until it works again.
};

}  // namespace velo::actors
