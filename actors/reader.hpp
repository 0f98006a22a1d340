// Queries over records: what rule and filter let the caller see, sorted, a page
// at a time. Runs detached, since it may look at a whole collection.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

namespace velo::actors {

class reader_behavior : public reader_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  reader_behavior(caf::actor_config& config, const storage::database& database,
                  const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "reader"; }

 private:
  [[nodiscard]] list_answer list(const list_request& wanted) const;
  [[nodiscard]] view_answer view(const view_request& wanted) const;

  const storage::database& database_;
  const engine_options& options_;
};

}  // namespace velo::actors
