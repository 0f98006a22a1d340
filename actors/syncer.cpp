#include "actors/syncer.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <utility>

namespace velo::actors {

syncer_behavior::syncer_behavior(caf::actor_config& config, storage::database& database,
                                 const engine_options& options)
    : syncer_actor::base(config), database_(database), options_(options) {}

syncer_behavior::behavior_type syncer_behavior::make_behavior() {
  schedule();
  return {[this](sync_now) {
    const auto done = database_.env().sync();
    if (!done && !std::exchange(failed_, true))
      spdlog::error("storage: what was written is not on disk yet: {}", done.error().message());
    if (done) failed_ = false;
    schedule();
  }};
}

void syncer_behavior::schedule() {
  delayed_send(caf::actor_cast<syncer_actor>(this), options_.sync_interval, sync_now{});
}

}  // namespace velo::actors
