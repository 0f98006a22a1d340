#include "actors/subscriber_hook.hpp"

#include "actors/hook_set.hpp"

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;
using record_ptr = std::shared_ptr<const json>;

constexpr std::uint64_t failures_per_warning = 100;

// What the thread works on: it may outlive the wait for it.
struct job {
  subscriber_hooks_ptr hooks;
  std::size_t hook = 0;
  std::vector<subscriber_call> calls;
  std::vector<record_ptr> shown;  ///< As it was, where the hook has failed.
  std::vector<bool> failed;
  std::string why;

  void run() {
    const auto& h = (*hooks)[hook].hook;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      try {
        take(i, h(calls[i]));
      } catch (const std::exception& e) {
        fail(i, std::string("it threw: ") + e.what());
      } catch (...) {
        fail(i, "it threw something that is no std::exception");
      }
    }
  }

  void take(std::size_t i, const hook_verdict& verdict) {
    if (verdict.what == hook_verdict::kind::refuse) {
      shown[i] = nullptr;
    } else if (verdict.what == hook_verdict::kind::change) {
      if (!verdict.value || !verdict.value->is_object()) return fail(i, "its answer is no object");
      auto record = *verdict.value;
      if (const auto id = record.find("id"); id != record.end() && *id != calls[i].record_id)
        return fail(i, "it changed the record's id");
      record["id"] = calls[i].record_id;
      // Throws here rather than where it would be rendered.
      static_cast<void>(record.dump());
      shown[i] = std::make_shared<const json>(std::move(record));
    }
  }

  void fail(std::size_t i, std::string reason) {
    failed[i] = true;
    why = std::move(reason);
  }
};

}  // namespace

std::vector<record_ptr> subscriber_hook_guard::show(const subscriber_hooks_ptr& hooks,
                                                    std::vector<subscriber_call> calls) {
  std::vector<record_ptr> shown;
  shown.reserve(calls.size());
  for (const auto& call : calls) shown.push_back(call.record);
  // Where each of the remaining calls stands among `shown`.
  std::vector<std::size_t> places(calls.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (std::size_t which = 0; which < hooks->size() && !calls.empty(); ++which) {
    const auto& options = (*hooks)[which].options;
    auto j = std::make_shared<job>();
    j->hooks = hooks;
    j->hook = which;
    j->calls = std::move(calls);
    for (const auto place : places) j->shown.push_back(shown[place]);
    j->failed.resize(places.size());
    if (!thread_) thread_ = std::make_unique<hook_thread>();
    const bool in_time = thread_->run([j] { j->run(); }, options.timeout);
    std::string why = in_time ? j->why : "it has not come back in time";
    if (!why.empty() && failures_++ % failures_per_warning == 0)
      spdlog::warn("hook {} for subscribers: {} ({} failures so far)", options.name, why,
                   failures_);
    std::vector<std::size_t> left;
    calls.clear();
    for (std::size_t i = 0; i < places.size(); ++i) {
      const bool failed = !in_time || j->failed[i];
      auto& record = shown[places[i]];
      if (!failed)
        record = j->shown[i];
      else if (options.on_failure == hook_failure_policy::closed)
        record = nullptr;
      if (!record) continue;
      left.push_back(places[i]);
      // A hook that hangs still reads the calls: they are copied, never moved.
      calls.push_back(j->calls[i]);
      calls.back().record = record;
    }
    places = std::move(left);
  }
  return shown;
}

bool subscriber_view::any() const {
  return hooks_ != nullptr && hooks_->any_for_subscribers();
}

std::vector<record_ptr> subscriber_view::show(std::vector<subscriber_call> calls) {
  for (auto& call : calls) call.metadata = hooks_->metadata(call.socket_id);
  return guard_.show(hooks_->for_subscribers_now(), std::move(calls));
}

record_ptr subscriber_view::show(subscriber_call call) {
  if (!any()) return call.record;
  std::vector<subscriber_call> one;
  one.push_back(std::move(call));
  return show(std::move(one)).front();
}

}  // namespace velo::actors
