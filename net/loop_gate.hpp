// Lets others post to the loops of a network for as long as it has any.

#pragma once

#include <mutex>

namespace velo::net {

/// Any thread.
class loop_gate {
 public:
  /// Calls `then` unless the gate is shut; shut() waits for it.
  template <class Then>
  void pass(Then&& then) {
    const std::lock_guard lock(mutex_);
    if (open_) then();
  }
  void shut() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }

 private:
  std::mutex mutex_;
  bool open_ = true;
};

}  // namespace velo::net
