#include "actors/replayer.hpp"

#include "actors/time_text.hpp"
#include "rules/evaluate.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

// A part is what one outbox takes easily and what one reader should be open for.
constexpr std::size_t events_max = 128;
constexpr std::size_t looked_at_max = 2000;
constexpr std::size_t page_records_max = 500;

using record_ptr = std::shared_ptr<const nlohmann::json>;

subscriber_call call_about(const replay& wanted, const storage::change& change, shown_as how) {
  return {wanted.definition ? wanted.definition->name : std::string(),
          to_string(how),
          change.record_id,
          how == shown_as::left ? change.shown_before() : change.shown(),
          wanted.identity_key,
          wanted.socket_id,
          nullptr};
}

}  // namespace

std::optional<shown_as> judge(const replay& wanted, const storage::change& change) {
  if ((wanted.actions >> static_cast<unsigned>(change.action) & 1U) == 0) return std::nullopt;
  if (change.suppressed()) return std::nullopt;
  const bool own = !change.origin_socket_id.empty() &&
                   std::find(wanted.own_sockets.begin(), wanted.own_sockets.end(),
                             change.origin_socket_id) != wanted.own_sockets.end() &&
                   (change.origin_privileged || change.origin_identity == wanted.identity_key);
  if (own) return std::nullopt;
  const auto now = time_text(change.committed_ms);
  const auto holds = [&](const nlohmann::json& record) {
    return rules::evaluate(*wanted.bound, {record, change.action, now});
  };
  const bool after = holds(*change.record);
  const bool before = wanted.shape.transitions && change.old_record &&
                      change.action == rules::action::updated && holds(*change.old_record);
  return judge_transition(change, wanted.shape.transitions, before, after);
}

// -- one replay --------------------------------------------------------------------

replayed replay_reader::next(const storage::database& database, subscriber_view& view) {
  replayed part;
  part.id = wanted_.id;
  if (wanted_.snapshot) {
    read_snapshot(database, part, view);
  } else if (wanted_.from_log) {
    read_log(database, part, view);
  } else {
    read_changes(part, view);
  }
  part.through = wanted_.after;
  return part;
}

void replay_reader::extend(const replay_on& on) {
  wanted_.through = std::max(wanted_.through, on.through);
  wanted_.changes.insert(wanted_.changes.end(), on.changes.begin(), on.changes.end());
}

// A page is one moment; the next page may be a later one. What changed between
// is told afterwards, but for what the pages show already (in_snapshot).
void replay_reader::read_snapshot(const storage::database& database, replayed& part,
                                  subscriber_view& view) {
  auto transaction = database.begin_read();
  const auto sequence = transaction
                            ? database.changes.last_sequence(*transaction, wanted_.definition->id)
                            : storage::result<std::uint64_t>(storage::fail(transaction.error()));
  if (!sequence) {
    part.failed = sequence.error().message();
    return;
  }
  if (!std::exchange(began_, true)) snapshot_sequence_ = std::max(*sequence, wanted_.after);
  if (parts_.empty() || parts_.back().sequence != *sequence) parts_.push_back({{}, *sequence});
  const auto hooked = database.shown.any(*transaction, wanted_.definition->id);
  if (!hooked) {
    part.failed = hooked.error().message();
    return;
  }
  // What a hook has taken away stays away; what cannot be read is not shown.
  const auto shown_instead = [&](std::string_view id, record_ptr record) -> record_ptr {
    auto shown = database.shown.get(*transaction, wanted_.definition->id, id);
    if (!shown || (*shown && (*shown)->suppressed)) return nullptr;
    if (!*shown) return record;
    return std::make_shared<const nlohmann::json>(std::move((*shown)->record));
  };
  const auto now = time_text(now_ms());
  std::string page;
  std::size_t in_page = 0;
  std::size_t looked_at = 0;
  bool more = false;
  const auto read = database.records.for_each(
      *transaction, wanted_.definition->id, records_after_,
      [&](std::string_view id, nlohmann::json&& record) {
        if (in_page == page_records_max || page.size() >= options_.replay_bytes_max ||
            looked_at == looked_at_max) {
          more = true;
          return false;
        }
        ++looked_at;
        records_after_ = id;
        if (!rules::evaluate(*wanted_.bound, {record, rules::action::created, now})) return true;
        auto shown = std::make_shared<const nlohmann::json>(std::move(record));
        if (*hooked) shown = shown_instead(id, std::move(shown));
        if (shown && view.any())
          shown = view.show({wanted_.definition->name, "snapshot", std::string(id), shown,
                             wanted_.identity_key, wanted_.socket_id, nullptr});
        if (!shown) return true;
        if (in_page++ > 0) page += ',';
        page += show_record(*shown, wanted_.shape, wanted_.hidden);
        return true;
      });
  if (!read) {
    part.failed = read.error().message();
    return;
  }
  parts_.back().last_key = records_after_;
  if (in_page > 0 || !more)
    part.events.push_back(
        std::make_shared<const event>(render_snapshot(page, !more, snapshot_sequence_, with())));
  if (more) return;
  parts_.back().last_key.clear();
  wanted_.snapshot = false;
  wanted_.after = snapshot_sequence_;
  part.settled = parts_.back().sequence;
  part.done = wanted_.after >= wanted_.through;
}

bool replay_reader::in_snapshot(const storage::change& change) const {
  if (parts_.empty() || change.sequence > parts_.back().sequence) return false;
  const auto part = std::find_if(parts_.begin(), parts_.end(), [&](const snapshot_part& p) {
    return p.last_key.empty() || change.record_id <= p.last_key;
  });
  return part == parts_.end() || change.sequence <= part->sequence;
}

bool replay_reader::show(const storage::change& change, replayed& part, std::size_t& bytes,
                         subscriber_view& view) const {
  if (in_snapshot(change)) return true;
  const auto how = judge(wanted_, change);
  if (!how) return true;
  const auto record = view.show(call_about(wanted_, change, *how));
  if (!record) return true;
  auto shown = render(*record, change.sequence, *how, wanted_.shape, with());
  // One at least, however large: else it would never come.
  if (!part.events.empty() && bytes + shown.data.size() > options_.replay_bytes_max) return false;
  bytes += shown.data.size();
  part.events.push_back(std::make_shared<const event>(std::move(shown)));
  return true;
}

void replay_reader::read_log(const storage::database& database, replayed& part,
                             subscriber_view& view) {
  const auto transaction = database.begin_read();
  const auto state =
      transaction
          ? database.changes.state(*transaction, wanted_.definition->id)
          : storage::result<std::optional<storage::log_state>>(storage::fail(transaction.error()));
  if (!state) {
    part.failed = state.error().message();
    return;
  }
  if (!*state || (*state)->epoch != wanted_.epoch || (*state)->lost_through > wanted_.after) {
    part.lost = true;
    return;
  }
  std::size_t looked_at = 0;
  std::size_t bytes = 0;
  bool more = false;
  const auto read = database.changes.for_each(
      *transaction, wanted_.definition->id, wanted_.after, [&](storage::change&& change) {
        if (change.sequence > wanted_.through) return false;
        if (looked_at++ == looked_at_max || part.events.size() >= events_max ||
            !show(change, part, bytes, view)) {
          more = true;
          return false;
        }
        wanted_.after = change.sequence;
        return true;
      });
  if (!read) {
    part.failed = read.error().message();
    return;
  }
  if (more) return;
  wanted_.after = std::max(wanted_.after, wanted_.through);
  part.done = true;
}

void replay_reader::read_changes(replayed& part, subscriber_view& view) {
  std::size_t bytes = 0;
  std::size_t taken = 0;
  for (; taken < wanted_.changes.size() && taken < looked_at_max && part.events.size() < events_max;
       ++taken) {
    const auto& change = *wanted_.changes[taken];
    if (change.sequence <= wanted_.after) continue;
    if (!show(change, part, bytes, view)) break;
    wanted_.after = change.sequence;
  }
  wanted_.changes.erase(wanted_.changes.begin(),
                        wanted_.changes.begin() + static_cast<std::ptrdiff_t>(taken));
  if (!wanted_.changes.empty()) return;
  wanted_.after = std::max(wanted_.after, wanted_.through);
  part.done = true;
}

// -- the actor ---------------------------------------------------------------------

replayer_behavior::replayer_behavior(caf::actor_config& config, const storage::database& database,
                                     const engine_options& options)
    : replayer_actor::base(config), database_(database), options_(options), view_(options.hooks) {}

replayer_behavior::behavior_type replayer_behavior::make_behavior() {
  return {
      [this](const replay_request_ptr& request) {
        const auto id = request->what.id;
        jobs_.emplace(id, job{replay_reader(request->what, options_), request->to});
        step(id);
      },
      [this](const replay_on_ptr& on) {
        const auto at = jobs_.find(on->id);
        if (at == jobs_.end()) return;
        at->second.reader.extend(*on);
        step(on->id);
      },
      [this](replay_end end) { jobs_.erase(end.id); },
      [this](const events_job_ptr& job) -> events_answer {
        const auto list = list_events(database_, job->what, job->limit, view_);
        if (!list) return {unavailable(list.error().message())};
        if (list->lost) return {events_page{{}, job->what.through, job->what.epoch, true}};
        return {events_page{list->text, list->through, job->what.epoch, false}};
      },
  };
}

void replayer_behavior::step(replay_id id) {
  auto& j = jobs_.at(id);
  auto part = std::make_shared<replayed>(j.reader.next(database_, view_));
  const auto to = j.to;
  if (part->lost || !part->failed.empty()) jobs_.erase(id);
  send(to, replayed_ptr{std::move(part)});
}

// -- for clients that ask ------------------------------------------------------------

storage::result<event_list> list_events(const storage::database& database, const replay& wanted,
                                        std::size_t limit, subscriber_view& view) {
  constexpr std::size_t scanned_max = 20'000;  // a request, whatever matches
  constexpr std::size_t text_bytes_max = 4U << 20U;
  event_list list;
  list.through = wanted.after;
  std::size_t count = 0;
  std::size_t scanned = 0;
  bool more = false;
  const auto take = [&](const storage::change& change) {
    if (change.sequence > wanted.through) return false;
    if (count == limit || scanned++ == scanned_max || list.text.size() >= text_bytes_max) {
      more = true;
      return false;
    }
    list.through = change.sequence;
    const auto how = judge(wanted, change);
    if (!how) return true;
    const auto record = view.show(call_about(wanted, change, *how));
    if (!record) return true;
    if (count++ > 0) list.text += ',';
    list.text += R"({"action":")";
    list.text += to_string(*how);
    list.text += R"(","record":)" + show_record(*record, wanted.shape, wanted.hidden) +
                 R"(,"sequence":)" + std::to_string(change.sequence) + '}';
    return true;
  };
  if (wanted.from_log) {
    const auto transaction = database.begin_read();
    if (!transaction) return storage::fail(transaction.error());
    const auto state = database.changes.state(*transaction, wanted.definition->id);
    if (!state) return storage::fail(state.error());
    list.lost = !*state || (*state)->epoch != wanted.epoch || (*state)->lost_through > wanted.after;
    if (list.lost) return list;
    const auto read =
        database.changes.for_each(*transaction, wanted.definition->id, wanted.after,
                                  [&](storage::change&& change) { return take(change); });
    if (!read) return storage::fail(read.error());
  } else {
    for (const auto& change : wanted.changes)
      if (change->sequence > wanted.after && !take(*change)) break;
  }
  if (!more) list.through = std::max(list.through, wanted.through);
  return list;
}

}  // namespace velo::actors
