#include "actors/simple_drivers.hpp"

#include <spdlog/spdlog.h>
#include <caf/typed_event_based_actor.hpp>

#include <utility>

namespace velo::actors {

namespace {

std::string names_of(const std::vector<driver_channel>& channels) {
  std::string out;
  for (const auto& c : channels) out += (out.empty() ? "" : " ") + c.name;
  return out;
}

}  // namespace

driver_actor spawn_log_driver(caf::actor_system& system, std::string name) {
  return system.spawn([name = std::move(name)]() -> driver_actor::behavior_type {
    return {
        [name](const matched_event_ptr& e) {
          spdlog::info("driver {}: {} {} on {}", name, e->what->name, payload(*e->what),
                       names_of(e->channels));
        },
        [](flush) { return ack{}; },
    };
  });
}

driver_actor spawn_null_driver(caf::actor_system& system) {
  return system.spawn([]() -> driver_actor::behavior_type {
    return {
        [](const matched_event_ptr&) {},
        [](flush) { return ack{}; },
    };
  });
}

}  // namespace velo::actors
