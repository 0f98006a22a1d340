// What a running server counts, as Prometheus reads it (text format 0.0.4).
// Each loop counts for itself; they are added up when somebody asks.

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace velo::actors {
class stage_clock;
}

namespace velo::net {

struct driver_counters;
struct socket_counters;

struct metrics_sources {
  std::vector<const socket_counters*> loops;
  const actors::stage_clock* stages = nullptr;  ///< Null: nobody measures.
  std::vector<std::pair<std::string, const driver_counters*>> drivers{};  ///< By name.
};

/// Any thread.
[[nodiscard]] std::string render_metrics(const metrics_sources& from);

}  // namespace velo::net
