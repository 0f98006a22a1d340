// What the driver of an outside server counts.

#pragma once

#include <atomic>
#include <cstdint>

namespace velo::net {

/// What one driver counts. Written by its actor alone, read by anybody.
struct driver_counters {
  std::atomic<std::uint64_t> events{0};      ///< Taken, one for each change.
  std::atomic<std::uint64_t> deliveries{0};  ///< The same, one for each channel.
  std::atomic<std::uint64_t> sent{0};        ///< Deliveries that were accepted.
  std::atomic<std::uint64_t> calls{0};       ///< Requests, tries included.
  std::atomic<std::uint64_t> retries{0};
  std::atomic<std::uint64_t> overflowed{0};  ///< Deliveries dropped: the queue was full.
  std::atomic<std::uint64_t> refused{0};     ///< Deliveries that the server does not take.
  std::atomic<std::uint64_t> given_up{0};    ///< Deliveries that were tried for too long.
  std::atomic<std::uint64_t> truncated{0};   ///< Events told by their id alone.
  std::atomic<std::uint64_t> waiting{0};     ///< Deliveries waiting or under way, now.
  std::atomic<std::uint64_t> waiting_bytes{0};
};

}  // namespace velo::net
