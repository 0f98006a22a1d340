// The workloads of the matching benchmark: which filters a million subscribers
// have, and what changes. The same for the same seed.

#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "rules/bind.hpp"

namespace velo::bench {

class match_workload {
 public:
  virtual ~match_workload() = default;
  /// The predicate of the next subscriber, `number` counting from 0.
  virtual rules::predicate subscriber(std::uint32_t number) = 0;
  virtual nlohmann::json record() = 0;
};

/// Names as in the table of goals: feed, shared, dash, dashr, dasha, syn-uC, syn-zC, mix,
/// rule-bound.
[[nodiscard]] const std::vector<std::string>& match_workload_names();

/// Returns nothing for a name that is none. `subscribers` is how many there will be.
[[nodiscard]] std::unique_ptr<match_workload> make_match_workload(std::string_view name,
                                                                  std::uint32_t subscribers,
                                                                  std::uint64_t seed);

}  // namespace velo::bench
