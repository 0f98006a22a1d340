// How fast connections are accepted. Who comes faster waits in the kernel's queue
// and is not refused.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace velo::net {

/// Of all listeners of a server together. One thread only: that of the first loop.
class accept_pacer {
 public:
  using clock = std::chrono::steady_clock;

  /// 0: as fast as they come.
  explicit accept_pacer(std::size_t per_second = 0)
      : interval_(per_second == 0 ? clock::duration::zero()
                                  : clock::duration(std::chrono::seconds{1}) /
                                        static_cast<clock::rep>(per_second)) {}

  /// One has been accepted: how long the next has to wait. A tenth of a second's
  /// worth may come at once.
  [[nodiscard]] clock::duration accepted(clock::time_point now) {
    if (interval_ == clock::duration::zero()) return clock::duration::zero();
    constexpr clock::duration burst = std::chrono::milliseconds{100};
    due_ = std::max(due_, now) + interval_;
    return std::max(due_ - now - burst, clock::duration::zero());
  }

 private:
  clock::duration interval_;
  clock::time_point due_{};  // when the next would come if they came evenly
};

}  // namespace velo::net
