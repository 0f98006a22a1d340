// The two drivers that need nothing: one writes events to the log, one drops them.

#pragma once

#include "actors/driver.hpp"

#include <caf/actor_system.hpp>
#include <caf/fwd.hpp>

#include <string>

namespace velo::actors {

/// A line of the log (level info) for each event: its channels and its payload.
[[nodiscard]] driver_actor spawn_log_driver(caf::actor_system& system, std::string name);

/// Matches, renders and forgets: for measuring, and for filling the history alone.
[[nodiscard]] driver_actor spawn_null_driver(caf::actor_system& system);

}  // namespace velo::actors
