#include "actors/hook_runner.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cassert>
#include <exception>
#include <optional>

namespace velo::actors {

namespace {

using nlohmann::json;

constexpr std::size_t waiting_max = 10'000;  // calls of one hook, and notices
constexpr std::size_t metadata_bytes_max = 4096;
constexpr std::uint64_t failures_per_warning = 100;
constexpr int nesting_max = 200;  // storage takes a little more

bool nested_within(const json& value, int levels) {
  if (!value.is_structured()) return true;
  return levels > 0 && std::all_of(value.begin(), value.end(), [levels](const json& item) {
           return nested_within(item, levels - 1);
         });
}

// What is wrong with a value that may become an event; empty where nothing is.
std::string unfit(const json& value, std::size_t bytes_max) try {
  if (!nested_within(value, nesting_max)) return "its answer is nested too deeply";
  if (value.dump().size() <= bytes_max) return {};
  return "its answer has more than " + std::to_string(bytes_max) + " bytes";
} catch (const json::type_error&) {
  return "its answer has a text that is not UTF-8";
}

hook_outcome_ptr failed_outcome() {
  return std::make_shared<const hook_outcome>(
      hook_outcome{hook_outcome::kind::failed, nullptr, {}});
}

hook_failure too_many() {
  return {"too many calls wait for it"};
}

bool names_other_record(const hook_call& call, const json& record) {
  const auto id = record.find("id");
  return id != record.end() && *id != call.record_id;
}

}  // namespace

hook_verdict hook_verdict::change(nlohmann::json value) {
  return {kind::change, std::make_shared<const nlohmann::json>(std::move(value)), {}};
}

hook_runner_behavior::hook_runner_behavior(caf::actor_config& config, std::size_t record_bytes_max)
    : hook_runner_actor::base(config), record_bytes_max_(record_bytes_max) {}

hook_runner_behavior::behavior_type hook_runner_behavior::make_behavior() {
  return {
      [this](const hook_registration_ptr& what) {
        auto& order = by_event_[static_cast<std::size_t>(what->event)];
        const auto place = std::find_if(order.begin(), order.end(), [&](std::size_t other) {
          return hooks_[other].what->options.priority < what->options.priority;
        });
        order.insert(place, hooks_.size());
        hooks_.emplace_back().what = what;
      },
      [this](const hook_call_ptr& call) {
        auto answer = make_response_promise<hook_outcome_ptr>();
        if (is_notice(call->event)) {
          tell(call);
          answer.deliver(hook_outcome_ptr{std::make_shared<const hook_outcome>()});
          return answer;
        }
        auto c = std::make_shared<chain>();
        c->call = call;
        // Those of now: one that comes meanwhile is asked the next time.
        c->hooks = by_event_[static_cast<std::size_t>(call->event)];
        c->answer = answer;
        go_on(c);
        return answer;
      },
      [this](const hook_answered& answer) { answered(answer); },
      [this](hook_tick) {
        wake_.reset();
        expire();
      },
  };
}

// Whoever waits is answered, and what hooks hold of the application is let go.
void hook_runner_behavior::on_exit() {
  stopping_ = true;
  for (auto& h : hooks_)
    for (auto& [id, waiting] : std::exchange(h.calls, {}))
      waiting.then(hook_failure{"the engine is stopping"});
  hooks_.clear();
}

// -- the chain of one call -------------------------------------------------------

void hook_runner_behavior::go_on(const std::shared_ptr<chain>& c) {
  if (c->next == c->hooks.size()) {
    c->answer.deliver(hook_outcome_ptr{std::make_shared<const hook_outcome>(c->outcome)});
    return;
  }
  const bool asked =
      ask(c->hooks[c->next], c->call, [this, c](const hook_result& result) { take(c, result); });
  if (!asked) take(c, too_many());
}

void hook_runner_behavior::take(const std::shared_ptr<chain>& c, const hook_result& result) {
  if (stopping_) {
    c->answer.deliver(failed_outcome());
    return;
  }
  auto& h = hooks_[c->hooks[c->next]];
  const auto verdict = sensible(*c->call, result);
  const auto end = [&c](hook_outcome::kind what, std::string message) {
    c->answer.deliver(hook_outcome_ptr{
        std::make_shared<const hook_outcome>(hook_outcome{what, nullptr, std::move(message)})});
  };
  if (!verdict) {
    failed(h, *c->call, verdict.error().sentence);
    if (h.what->options.on_failure == hook_failure_policy::closed)
      return end(hook_outcome::kind::failed, {});
  } else if (verdict->what == hook_verdict::kind::refuse) {
    return end(hook_outcome::kind::refused, verdict->message);
  } else if (verdict->what == hook_verdict::kind::change) {
    auto changed = std::make_shared<hook_call>(*c->call);
    if (c->call->event == hook_event::connecting) {
      auto all = changed->metadata ? *changed->metadata : json::object();
      all.update(*verdict->value);
      changed->metadata = std::make_shared<const json>(std::move(all));
      c->outcome.value = changed->metadata;
    } else {
      changed->record = verdict->value;
      if (!changed->record->contains("id")) {
        auto named = std::make_shared<json>(*verdict->value);
        (*named)["id"] = c->call->record_id;
        changed->record = std::move(named);
      }
      c->outcome.value = changed->record;
    }
    c->outcome.what = hook_outcome::kind::changed;
    c->call = std::move(changed);
  }
  ++c->next;
  go_on(c);
}

hook_result hook_runner_behavior::sensible(const hook_call& call, const hook_result& result) const {
  if (!result) return result;
  if (result->what == hook_verdict::kind::refuse) {
    if (!unfit(json(result->message), record_bytes_max_).empty())
      return hook_failure{"the message of its refusal is not UTF-8, or too long"};
    return result;
  }
  if (result->what != hook_verdict::kind::change) return result;
  const auto& value = result->value;
  if (!value || !value->is_object()) return hook_failure{"its answer is no object"};
  if (call.event == hook_event::connecting) {
    auto all = call.metadata ? *call.metadata : json::object();
    all.update(*value);
    if (auto why = unfit(all, metadata_bytes_max); !why.empty())
      return hook_failure{std::move(why)};
    return result;
  }
  if (call.event == hook_event::record_deleting)
    return hook_failure{"it changed a record that is to be deleted"};
  if (names_other_record(call, *value)) return hook_failure{"it changed the record's id"};
  if (auto why = unfit(*value, record_bytes_max_); !why.empty())
    return hook_failure{std::move(why)};
  return result;
}

// -- notices -----------------------------------------------------------------------

// One at a time of each collection, so that a hook hears of them in their order.
void hook_runner_behavior::tell(const hook_call_ptr& notice) {
  for (const auto which : by_event_[static_cast<std::size_t>(notice->event)]) {
    auto& h = hooks_[which];
    if (h.notices_waiting >= waiting_max) {
      if (h.dropped++ % failures_per_warning == 0)
        spdlog::warn("hook {}: more than {} notices wait; {} dropped so far", h.what->options.name,
                     waiting_max, h.dropped);
      continue;
    }
    ++h.notices_waiting;
    auto& line = h.notices[notice->collection_id];
    line.push_back(notice);
    if (line.size() == 1) tell_next(which, notice->collection_id);
  }
}

// A loop, because thousands may fail at once where too many calls wait.
void hook_runner_behavior::tell_next(std::size_t which, const std::string& collection_id) {
  for (;;) {
    const auto notice = hooks_[which].notices.at(collection_id).front();
    const bool asked = ask(which, notice, [this, which, notice](const hook_result& result) {
      if (!stopping_ && told(which, *notice, result)) tell_next(which, notice->collection_id);
    });
    if (asked || !told(which, *notice, too_many())) return;
  }
}

bool hook_runner_behavior::told(std::size_t which, const hook_call& notice,
                                const hook_result& result) {
  auto& h = hooks_[which];
  if (!result) failed(h, notice, result.error().sentence);
  --h.notices_waiting;
  const auto at = h.notices.find(notice.collection_id);
  at->second.pop_front();
  if (!at->second.empty()) return true;
  h.notices.erase(at);
  return false;
}

// -- one hook ------------------------------------------------------------------------

bool hook_runner_behavior::ask(std::size_t which, const hook_call_ptr& call, continuation then) {
  auto& h = hooks_[which];
  if (h.waiting.size() >= waiting_max) return false;
  const auto id = ++last_call_;
  h.calls.emplace(id, pending{call, std::move(then)});
  h.waiting.push_back(id);
  const auto deadline = clock().now() + h.what->options.timeout;
  h.deadlines.emplace_back(deadline, id);
  wake_at(deadline);
  pump(which);
  return true;
}

void hook_runner_behavior::pump(std::size_t which) {
  auto& h = hooks_[which];
  while (!h.waiting.empty() &&
         h.asked.size() < std::max<std::size_t>(h.what->options.concurrency, 1)) {
    const auto id = h.waiting.front();
    h.waiting.pop_front();
    const auto at = h.calls.find(id);
    assert(at != h.calls.end());
    h.asked.insert(id);
    const auto answer = [self = caf::actor_cast<hook_runner_actor>(this), which,
                         id](hook_result result) {
      caf::anon_send(
          self, hook_answered{which, id, std::make_shared<const hook_result>(std::move(result))});
    };
    std::optional<std::string> thrown;
    try {
      h.what->ask(at->second.call, answer);
    } catch (const std::exception& e) {
      thrown = e.what();
    } catch (...) {
      thrown = "something that is no std::exception";
    }
    if (thrown) answer(hook_failure{"it threw: " + *thrown});
  }
}

void hook_runner_behavior::answered(const hook_answered& answer) {
  auto& h = hooks_[answer.hook];
  if (h.asked.erase(answer.call) == 0) return;  // It has answered before.
  auto waiting = h.calls.extract(answer.call);
  pump(answer.hook);
  if (!waiting.empty()) waiting.mapped().then(*answer.result);
}

void hook_runner_behavior::expire() {
  const auto now = clock().now();
  for (std::size_t which = 0; which < hooks_.size(); ++which) {
    auto& h = hooks_[which];
    while (!h.deadlines.empty() &&
           (h.deadlines.front().first <= now || !h.calls.contains(h.deadlines.front().second))) {
      const auto id = h.deadlines.front().second;
      auto overdue = h.calls.extract(id);
      h.deadlines.pop_front();
      if (overdue.empty()) continue;
      // They wait in the order of their deadlines, and for nothing from now on.
      if (!h.waiting.empty() && h.waiting.front() == id) h.waiting.pop_front();
      overdue.mapped().then(hook_failure{"no answer within " +
                                         std::to_string(h.what->options.timeout.count()) + " ms"});
    }
    if (!h.deadlines.empty()) wake_at(h.deadlines.front().first);
  }
}

// One message for whatever is due first; calls that are answered in time cost none.
void hook_runner_behavior::wake_at(time_point when) {
  if (wake_ && *wake_ <= when) return;
  wake_ = when;
  const auto pause =
      std::max<time_point::duration>(when - clock().now(), std::chrono::milliseconds{1});
  caf::delayed_anon_send(caf::actor_cast<hook_runner_actor>(this), pause, hook_tick{});
}

void hook_runner_behavior::failed(hook& h, const hook_call& call, const std::string& why) {
  if (h.failures++ % failures_per_warning != 0) return;
  const bool closed = h.what->options.on_failure == hook_failure_policy::closed;
  spdlog::warn("hook {} of {}: {} ({} failures so far; {})", h.what->options.name,
               to_string(call.event), why, h.failures,
               is_notice(call.event) ? "not told again"
               : closed              ? "refused, as on_failure says"
                                     : "gone on without it, as on_failure says");
}

}  // namespace velo::actors
