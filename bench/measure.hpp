// One measurement: keep so many events in flight for a while, then let the
// last ones arrive and check that all did.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "bench/fleet.hpp"
#include "bench/histogram.hpp"
#include "bench/poller.hpp"
#include "bench/publisher.hpp"

namespace velo::bench {

/// What a server says of itself.
struct send_count {
  double sends = 0;  ///< System calls that send.
  double deliveries = 0;
};

struct measure_options {
  pid_t server = -1;  ///< Whose CPU time counts.
  std::chrono::milliseconds warm_up{200};
  std::chrono::milliseconds window{1000};
  std::chrono::seconds patience{10};  ///< Without any delivery: something is lost.
  /// The server's own count, where it has one.
  std::function<send_count()> sends{};
};

struct measurement {
  std::uint64_t events = 0;
  std::uint64_t deliveries = 0;
  double seconds = 0;
  double deliveries_per_s = 0;
  double p50_ms = 0;
  double p90_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
  double server_cpu_us = 0;  ///< For each delivery.
  double client_share = 0;   ///< CPU time of the client by wall time, 1 is a whole core.
  double others_share = 0;   ///< CPU time of all other processes, likewise.
  double sends = 0;          ///< System calls that send, for each delivery; 0: not known.
  std::shared_ptr<const histogram> latency{};
};

/// Throws when an event is lost, doubled or out of order.
[[nodiscard]] measurement measure(poller& poll, fleet& subscribers, publisher& source,
                                  const measure_options& options);

}  // namespace velo::bench
