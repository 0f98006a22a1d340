// The hooks of one engine: where an application registers them, and where the
// engine sees, without asking anybody, whether there are any.

#pragma once

#include "actors/hook_runner.hpp"
#include "actors/subscriber_hook.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

class hook_set {
 public:
  /// `system` outlives it. Records larger than `record_bytes_max` are no answer of a hook.
  hook_set(caf::actor_system& system, std::size_t record_bytes_max);
  /// Stops.
  ~hook_set();

  hook_set(const hook_set&) = delete;
  hook_set& operator=(const hook_set&) = delete;

  // -- for the application; any thread, at any time. Counts for what begins later.

  /// `hook` runs on a thread of its own, one call at a time.
  void on(hook_event event, sync_hook hook, hook_options options = {});
  /// `hook` must answer once, from any thread, but not wait; options.concurrency
  /// calls may be under way.
  void on_async(hook_event event, async_hook hook, hook_options options = {});
  /// Asked once for each subscriber that is to hear of a change, or gets a record in a
  /// replay or a snapshot. Runs while the collection waits: it should take microseconds.
  void on_subscriber_broadcast(subscriber_hook hook, hook_options options = {});

  // -- for the engine; any thread

  /// One relaxed read.
  [[nodiscard]] bool any(hook_event event) const {
    return (events_.load(std::memory_order_acquire) >> static_cast<unsigned>(event) & 1U) != 0;
  }
  /// Whether a write of a record has to ask before it.
  [[nodiscard]] bool any_before_writes() const {
    return (events_.load(std::memory_order_acquire) & before_writes) != 0;
  }
  [[nodiscard]] bool any_for_subscribers() const {
    return (events_.load(std::memory_order_acquire) & for_subscribers) != 0;
  }
  [[nodiscard]] subscriber_hooks_ptr for_subscribers_now() const;
  [[nodiscard]] const hook_runner_actor& runner() const { return runner_; }
  /// Asks on behalf of somebody who is no actor; `done` runs on a thread of the system's.
  void ask(hook_call_ptr call, std::function<void(const hook_outcome_ptr&)> done) const;

  /// What is known of a client's socket; null where nothing is.
  [[nodiscard]] std::shared_ptr<const nlohmann::json> metadata(const std::string& socket_id) const;
  void keep_metadata(const std::string& socket_id, std::shared_ptr<const nlohmann::json> value);
  void forget_metadata(const std::string& socket_id);

  /// Answers those who wait, and ends. Idempotent.
  void stop();

 private:
  // broadcast, record_creating, record_updating, record_deleting
  static constexpr std::uint32_t before_writes = 0b1'1110;
  static constexpr std::uint32_t for_subscribers = 1U << hook_event_count;

  caf::actor_system& system_;
  hook_runner_actor runner_;
  std::atomic<std::uint32_t> events_{0};
  mutable std::mutex mutex_;  // of what follows
  subscriber_hooks_ptr subscriber_hooks_;
  std::atomic<std::size_t> sockets_known_{0};
  std::unordered_map<std::string, std::shared_ptr<const nlohmann::json>> metadata_;
};

}  // namespace velo::actors
