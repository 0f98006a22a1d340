#include "actors/hook_set.hpp"

#include "actors/hook_thread.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace velo::actors {

hook_set::hook_set(caf::actor_system& system, std::size_t record_bytes_max)
    : system_(system), runner_(system.spawn<hook_runner_behavior>(record_bytes_max)) {}

hook_set::~hook_set() {
  stop();
}

void hook_set::on(hook_event event, sync_hook hook, hook_options options) {
  options.concurrency = 1;
  const auto thread = std::make_shared<hook_thread>();
  on_async(
      event,
      [thread, hook = std::make_shared<const sync_hook>(std::move(hook))](
          const hook_call_ptr& call, std::function<void(hook_result)> done) {
        thread->post([hook, call, done = std::move(done)] {
          try {
            done((*hook)(*call));
          } catch (const std::exception& e) {
            done(hook_failure{std::string("it threw: ") + e.what()});
          } catch (...) {
            done(hook_failure{"it threw something that is no std::exception"});
          }
        });
      },
      std::move(options));
}

// First the hook, then the word that there is one: who has read it finds the hook.
void hook_set::on_async(hook_event event, async_hook hook, hook_options options) {
  if (!runner_) return;
  caf::anon_send(runner_, hook_registration_ptr{std::make_shared<const hook_registration>(
                              hook_registration{event, std::move(hook), std::move(options)})});
  events_.fetch_or(1U << static_cast<unsigned>(event), std::memory_order_release);
}

void hook_set::on_subscriber_broadcast(subscriber_hook hook, hook_options options) {
  const std::lock_guard lock(mutex_);
  auto all = std::make_shared<subscriber_hooks>(subscriber_hooks_ ? *subscriber_hooks_
                                                                  : subscriber_hooks{});
  const auto place = std::find_if(all->begin(), all->end(), [&](const auto& other) {
    return other.options.priority < options.priority;
  });
  all->insert(place, {std::move(hook), std::move(options)});
  subscriber_hooks_ = std::move(all);
  events_.fetch_or(for_subscribers, std::memory_order_release);
}

subscriber_hooks_ptr hook_set::for_subscribers_now() const {
  const std::lock_guard lock(mutex_);
  return subscriber_hooks_;
}

void hook_set::ask(hook_call_ptr call, std::function<void(const hook_outcome_ptr&)> done) const {
  system_.spawn([runner = runner_, call = std::move(call),
                 done = std::move(done)](caf::event_based_actor* self) {
    const auto failed = [done](const caf::error&) {
      done(std::make_shared<const hook_outcome>(
          hook_outcome{hook_outcome::kind::failed, nullptr, {}}));
    };
    self->request(runner, caf::infinite, call).then(done, failed);
  });
}

std::shared_ptr<const nlohmann::json> hook_set::metadata(const std::string& socket_id) const {
  if (sockets_known_.load(std::memory_order_relaxed) == 0 || socket_id.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto at = metadata_.find(socket_id);
  return at == metadata_.end() ? nullptr : at->second;
}

void hook_set::keep_metadata(const std::string& socket_id,
                             std::shared_ptr<const nlohmann::json> value) {
  const std::lock_guard lock(mutex_);
  metadata_[socket_id] = std::move(value);
  sockets_known_.store(metadata_.size(), std::memory_order_relaxed);
}

void hook_set::forget_metadata(const std::string& socket_id) {
  const std::lock_guard lock(mutex_);
  metadata_.erase(socket_id);
  sockets_known_.store(metadata_.size(), std::memory_order_relaxed);
}

void hook_set::stop() {
  if (!runner_) return;
  caf::anon_send_exit(runner_, caf::exit_reason::user_shutdown);
  caf::scoped_actor self(system_);
  self->wait_for(runner_);
  runner_ = nullptr;
}

}  // namespace velo::actors
