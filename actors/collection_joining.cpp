// Those who begin with something missed: a socket that listens again, a replay
// since a sequence, a snapshot.
//
// The replayer reads and renders, at the client's pace; what it has goes through
// this actor to the client's loop, behind which this actor's own events follow.
// When all but a few changes are told, this actor, which remembers the last ones
// while somebody joins, judges those itself and takes the listener in: one step,
// at one place in its order, so there is no gap and no double.

#include "actors/auth_value.hpp"
#include "actors/collection.hpp"
#include "actors/replayer.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"
#include "rules/parser.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t remembered_max = 1024;     // while somebody joins
constexpr std::size_t judged_at_once_max = 512;  // so few are judged here and now
constexpr std::size_t memory_history_max = 10'000;
constexpr std::size_t memory_history_bytes_max = 64U << 20U;
constexpr unsigned restarts_max = 5;

replay_id next_replay_id() {
  static std::atomic<replay_id> last = 0;
  return ++last;
}

// Where a client was is worth something to the same predicate on the same log only.
std::uint64_t position_hash(const rules::predicate& bound, std::string_view epoch) {
  std::uint64_t hash = 14695981039346656037ULL ^ bound.hash();
  for (const char c : epoch) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

}  // namespace

std::string collection_behavior::current_epoch(const storage::transaction& transaction) const {
  if (definition_->history != storage::history_mode::durable) return database_.run_id();
  auto epoch = database_.changes.epoch(transaction, definition_->id);
  return epoch ? std::move(*epoch) : std::string();
}

// -- beginning ---------------------------------------------------------------------

void collection_behavior::begin(const attach_request& message, subscriber s) {
  const listener to{message.attachment, message.loop, message.socket_id};
  const auto live_at_once = [&] {
    live_.listen(s, to);
    send(message.answer_to, attached{message.attachment, 0, 0});
    announce_to(s, to);
  };
  if (!resume_.replayer || message.from == listener_kind::driver_again) return live_at_once();
  auto transaction = database_.env().begin_read();
  auto stored =
      transaction
          ? database_.connections.get(*transaction, message.channel.text())
          : storage::result<std::optional<storage::connection>>(storage::fail(transaction.error()));
  if (!stored || !*stored) return live_at_once();
  const auto& connection = **stored;
  const auto extras = extras_of(connection.options);
  const bool has_history = definition_->history != storage::history_mode::none;
  // Nobody acknowledges what a driver sends, or what an actor hears.
  const bool resumes = message.from == listener_kind::socket && options_.resume && extras.resume &&
                       connection.number != 0 && has_history;
  epoch_ = current_epoch(*transaction);
  const bool missed =
      message.from != listener_kind::socket && has_history && connection.sequence < sequence_;
  if (!resumes && !extras.snapshot && !extras.since && !missed) return live_at_once();

  join j;
  j.channel = message.channel;
  j.to = to;
  j.snapshot = extras.snapshot;
  j.connection = resumes ? connection.number : 0;
  auto& r = j.what;
  r.id = next_replay_id();
  r.epoch = epoch_;
  r.bound = std::make_shared<const rules::predicate>(bind(s, rule_));
  r.actions = live_.actions(s);
  r.shape = extras.shape;
  r.identity_key = live_.identity_key(s);
  r.own_sockets = live_.own_sockets(s);
  r.own_sockets.push_back(message.socket_id);
  r.socket_id = message.socket_id;

  // Where it begins if nobody was there before.
  begin_answer first;
  bool lost = false;
  if (extras.since) {
    r.after = *extras.since;
    lost = (!extras.epoch.empty() && extras.epoch != epoch_) || r.after > sequence_;
  } else if (!extras.snapshot) {
    r.after = connection.epoch.empty() ? sequence_ : connection.sequence;
    lost = !connection.epoch.empty() && connection.epoch != epoch_;
  }
  first.sequence = r.after;
  first.what = lost ? begin_answer::kind::changed : begin_answer::kind::fresh;
  const auto id = r.id;
  const begin_position asks{j.connection, message.socket_id, position_hash(*r.bound, epoch_),
                            r.after, message.client};
  joining_.emplace(message.channel, id);
  joins_.emplace(id, std::move(j));
  if (!resumes) return begin_at(id, first);
  request(resume_.positions, caf::infinite, asks)
      .then(
          [this, id, first](const begin_answer& where) {
            // Where nobody was there, or only others are, what was found out above holds.
            const bool unknown = where.what == begin_answer::kind::fresh ||
                                 (where.beside_live && first.what == begin_answer::kind::changed);
            begin_at(id, unknown ? first : where);
          },
          [this, id, first](const caf::error&) { begin_at(id, first); });
}

void collection_behavior::begin_at(replay_id id, const begin_answer& where) {
  auto at = joins_.find(id);
  if (at == joins_.end()) return;
  // Who is over hears why, and nothing before it.
  finish_if_over(at->second.channel);
  at = joins_.find(id);
  if (at == joins_.end()) return;
  auto& j = at->second;
  j.asked = false;
  j.what.after = where.sequence;
  if (!where.previous.empty()) j.what.own_sockets.push_back(where.previous);
  send(loops_[j.to.loop], attached{j.to.attachment, j.connection, where.sequence});
  announce_to(live_.find(j.channel), j.to);
  if (j.outdated) return start_over(j);
  if (j.snapshot && where.what == begin_answer::kind::fresh) {
    j.what.snapshot = true;
    return start_replay(j);
  }
  // Nobody has seen the whole of a snapshot yet, or it cannot be told who has.
  const bool in_part = j.snapshot && (where.sequence == 0 || where.beside_live);
  if (in_part || where.what == begin_answer::kind::changed) return start_over(j);
  if (j.what.after > sequence_) return start_over(j);
  j.reached = j.what.after;
  go_on_or_live(j, {});
}

void collection_behavior::start_replay(join& j) {
  auto& r = j.what;
  r.definition = definition_;
  r.hidden = hidden_from_events();
  r.through = sequence_;
  r.from_log = definition_->history == storage::history_mode::durable;
  r.changes.clear();
  if (r.snapshot) r.after = sequence_;  // It is no earlier, even where nothing was stored since.
  if (!r.from_log && !r.snapshot) r.changes = remembered_after(r.after);
  auto chunk = std::make_shared<replay_chunk>();
  chunk->attachment = j.to.attachment;
  chunk->replayer = resume_.replayer;
  chunk->begin = std::make_shared<const replay_request>(
      replay_request{r, caf::actor_cast<collection_actor>(this)});
  send(loops_[j.to.loop], replay_chunk_ptr{std::move(chunk)});
  r.snapshot = false;
  r.changes.clear();
}

// -- going on ----------------------------------------------------------------------

void collection_behavior::on_replayed(const replayed& part) {
  if (live_.tokens().next() != token_watch::never) look_after_tokens();
  // Who is over hears why, and nothing before it.
  if (const auto j = joins_.find(part.id); j != joins_.end()) finish_if_over(j->second.channel);
  const auto at = joins_.find(part.id);
  if (at == joins_.end()) {
    // It went away meanwhile.
    if (resume_.replayer) send(resume_.replayer, replay_end{part.id});
    return;
  }
  auto& j = at->second;
  if (!part.failed.empty()) {
    tell(j.to.loop, j.to.attachment, server_error(part.failed));
    const auto channel = j.channel;
    const auto s = live_.find(channel);
    give_up(part.id);
    if (live_.listeners(s) == 0 && !is_joining(channel)) live_.remove(s);
    return;
  }
  if (part.lost) return start_over(j);
  j.reached = part.through;
  j.settled = std::max(j.settled, part.settled);
  if (part.done) return go_on_or_live(j, part.events);
  send_events(j, part.events, std::make_shared<const replay_on>(replay_on{part.id, 0, {}}));
}

void collection_behavior::go_on_or_live(join& j, std::vector<std::shared_ptr<const event>> events) {
  if (sequence_ < std::max(j.reached, j.settled)) {
    // Storage was read further than the store has told this actor yet.
    send_events(j, std::move(events), nullptr);
    if (!std::exchange(j.waits, true)) waiting_.push_back(j.what.id);
    return;
  }
  const bool remembered = remembers_after(j.reached);
  if (remembered && j.reached >= j.settled && sequence_ - j.reached <= judged_at_once_max) {
    for (const auto& change : remembered_after(j.reached)) {
      if (auto missed = missed_event(j, *change)) events.push_back(std::move(missed));
    }
    send_events(j, std::move(events), nullptr);
    return go_live(j);
  }
  const bool from_log = definition_->history == storage::history_mode::durable;
  if (!from_log && !remembered) {
    send_events(j, std::move(events), nullptr);
    return start_over(j);
  }
  if (!j.what.definition) {  // Nothing was asked of the replayer yet.
    j.what.after = j.reached;
    return start_replay(j);
  }
  auto next = std::make_shared<replay_on>(replay_on{j.what.id, sequence_, {}});
  if (!from_log) next->changes = remembered_after(j.reached);
  send_events(j, std::move(events), std::move(next));
}

void collection_behavior::resume_waiting() {
  std::vector<replay_id> ready;
  std::erase_if(waiting_, [&](replay_id id) {
    const auto at = joins_.find(id);
    if (at == joins_.end()) return true;
    if (sequence_ < std::max(at->second.reached, at->second.settled)) return false;
    at->second.waits = false;
    ready.push_back(id);
    return true;
  });
  for (const auto id : ready) {
    if (const auto j = joins_.find(id); j != joins_.end()) finish_if_over(j->second.channel);
    if (const auto j = joins_.find(id); j != joins_.end()) go_on_or_live(j->second, {});
  }
}

void collection_behavior::send_events(const join& j,
                                      std::vector<std::shared_ptr<const event>> events,
                                      replay_on_ptr next) {
  // Where the replayer was asked, the loop waits to hear that this was the last part.
  if (events.empty() && !next && !j.what.definition) return;
  auto chunk = std::make_shared<replay_chunk>();
  chunk->attachment = j.to.attachment;
  chunk->events = std::move(events);
  chunk->replayer = resume_.replayer;
  chunk->next = std::move(next);
  send(loops_[j.to.loop], replay_chunk_ptr{std::move(chunk)});
}

void collection_behavior::go_live(join& j) {
  const auto s = live_.find(j.channel);
  const auto to = j.to;
  give_up(j.what.id);
  live_.listen(s, to);
}

void collection_behavior::start_over(join& j) {
  auto fresh = std::move(j);
  give_up(fresh.what.id);
  send_events(fresh, {std::make_shared<const event>(render_reset(sequence_, shown_with(epoch_)))},
              nullptr);
  const auto s = live_.find(fresh.channel);
  if (++fresh.restarts > restarts_max)
    return tell(fresh.to.loop, fresh.to.attachment,
                server_error("The collection changes too fast for a snapshot; subscribe again."));
  if (!fresh.snapshot) return live_.listen(s, fresh.to);
  auto& r = fresh.what;
  r.id = next_replay_id();
  r.bound = std::make_shared<const rules::predicate>(bind(s, rule_));
  r.epoch = epoch_;
  r.after = 0;
  r.snapshot = true;
  fresh.reached = fresh.settled = 0;
  fresh.waits = false;
  r.definition = nullptr;
  joining_.emplace(fresh.channel, r.id);
  start_replay(joins_.emplace(r.id, std::move(fresh)).first->second);
}

void collection_behavior::give_up(replay_id id) {
  const auto at = joins_.find(id);
  if (at == joins_.end()) return;
  const auto [first, last] = joining_.equal_range(at->second.channel);
  const auto entry = std::find_if(first, last, [id](const auto& e) { return e.second == id; });
  if (entry != last) joining_.erase(entry);
  joins_.erase(at);
  if (resume_.replayer) send(resume_.replayer, replay_end{id});
}

void collection_behavior::end_joins(const channel_id& channel, const subscription_failure& why) {
  for (auto at = joining_.find(channel); at != joining_.end(); at = joining_.find(channel)) {
    const auto id = at->second;
    const auto& to = joins_.at(id).to;
    tell(to.loop, to.attachment, why);
    give_up(id);
  }
}

void collection_behavior::take_back(subscriber s) {
  const auto channel = live_.channel(s);
  const auto heard = live_.fate_of(s).heard;
  attach_request as_it_was;
  as_it_was.channel = channel;
  as_it_was.app_id = live_.app(s);
  as_it_was.is_private = !live_.is_public(s);
  std::vector<listener> them;
  live_.for_each_listener(s, [&](std::uint32_t loop, attachment_id attachment) {
    them.push_back({attachment, loop, live_.socket(s, loop, attachment)});
  });
  const auto predicate = live_.noted_predicate(s);
  live_.remove(s);
  if (them.empty() && !is_joining(channel)) {
    caf::anon_send(store_, touch_connection{channel, now_ms()});
    return;
  }
  const auto revived = revive(as_it_was);
  if (!revived) {
    end_joins(channel, revived.error());
    for (const auto& l : them) tell(l.loop, l.attachment, revived.error());
    return;
  }
  if (const auto transaction = database_.env().begin_read()) epoch_ = current_epoch(*transaction);
  for (const auto& l : them) {
    if (!resume_.replayer) {
      live_.listen(*revived, l);
      continue;
    }
    auto j = join_again(*revived, l);
    if (live_.noted_predicate(*revived) != predicate) {
      start_over(j);
      continue;
    }
    j.what.id = next_replay_id();
    j.what.epoch = epoch_;
    j.what.bound = std::make_shared<const rules::predicate>(bind(*revived, rule_));
    j.what.after = j.reached = heard;
    joining_.emplace(channel, j.what.id);
    go_on_or_live(joins_.emplace(j.what.id, std::move(j)).first->second, {});
  }
}

collection_behavior::join collection_behavior::join_again(subscriber s, const listener& to) {
  const auto& extras = live_.extras(s);
  join j;
  j.channel = live_.channel(s);
  j.to = to;
  j.snapshot = extras.snapshot;
  j.asked = false;
  j.what.actions = live_.actions(s);
  j.what.shape = extras.shape;
  j.what.identity_key = live_.identity_key(s);
  j.what.own_sockets = live_.own_sockets(s);
  j.what.own_sockets.push_back(to.socket_id);
  j.what.socket_id = to.socket_id;
  return j;
}

// -- another predicate ---------------------------------------------------------------

void collection_behavior::predicate_changed(subscriber s) {
  const auto bound = bind(s, rule_);
  const auto channel = live_.channel(s);
  std::vector<replay_id> stale;
  const auto [first, last] = joining_.equal_range(channel);
  for (auto at = first; at != last; ++at)
    if (!(*joins_.at(at->second).what.bound == bound)) stale.push_back(at->second);
  for (const auto id : stale) {
    auto& j = joins_.at(id);
    mark_outdated(j.connection, j.to.socket_id);
    // What its client heard before was by the old one, as was what positions were asked.
    if (j.asked) {
      j.what.bound = std::make_shared<const rules::predicate>(bound);
      j.outdated = true;
    } else {
      start_over(j);
    }
  }
  if (!live_.follows_predicate(s) || !live_.note_predicate(s, bound.hash())) return;
  std::vector<join> restarted;
  live_.for_each_listener(s, [&](std::uint32_t loop, attachment_id attachment) {
    restarted.push_back(join_again(s, {attachment, loop, live_.socket(s, loop, attachment)}));
  });
  auto transaction = database_.env().begin_read();
  const auto stored =
      transaction
          ? database_.connections.get(*transaction, channel.text())
          : storage::result<std::optional<storage::connection>>(storage::fail(transaction.error()));
  for (auto& j : restarted) {
    if (stored && *stored && !is_driver(j.to.loop))
      mark_outdated((*stored)->number, j.to.socket_id);
    // Until it has its snapshot it is told of nothing else.
    live_.unlisten(s, j.to.loop, j.to.attachment);
    start_over(j);
  }
}

// Whether its client has heard of the reset when it leaves, nobody knows: the next
// that goes on from there hears another.
void collection_behavior::mark_outdated(std::uint64_t connection, const std::string& socket_id) {
  if (connection == 0 || !resume_.positions) return;
  auto reports = std::make_shared<position_reports>();
  reports->push_back({connection, socket_id, 0, false, true});
  send(resume_.positions, position_reports_ptr{std::move(reports)});
}

// Told when the definition is in force; whether it differs is seen then. Those who
// join are looked at one by one, since they may come after this.
void collection_behavior::note_coming_predicate(subscriber s) {
  if (!coming_->rebinds) return;
  if (live_.follows_predicate(s)) restarting_.push_back(live_.channel(s));
}

// -- what is remembered --------------------------------------------------------------

void collection_behavior::remember(const change_ptr& change) {
  const bool memory = definition_->history == storage::history_mode::memory;
  if (!memory && joins_.empty()) {
    remembered_.clear();
    remembered_bytes_ = 0;
    return;
  }
  remembered_.push_back(change);
  if (!memory) {
    if (remembered_.size() > remembered_max) remembered_.pop_front();
    return;
  }
  remembered_bytes_ += change->record->dump().size();
  const auto oldest = change->committed_ms - options_.history_age_max.count();
  const auto count_max = std::min<std::uint64_t>(options_.history_count_max, memory_history_max);
  const auto bytes_max =
      std::min<std::uint64_t>(options_.history_bytes_max, memory_history_bytes_max);
  while (remembered_.size() > 1 &&
         (remembered_.size() > count_max || remembered_bytes_ > bytes_max ||
          remembered_.front()->committed_ms < oldest)) {
    remembered_bytes_ -= std::min(remembered_.front()->record->dump().size(), remembered_bytes_);
    remembered_.pop_front();
  }
}

bool collection_behavior::remembers_after(std::uint64_t sequence) const {
  return sequence == sequence_ || (!remembered_.empty() && sequence < sequence_ &&
                                   remembered_.front()->sequence <= sequence + 1);
}

std::vector<change_ptr> collection_behavior::remembered_after(std::uint64_t sequence) const {
  const auto first =
      std::upper_bound(remembered_.begin(), remembered_.end(), sequence,
                       [](std::uint64_t s, const change_ptr& c) { return s < c->sequence; });
  return {first, remembered_.end()};
}

// -- events that are not everybody's -------------------------------------------------

void collection_behavior::tell_shaped(const change_ptr& changed) {
  const auto& change = *changed;
  // Rendered once for all whose events look alike, as few as there are kinds.
  std::map<std::pair<std::uint32_t, shown_as>, std::vector<std::shared_ptr<fan_out>>> bodies;
  for (const auto& m : shaped_) {
    const auto& shape = live_.extras(m.id).shape;
    const auto how = judge_transition(change, shape.transitions, m.before, m.after);
    if (!how) continue;
    auto& by_loop = bodies[{live_.look(m.id), *how}];
    if (by_loop.empty()) {
      const auto body =
          std::make_shared<const event>(render(change, *how, shape, shown_with(epoch_)));
      by_loop.resize(loops_.size());
      for (std::size_t loop = 0; loop < by_loop.size(); ++loop) {
        auto& message = by_loop[loop];
        message = std::make_shared<fan_out>();
        message->what = body;
        if (drivers_[loop] != 0) message->cause = changed;
      }
    }
    live_.for_each_hearing(m.id, change, [&](std::uint32_t loop, attachment_id attachment) {
      by_loop[loop]->targets.push_back(attachment);
    });
  }
  for (auto& [kind, by_loop] : bodies) {
    for (std::size_t loop = 0; loop < by_loop.size(); ++loop)
      if (!by_loop[loop]->targets.empty())
        send(loops_[loop], fan_out_ptr{std::move(by_loop[loop])});
  }
}

void collection_behavior::tell_each(const change_ptr& changed) {
  const auto& change = *changed;
  struct target {
    const event_shape* shape;
    shown_as how;
    std::uint32_t loop;
    attachment_id attachment;
  };
  std::vector<target> targets;
  std::vector<subscriber_call> calls;
  for (const auto& m : shaped_) {
    const auto& shape = live_.extras(m.id).shape;
    const auto how = judge_transition(change, shape.transitions, m.before, m.after);
    if (!how) continue;
    live_.for_each_hearing(m.id, change, [&](std::uint32_t loop, attachment_id attachment) {
      targets.push_back({&shape, *how, loop, attachment});
      calls.push_back({definition_->name, to_string(*how), change.record_id,
                       *how == shown_as::left ? change.shown_before() : change.shown(),
                       live_.identity_key(m.id), live_.socket(m.id, loop, attachment), nullptr});
    });
  }
  const auto shown = view_.show(std::move(calls));
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (!shown[i]) continue;
    const auto& to = targets[i];
    auto message = std::make_shared<fan_out>();
    message->what = std::make_shared<const event>(
        render(*shown[i], change.sequence, to.how, *to.shape, shown_with(epoch_)));
    message->targets.push_back(to.attachment);
    if (drivers_[to.loop] != 0) message->cause = changed;
    send(loops_[to.loop], fan_out_ptr{std::move(message)});
  }
}

std::shared_ptr<const event> collection_behavior::missed_event(const join& j,
                                                               const storage::change& change) {
  const auto how = judge(j.what, change);
  if (!how) return nullptr;
  const auto record = view_.show({definition_->name, to_string(*how), change.record_id,
                                  *how == shown_as::left ? change.shown_before() : change.shown(),
                                  j.what.identity_key, j.what.socket_id, nullptr});
  if (!record) return nullptr;
  return std::make_shared<const event>(
      render(*record, change.sequence, *how, j.what.shape, shown_with(epoch_)));
}

// -- for clients that ask ------------------------------------------------------------

caf::typed_response_promise<events_answer> collection_behavior::on_events(
    const events_request& wanted) {
  auto promise = make_response_promise<events_answer>();
  const auto refuse = [&promise](failure f) {
    promise.deliver(events_answer{std::move(f)});
    return promise;
  };
  if (!resume_.replayer) return refuse(unavailable("The engine is stopping."));
  auto transaction = database_.env().begin_read();
  if (!transaction) return refuse(unavailable(transaction.error().message()));
  const auto stored = database_.connections.get(*transaction, wanted.channel.text());
  if (!stored) return refuse(unavailable(stored.error().message()));
  if (!*stored || (*stored)->collection_id != definition_->id)
    return refuse(not_found("There is no such channel."));
  const auto& c = **stored;
  const auto who = identity_of(c);
  const auto auth = read_auth(database_, *transaction, who);
  if (!auth) return refuse(unavailable(auth.error().message()));
  if (auth->gone) return refuse(unauthenticated());
  if (c.token.has_expired(now_ms()))
    return refuse({failure_kind::unauthenticated, token_expired().message, {}});
  const auto filter = rules::parse(c.filter, options_.expressions);
  if (!filter) return refuse(unavailable("The filter is no longer valid."));
  const auto hidden = hidden_of_user(database_, *transaction, who);
  if (!hidden) return refuse(unavailable(hidden.error().message()));
  const auto asks = requester_of(c, auth->auth);
  if (refusal({*filter, asks.parameters(), c.is_public}, in_force(), *hidden))
    return refuse(actors::forbidden());
  epoch_ = current_epoch(*transaction);

  auto job = std::make_shared<events_job>();
  job->limit = wanted.limit;
  auto& r = job->what;
  r.definition = definition_;
  r.hidden = hidden_from_events();
  r.epoch = epoch_;
  r.bound =
      std::make_shared<const rules::predicate>(rules::bind(rule_, *filter, asks.parameters()));
  r.actions = wanted_actions(c.options);
  r.shape = extras_of(c.options).shape;
  r.after = wanted.after;
  r.through = sequence_;
  r.identity_key = who.key();
  if (!c.socket_id.empty()) r.own_sockets = {c.socket_id};
  r.from_log = definition_->history == storage::history_mode::durable;
  if (!r.from_log) r.changes = remembered_after(wanted.after);
  const bool lost = (!wanted.epoch.empty() && wanted.epoch != epoch_) || wanted.after > sequence_ ||
                    (!r.from_log && !remembers_after(wanted.after));
  if (lost) {
    promise.deliver(events_answer{events_page{{}, sequence_, epoch_, true}});
    return promise;
  }
  request(resume_.replayer, caf::infinite, events_job_ptr{std::move(job)})
      .then([promise](const events_answer& answer) mutable { promise.deliver(answer); },
            [promise](const caf::error&) mutable {
              promise.deliver(events_answer{unavailable("The engine is stopping.")});
            });
  return promise;
}

}  // namespace velo::actors
