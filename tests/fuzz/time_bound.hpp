// How long one input may take: processor time, so that a busy machine changes
// nothing, and in proportion to the input, so that quadratic time shows on long ones.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace velo::fuzz {

class time_bound {
 public:
  enum class of : clockid_t {
    this_thread = CLOCK_THREAD_CPUTIME_ID,
    process = CLOCK_PROCESS_CPUTIME_ID,
  };

  explicit time_bound(std::size_t input_bytes, of whose = of::this_thread)
      : clock_(static_cast<clockid_t>(whose)), allowed_(base + input_bytes * per_byte) {}
  time_bound(const time_bound&) = delete;
  time_bound& operator=(const time_bound&) = delete;
  ~time_bound() {
    const auto spent = now() - began_;
    if (spent <= allowed_) return;
    std::fprintf(stderr, "time bound: the input took %lld us of processor time, allowed are %lld\n",
                 microseconds(spent), microseconds(allowed_));
    std::abort();
  }

 private:
  // What linear work needs with sanitizers, a hundredfold; a quadratic walk over
  // an input of 64 KiB is beyond it.
  static constexpr std::chrono::nanoseconds base = std::chrono::milliseconds{250};
  static constexpr std::chrono::nanoseconds per_byte = std::chrono::microseconds{20};

  static long long microseconds(std::chrono::nanoseconds t) {
    return std::chrono::duration_cast<std::chrono::microseconds>(t).count();
  }
  [[nodiscard]] std::chrono::nanoseconds now() const {
    std::timespec t{};
    clock_gettime(clock_, &t);
    return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
  }

  const clockid_t clock_;
  const std::chrono::nanoseconds allowed_;
  const std::chrono::nanoseconds began_ = now();
};

}  // namespace velo::fuzz
