// Counts open transactions, so that the memory map is moved only when there
// are none. Newcomers wait for a pending move, but one inside another of the
// same thread does not: it would wait for itself.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace velo::storage {

/// Safe for use from any thread.
class transaction_gate {
 public:
  void enter();
  void leave();

  /// Runs `action` while no transaction is open and none can begin. Returns
  /// false without running it if some stay open longer than `patience`.
  template <class Action>
  bool run_alone(std::chrono::milliseconds patience, Action&& action) {
    std::unique_lock lock(mutex_);
    closing_ = true;
    const bool alone = changed_.wait_for(lock, patience, [this] { return open_ == 0; });
    if (alone) action();
    closing_ = false;
    lock.unlock();
    changed_.notify_all();
    return alone;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t open_ = 0;
  bool closing_ = false;
};

}  // namespace velo::storage
