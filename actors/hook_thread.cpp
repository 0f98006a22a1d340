#include "actors/hook_thread.hpp"

#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace velo::actors {

namespace {

constexpr auto goodbye_max = std::chrono::seconds{1};

}  // namespace

struct hook_thread::shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  bool overdue = false;
  bool ends = false;
  bool ended = false;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return ends || !jobs.empty(); });
      if (ends) break;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
      overdue = false;
    }
    ended = true;
    changed.notify_all();
  }
};

hook_thread::hook_thread() : shared_(std::make_shared<shared>()) {
  std::thread([s = shared_] {
    // Signals are for the main thread.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    s->work();
  }).detach();
}

hook_thread::~hook_thread() {
  std::unique_lock lock(shared_->mutex);
  shared_->ends = true;
  shared_->jobs.clear();
  shared_->changed.notify_all();
  shared_->changed.wait_for(lock, goodbye_max, [this] { return shared_->ended; });
}

void hook_thread::post(std::function<void()> job) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->jobs.push_back(std::move(job));
  }
  shared_->changed.notify_all();
}

bool hook_thread::run(std::function<void()> job, std::chrono::milliseconds timeout) {
  const auto done = std::make_shared<bool>(false);
  std::unique_lock lock(shared_->mutex);
  if (shared_->overdue) return false;
  shared_->jobs.push_back([s = shared_.get(), job = std::move(job), done] {
    job();
    const std::lock_guard guard(s->mutex);
    *done = true;
    s->changed.notify_all();
  });
  shared_->changed.notify_all();
  const bool in_time = shared_->changed.wait_for(lock, timeout, [&] { return *done; });
  if (!in_time) shared_->overdue = true;
  return in_time;
}

}  // namespace velo::actors
