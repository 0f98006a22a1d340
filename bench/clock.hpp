// Time as the harness uses it: CLOCK_MONOTONIC in nanoseconds, because the
// timestamp travels as digits inside a payload and must mean the same in every process.

#pragma once

#include <ctime>

#include <chrono>
#include <cstdint>

namespace velo::bench {

using namespace std::chrono_literals;

[[nodiscard]] inline std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

/// What this thread has had of a processor: time in which others ran is not in it. Asking costs
/// a system call, about 0.2 us.
[[nodiscard]] inline std::uint64_t thread_ns() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

/// A point in time after which a loop must give up.
class deadline {
 public:
  explicit deadline(std::chrono::nanoseconds patience)
      : at_(now_ns() + static_cast<std::uint64_t>(patience.count())) {}

  [[nodiscard]] bool passed() const { return now_ns() >= at_; }

 private:
  std::uint64_t at_;
};

}  // namespace velo::bench
