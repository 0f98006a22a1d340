// A thread for the application's own code, which may hang: whoever waits for it
// does so for a bounded time, and its end does not wait for ever either.

#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace velo::actors {

class hook_thread {
 public:
  hook_thread();
  /// Waits a second for a job under way, then leaves the thread to itself. What
  /// is queued is dropped.
  ~hook_thread();

  hook_thread(const hook_thread&) = delete;
  hook_thread& operator=(const hook_thread&) = delete;

  /// Runs `job` after those before it; it must not throw. Any thread.
  void post(std::function<void()> job);

  /// Runs `job` and waits for it; false if it has not ended in time, which leaves
  /// it running. Fails at once as long as such a one runs.
  bool run(std::function<void()> job, std::chrono::milliseconds timeout);

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

}  // namespace velo::actors
