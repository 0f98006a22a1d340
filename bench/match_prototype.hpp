// The measured sketch of the design, built and run beside the index.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace velo::bench {

/// The median time of a change in microseconds; nothing for a workload that the
/// sketch does not know. Throws where it cannot be built or run.
[[nodiscard]] std::optional<double> prototype_time(const std::string& folder,
                                                   const std::string& workload,
                                                   std::uint32_t subscribers);

}  // namespace velo::bench
