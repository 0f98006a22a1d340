#include "actors/write_hooks.hpp"

#include <utility>

namespace velo::actors {

namespace {

// A record that keeps changing while hooks are asked: by then it is somebody else's turn.
constexpr unsigned asked_max = 5;

hook_event before(write_kind kind) {
  switch (kind) {
    case write_kind::create:
    case write_kind::ingest:
      return hook_event::record_creating;
    case write_kind::update:
      return hook_event::record_updating;
    case write_kind::remove:
      break;
  }
  return hook_event::record_deleting;
}

rules::action action_of(write_kind kind) {
  switch (kind) {
    case write_kind::create:
    case write_kind::ingest:
      return rules::action::created;
    case write_kind::update:
      return rules::action::updated;
    case write_kind::remove:
      break;
  }
  return rules::action::deleted;
}

// The record as the write would leave it, but for the times that are the store's.
json_ptr intended(const write_operation& wanted, const std::string& id, const json_ptr& stored) {
  if (wanted.kind == write_kind::remove) return stored;
  auto record = wanted.kind == write_kind::update ? *stored : nlohmann::json::object();
  record.update(wanted.fields);
  record["id"] = id;
  return std::make_shared<const nlohmann::json>(std::move(record));
}

bool same(const json_ptr& a, const json_ptr& b) {
  return a == b || (a && b && *a == *b);
}

hook_call call_about(hook_event event, const write_target& target, const write_operation& wanted,
                     const std::string& id, const writer& by, const hook_set& hooks) {
  hook_call call;
  call.event = event;
  call.collection_id = target.definition->id;
  call.collection = target.definition->name;
  call.record_id = id;
  call.ingested = wanted.kind == write_kind::ingest;
  call.who = by.who;
  call.socket_id = wanted.socket_id;
  call.metadata = hooks.metadata(wanted.socket_id);
  return call;
}

// Where the old record is not one that subscribers were shown, nothing of it is
// shown when they lose sight of it, but which it was.
void hide_unknown_past(storage::broadcast_view& view, const judged_write& w) {
  if (w.effect == record_effect::none && w.change.old_record)
    view.old_record =
        std::make_shared<const nlohmann::json>(nlohmann::json{{"id", w.change.record_id}});
}

}  // namespace

void write_hooks::begin_pass(std::int64_t now) {
  if (now_ == 0) now_ = now;
  waits_ = false;
  unknown_.clear();
  questions_.clear();
}

const outcome<std::string>& write_hooks::id(std::size_t operation, const write_operation& o) {
  auto& known = memory_[operation].id;
  if (!known) known = record_id_of(o);
  return *known;
}

hook_outcome_ptr write_hooks::outcome_of(std::size_t operation, std::size_t step,
                                         hook_call&& call) {
  auto& s = memory_[operation].steps[step];
  const bool known = s.asked && s.asked->event == call.event && s.asked->action == call.action &&
                     same(s.asked->record, call.record) &&
                     same(s.asked->old_record, call.old_record);
  if (known && s.outcome) return s.outcome;
  if (s.times == asked_max) {
    static const auto gave_up =
        std::make_shared<const hook_outcome>(hook_outcome{hook_outcome::kind::failed, nullptr, {}});
    return gave_up;
  }
  s.asked = std::make_shared<const hook_call>(std::move(call));
  s.outcome = nullptr;
  ++s.times;
  questions_.push_back({operation, step, s.asked});
  return nullptr;
}

void write_hooks::answer(std::size_t operation, std::size_t step, hook_outcome_ptr outcome) {
  memory_[operation].steps[step].outcome = std::move(outcome);
}

outcome<std::optional<judged_write>> write_hooks::judge(std::size_t operation,
                                                        const write_target& target,
                                                        const write_operation& wanted,
                                                        const std::string& id,
                                                        const json_ptr& stored, const writer& by,
                                                        const engine_options& options) {
  using nothing_yet = std::optional<judged_write>;
  const auto key = std::pair(wanted.collection_id, id);
  const auto wait = [&] {
    waits_ = true;
    unknown_.insert(key);
    return nothing_yet{};
  };
  if (unknown_.contains(key)) return wait();

  std::optional<write_operation> changed;
  if (const auto event = before(wanted.kind);
      wanted.kind != write_kind::ingest && hooks_.any(event)) {
    if (auto f = refused_whatever_hooks_say(target, wanted, id, stored, by, now_)) return *f;
    auto call = call_about(event, target, wanted, id, by, hooks_);
    call.action = action_of(wanted.kind);
    call.record = intended(wanted, id, stored);
    if (wanted.kind != write_kind::create) call.old_record = stored;
    const auto said = outcome_of(operation, 0, std::move(call));
    if (!said) return wait();
    switch (said->what) {
      case hook_outcome::kind::refused:
        return failure{failure_kind::invalid,
                       said->message.empty() ? "A hook refused this write." : said->message,
                       {}};
      case hook_outcome::kind::failed:
        return unavailable(
            "A hook that must be asked before this write did not answer; try again.");
      case hook_outcome::kind::changed:
        changed = wanted;
        changed->fields = *said->value;
        break;
      case hook_outcome::kind::proceed:
        break;
    }
  }

  auto judged = changed ? actors::judge(target, *changed, id, stored, by, now_, options, &wanted)
                        : actors::judge(target, wanted, id, stored, by, now_, options);
  if (!judged) return judged.error();
  if (!hooks_.any(hook_event::broadcast)) return nothing_yet{std::move(*judged)};

  auto call = call_about(hook_event::broadcast, target, wanted, id, by, hooks_);
  call.action = judged->change.action;
  call.record = judged->change.record;
  call.old_record = judged->change.old_record;
  const auto said = outcome_of(operation, 1, std::move(call));
  if (!said) return wait();
  if (said->what == hook_outcome::kind::proceed) return nothing_yet{std::move(*judged)};
  auto view = std::make_shared<storage::broadcast_view>();
  view->suppressed = said->what != hook_outcome::kind::changed;
  if (!view->suppressed) {
    view->record = said->value;
    hide_unknown_past(*view, *judged);
  }
  judged->change.view = std::move(view);
  return nothing_yet{std::move(*judged)};
}

hook_call_ptr notice_of(const storage::change& change, const storage::collection& definition,
                        const identity& who, bool ingested, const hook_set& hooks) {
  constexpr std::array events{hook_event::record_created, hook_event::record_updated,
                              hook_event::record_deleted};
  auto call = std::make_shared<hook_call>();
  call->event = events[static_cast<std::size_t>(change.action)];
  if (!hooks.any(call->event)) return nullptr;
  call->collection_id = definition.id;
  call->collection = definition.name;
  call->action = change.action;
  call->record_id = change.record_id;
  call->record = change.record;
  call->old_record = change.old_record;
  call->ingested = ingested;
  call->sequence = change.sequence;
  call->who = who;
  call->socket_id = change.origin_socket_id;
  call->metadata = hooks.metadata(change.origin_socket_id);
  return call;
}

}  // namespace velo::actors
