// The report as pictures: throughput and p99 against the number of connections,
// and the latencies of each workload.

#pragma once

#include <string>

#include "bench/report.hpp"

namespace velo::bench {

/// Writes throughput.svg and p99.svg, where a workload was measured with several
/// numbers of connections, and latency-*.svg for each workload.
void write_plots(const report& r, const std::string& directory);

}  // namespace velo::bench
