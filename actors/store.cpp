#include "actors/store.hpp"

#include "actors/auth_value.hpp"
#include "actors/time_text.hpp"
#include "actors/write_answer_codec.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace velo::actors {

namespace {

// A touch alone does not wait for the disk; it rides on the next commit, or on
// one of its own after this long.
constexpr auto touch_delay = std::chrono::seconds{1};

constexpr std::uint64_t trim_interval = 1024;  // changes between two looks at the logs
constexpr auto trim_pause = std::chrono::seconds{5};
constexpr std::size_t trim_max = 1024;  // a transaction: some milliseconds

constexpr std::size_t parked_max = 4096;  // Each commit looks at all of them.
constexpr std::string_view connection_numbers_key = "connection_numbers";
constexpr std::uint64_t connection_numbers_step = 1024;
constexpr std::size_t idempotency_trim_max = 16;
constexpr std::size_t revocation_prune_max = 64;

// The rest of a request that refused one of its atomic operations.
failure not_tried() {
  return conflict("Not written: another change of this atomic request was refused.");
}

// Whether it is what was to be written that failed, rather than the disk.
bool concerns_one_item(const boost::system::error_code& error) {
  using storage::errc;
  return error == errc::invalid_key || error == errc::invalid_value || error == errc::corrupt ||
         error == errc::out_of_order;
}

}  // namespace

store_behavior::store_behavior(caf::actor_config& config, storage::database& database,
                               const engine_options& options)
    : store_actor::base(config),
      database_(database),
      options_(options),
      quota_(options.subscriptions_per_user_max) {
  const auto reader = database_.begin_read();
  const auto any = reader ? database_.shown.any(*reader) : storage::result<bool>(true);
  any_shown_ = !any || *any;
  const auto counted =
      reader ? quota_.load(database_.connections, *reader) : storage::result<void>(reader.error());
  if (!counted)
    spdlog::error("storage: subscriptions cannot be counted: {}", counted.error().message());
}

template <class Answer, class Request>
caf::typed_response_promise<Answer> store_behavior::enqueue(Request request) {
  auto promise = make_response_promise<Answer>();
  queue_.push_back(queued<Request, Answer>{std::move(request), promise, 0});
  schedule_commit();
  return promise;
}

store_behavior::behavior_type store_behavior::make_behavior() {
  caf::delayed_anon_send(caf::actor_cast<store_actor>(this), trim_pause, trim_history{});
  return {
      [this](const write_request_ptr& request) {
        auto promise = make_response_promise<write_answer_ptr>();
        auto* stages = options_.stages;
        const auto began = stages != nullptr ? stages->end(stage::parse, request->began) : 0;
        if (parks() && parked_.size() >= parked_max) {
          promise.deliver(write_answer_ptr{std::make_shared<const write_answer>(write_answer{
              {}, unavailable("Too many writes wait for hooks: try again in a moment."), 0})});
        } else if (parks()) {
          park(request, promise, began);
        } else {
          queue_.emplace_back(queued_write{{request, promise, began}, nullptr});
          schedule_commit();
        }
        return promise;
      },
      [this](const collection_definition_ptr& definition) {
        return enqueue<collection_answer>(definition);
      },
      [this](const collection_removal& removal) { return enqueue<collection_answer>(removal); },
      [this](const connection_ptr& connection) { return enqueue<subscribe_answer>(connection); },
      [this](const webhook_change_ptr& change) { return enqueue<ack>(change); },
      [this](const renew_claims& renewal) { return enqueue<bool>(renewal); },
      [this](const renew_token& renewal) { return enqueue<bool>(renewal); },
      [this](const revocation_ptr& r) { return enqueue<revoke_answer>(r); },
      [this](const user_end_listener_ptr& listener) {
        user_ends_ = listener;
        return ack{};
      },
      [this](const touch_connection& touch) {
        // Only the first of a batch needs a tick of its own, should no other write come.
        if (queue_.empty())
          caf::delayed_anon_send(caf::actor_cast<store_actor>(this), touch_delay, commit_queued{});
        queue_.emplace_back(touch);
      },
      [this](const drop_connection_ptr& drop) { return enqueue<bool>(drop); },
      [this](const identity_change_ptr& change) {
        queue_.emplace_back(change);
        schedule_commit();
      },
      [this](flush request) {
        // Whoever only wants its turn after others is not held up by anybody's hook.
        if (parked_.empty() || !request.parked_too) return enqueue<ack>(request);
        return flushing_.emplace_back(make_response_promise<ack>());
      },
      [this](commit_queued) { commit_queued_items(); },
      [this](trim_history message) {
        if (!message.again)
          caf::delayed_anon_send(caf::actor_cast<store_actor>(this), trim_pause, trim_history{});
        if (message.again || !trimming_) look_for_excess();
      },
  };
}

// Store and collections hold each other; the end of one lets go.
void store_behavior::on_exit() {
  fail(queue_, "The engine is stopping.");
  queue_.clear();
  for (const auto& p : std::exchange(parked_, {}))
    p->promise.deliver(write_answer_ptr{std::make_shared<const write_answer>(
        write_answer{{}, unavailable("The engine is stopping."), 0})});
  flushing_.clear();
  entries_.clear();
}

// The tick lands behind every message that is already in the mailbox: those are
// the ones that share the transaction.
void store_behavior::schedule_commit() {
  if (commit_scheduled_) return;
  commit_scheduled_ = true;
  caf::anon_send(caf::actor_cast<store_actor>(this), commit_queued{});
}

// -- one transaction -----------------------------------------------------------

void store_behavior::commit_queued_items() {
  commit_scheduled_ = false;
  if (!parked_.empty()) {
    queue_passes();
  } else {
    for (auto& promise : std::exchange(flushing_, {}))
      queue_.emplace_back(queued_flush{flush{}, promise, 0});
  }
  if (queue_.empty()) return;
  auto done = commit(queue_);
  const bool separately = !done && concerns_one_item(done.error()) && queue_.size() > 1;
  // One that cannot be written must not take its neighbours with it.
  for (std::size_t i = 0; separately && i < queue_.size(); ++i) {
    const auto alone = items(queue_).subspan(i, 1);
    if (auto written = commit(alone); !written) fail(alone, written.error().message());
  }
  if (!done && !separately) fail(queue_, done.error().message());
  queue_.clear();
}

storage::result<void> store_behavior::commit(items together) {
  std::vector<std::function<void()>> effects;
  entries staged;
  subscription_quota::changes counted;
  std::pair<std::uint64_t, std::uint64_t> numbers;
  storage::result<void> result;
  const auto attempt = [&](const storage::transaction& reader,
                           storage::write_transaction* writer) -> storage::result<void> {
    batch b{reader, writer, now_ms(), {}, {}, {}, {}, connection_number_, connection_numbers_};
    for (const auto& queued : together) {
      auto applied = std::visit([&](const auto& q) { return apply(b, q); }, queued);
      if (!applied) return applied;
    }
    effects = std::move(b.effects);
    staged = std::move(b.staged);
    counted = std::move(b.counted);
    numbers = {b.connection_number, b.connection_numbers};
    return {};
  };
  if (needs_transaction(together)) {
    result = database_.env().write([&](storage::write_transaction& t) { return attempt(t, &t); });
  } else {
    auto reader = database_.begin_read();
    result = reader ? attempt(*reader, nullptr) : storage::result<void>{reader.error()};
  }
  if (!result) {
    spdlog::error("storage: {}", result.error().message());
    return result;
  }
  std::tie(connection_number_, connection_numbers_) = numbers;
  quota_.commit(counted);
  for (auto& [id, e] : staged) {
    if (e)
      entries_[id] = std::move(e);
    else
      entries_.erase(id);
  }
  for (const auto& effect : effects) effect();
  return {};
}

// Stateless ingest writes nothing: it need not wait for the disk.
bool store_behavior::needs_transaction(items together) const {
  const auto writes = [this](const item& queued) {
    if (std::holds_alternative<identity_change_ptr>(queued) ||
        std::holds_alternative<queued_flush>(queued))
      return false;
    if (const auto* d = std::get_if<queued_definition>(&queued); d != nullptr)
      return !d->request->stored;
    const auto* write = std::get_if<queued_write>(&queued);
    if (write == nullptr || write->request->repeat) return true;
    for (const auto& operation : write->request->operations) {
      const auto known = entries_.find(operation.collection_id);
      if (known == entries_.end()) continue;
      const auto& definition = *known->second->target.definition;
      if (concerns_records(definition, operation) ||
          definition.history == storage::history_mode::durable)
        return true;
    }
    return false;
  };
  return std::any_of(together.begin(), together.end(), writes);
}

void store_behavior::fail(items refused, const std::string& why) {
  const auto refusal = unavailable(why);
  const rules::overloaded refuse{
      [&](queued_write& q) {
        if (q.parked) unpark(q.parked);
        q.promise.deliver(
            write_answer_ptr{std::make_shared<const write_answer>(write_answer{{}, refusal, 0})});
      },
      [&](queued_definition& q) { q.promise.deliver(collection_answer{refusal}); },
      [&](queued_removal& q) { q.promise.deliver(collection_answer{refusal}); },
      [&](queued_revocation& q) { q.promise.deliver(revoke_answer{refusal}); },
      [this](queued_trim&) {
        trimming_ = false;
        slices_queued_ = 0;
      },
      [](touch_connection&) {},
      [](identity_change_ptr&) {},
      [&](auto& q) { q.promise.deliver(caf::make_error(caf::sec::runtime_error, why)); },
  };
  for (auto& queued : refused) std::visit(refuse, queued);
}

std::shared_ptr<store_behavior::entry> store_behavior::find(const batch& b,
                                                            const std::string& id) const {
  if (const auto staged = b.staged.find(id); staged != b.staged.end()) return staged->second;
  const auto known = entries_.find(id);
  return known == entries_.end() ? nullptr : known->second;
}

store_behavior::entry& store_behavior::stage(batch& b, const std::string& id) {
  auto& staged = b.staged[id];
  if (!staged) staged = std::make_shared<entry>(*entries_.at(id));
  return *staged;
}

// -- records -------------------------------------------------------------------

storage::result<void> store_behavior::apply(batch& b, const queued_write& q) {
  const auto& parked = q.parked;
  if (parked) parked->said.begin_pass(b.now);
  auto answer =
      perform(b, *q.request, parked ? &parked->said : nullptr, !parked || has_its_turn(b, *parked));
  if (!answer) return answer.error();
  if (!*answer) {
    b.effects.emplace_back([this, parked] { ask_hooks(parked); });
    return {};
  }
  if (parked) {
    b.written.insert(parked->number);
    b.effects.emplace_back([this, parked] { unpark(parked); });
  }
  const auto shared = std::make_shared<const write_answer>(std::move(**answer));
  // Behind the changes it reports: effects run in this order, and a client that
  // has its answer may ask what was sent.
  b.effects.emplace_back([this, promise = q.promise, shared, began = q.began]() mutable {
    if (options_.stages != nullptr) options_.stages->end(stage::commit, began);
    promise.deliver(write_answer_ptr{shared});
  });
  return {};
}

storage::result<std::optional<write_answer>> store_behavior::perform(batch& b,
                                                                     const write_request& request,
                                                                     write_hooks* hooks,
                                                                     bool may_write) {
  using answered = std::optional<write_answer>;
  if (request.repeat) {
    const auto first = database_.idempotency.get(b.reader, request.repeat->scope);
    if (!first) return first.error();
    if (*first) {
      if ((*first)->body_hash != request.repeat->body_hash)
        return answered{write_answer{
            {}, conflict("This Idempotency-Key was used with another request body."), 0}};
      if (auto answer = decode_write_answer((*first)->answer)) return answered{std::move(*answer)};
    }
  }
  auto auth = read_auth(database_, b.reader, request.writer);
  if (!auth) return auth.error();
  if (auth->gone) return answered{write_answer{{}, unauthenticated(), 0}};
  const writer by{request.writer, auth->auth};

  write_answer answer;
  // What an atomic request would write, unwritten until all of it is allowed; and
  // any request where hooks are asked, until they have spoken about all of it.
  struct pending {
    std::size_t position;
    judged_write write;
  };
  std::vector<pending> accepted;
  std::map<std::pair<std::string, std::string>, json_ptr> overlay;
  const bool at_once = !request.atomic && hooks == nullptr;
  bool any_kept = false;
  const auto keep_one = [&](std::size_t position, judged_write& write) -> storage::result<void> {
    auto& target = stage(b, write.change.collection_id);
    const bool ingested = request.operations[position].kind == write_kind::ingest;
    if (auto kept = keep(b, target, write, request.writer, ingested); !kept) return kept;
    answer.results[position]->sequence = target.sequence;
    answer.sequence = std::max(answer.sequence, target.sequence);
    any_kept = true;
    return {};
  };
  for (std::size_t i = 0; i < request.operations.size(); ++i) {
    auto judging = judge_one(b, request, i, by, hooks, overlay);
    if (!judging) return judging.error();
    auto& judged = *judging;
    if (!judged) {
      answer.results.emplace_back(judged.error());
      continue;
    }
    if (!*judged) {  // This pass comes to nothing, but goes on, to know all there is to ask.
      answer.results.emplace_back(not_tried());
      continue;
    }
    auto& write = **judged;
    answer.results.emplace_back(
        written{write.change.record_id, write.change.record, 0, write.viewable});
    if (at_once) {
      if (auto kept = keep_one(i, write); !kept) return kept.error();
      continue;
    }
    if (write.effect != record_effect::none)
      overlay[{write.change.collection_id, write.change.record_id}] =
          write.effect == record_effect::put ? write.change.record : nullptr;
    accepted.push_back({i, std::move(write)});
  }
  if (hooks != nullptr && (hooks->waits() || !may_write)) return answered{};
  const bool all = !request.atomic || accepted.size() == request.operations.size();
  for (auto& [position, write] : accepted) {
    if (!all) {
      answer.results[position] = not_tried();
      continue;
    }
    if (auto kept = keep_one(position, write); !kept) return kept.error();
  }
  if (request.repeat && any_kept) {
    const storage::idempotency_table::entry first{request.repeat->body_hash, encode(answer), b.now};
    if (auto put = database_.idempotency.put(*b.writer, request.repeat->scope, first); !put)
      return put.error();
    const auto oldest = b.now - options_.idempotency_age_max.count();
    if (auto trimmed = database_.idempotency.trim(*b.writer, oldest, idempotency_trim_max);
        !trimmed)
      return trimmed.error();
  }
  return answered{std::move(answer)};
}

storage::result<outcome<std::optional<judged_write>>> store_behavior::judge_one(
    batch& b, const write_request& request, std::size_t position, const writer& by,
    write_hooks* hooks, const std::map<std::pair<std::string, std::string>, json_ptr>& overlay) {
  using judging = outcome<std::optional<judged_write>>;
  const auto& operation = request.operations[position];
  const auto e = find(b, operation.collection_id);
  if (!e) return judging{invalid("collection", "There is no such collection.")};
  const auto id = hooks != nullptr ? hooks->id(position, operation) : record_id_of(operation);
  if (!id) return judging{id.error()};
  json_ptr stored;
  if (const auto o = overlay.find({operation.collection_id, *id}); o != overlay.end()) {
    stored = o->second;
  } else if (concerns_records(*e->target.definition, operation)) {
    auto found = database_.records.get(b.reader, operation.collection_id, *id);
    if (!found) return found.error();
    if (*found) stored = std::make_shared<const nlohmann::json>(std::move(**found));
  }
  if (hooks != nullptr)
    return hooks->judge(position, e->target, operation, *id, stored, by, options_);
  auto judged = judge(e->target, operation, *id, stored, by, b.now, options_);
  if (!judged) return judging{judged.error()};
  return judging{std::optional(std::move(*judged))};
}

storage::result<void> store_behavior::keep(batch& b, entry& e, judged_write& w, const identity& who,
                                           bool ingested) {
  const auto& definition = *e.target.definition;
  auto& change = w.change;
  change.sequence = ++e.sequence;
  if (any_shown_ || change.view) {
    if (auto kept = keep_shown(b, w); !kept) return kept;
  }
  if (w.effect == record_effect::put) {
    if (auto put =
            database_.records.put(*b.writer, definition.id, change.record_id, *change.record);
        !put)
      return put;
  } else if (w.effect == record_effect::erase) {
    if (auto erased = database_.records.erase(*b.writer, definition.id, change.record_id); !erased)
      return erased.error();
  }
  if (definition.history == storage::history_mode::durable) {
    if (auto logged = database_.changes.append(*b.writer, change); !logged) return logged;
    b.effects.emplace_back([this] {
      if (++changes_since_trim_ < trim_interval || std::exchange(trimming_, true)) return;
      caf::anon_send(caf::actor_cast<store_actor>(this), trim_history{true});
    });
  } else if (w.effect != record_effect::none) {
    if (auto moved = database_.changes.advance(*b.writer, definition.id, change.sequence); !moved)
      return moved;
  }
  if (definition.type == storage::collection_type::auth && w.effect != record_effect::none) {
    const bool put = w.effect == record_effect::put;
    // The id of a deleted user stays known, so that old tokens are no guests' claims.
    if (put) {
      if (auto r = database_.tombstones.forget(*b.writer, definition.id, change.record_id); !r)
        return r.error();
    } else if (auto r = database_.tombstones.remember(*b.writer, definition.id, change.record_id);
               !r) {
      return r;
    }
    auto identity = std::make_shared<const identity_change>(
        identity_change{definition.id, change.record_id, put ? change.record : nullptr, false});
    b.effects.emplace_back([this, identity] { tell_all(identity); });
  }
  auto sent = std::make_shared<storage::change>(change);
  b.effects.emplace_back([this, to = e.shards, sent] {
    if (options_.stages != nullptr) sent->committed_at = options_.stages->now();
    for (const auto& shard : to) send(shard, change_ptr{sent});
  });
  if (auto* hooks = options_.hooks; hooks != nullptr) {
    if (auto notice = notice_of(change, definition, who, ingested, *hooks))
      b.effects.emplace_back(
          [runner = hooks->runner(), notice] { caf::anon_send(runner, hook_call_ptr{notice}); });
  }
  return {};
}

storage::result<void> store_behavior::keep_shown(batch& b, judged_write& w) {
  auto& c = w.change;
  if (w.effect == record_effect::none) return {};
  const auto past = database_.shown.get(b.reader, c.collection_id, c.record_id);
  if (!past) return past.error();
  if (*past && c.action != rules::action::created) {
    auto view = c.view ? *c.view : storage::broadcast_view{};
    // Of a record that nobody was shown, whoever loses sight of it learns no more
    // than which it was.
    view.old_record = std::make_shared<const nlohmann::json>(
        (*past)->suppressed ? nlohmann::json{{"id", c.record_id}} : (*past)->record);
    c.view = std::make_shared<const storage::broadcast_view>(std::move(view));
  }
  const bool shown_otherwise = c.view && (c.view->suppressed || c.view->record);
  if (w.effect == record_effect::put && shown_otherwise) {
    any_shown_ = true;
    return database_.shown.put(
        *b.writer, c.collection_id, c.record_id,
        {c.view->suppressed, c.view->record ? *c.view->record : nlohmann::json()});
  }
  if (!*past) return {};
  const auto erased = database_.shown.erase(*b.writer, c.collection_id, c.record_id);
  return erased ? storage::result<void>() : erased.error();
}

// -- retention -----------------------------------------------------------------

storage::retention store_behavior::kept_by(const storage::collection& definition) const {
  // What was durable before its history went elsewhere.
  if (definition.history != storage::history_mode::durable) return {.count_max = 0};
  return {options_.history_count_max, options_.history_bytes_max,
          now_ms() - options_.history_age_max.count()};
}

void store_behavior::look_for_excess() {
  changes_since_trim_ = 0;
  trimming_ = false;
  slices_queued_ = 0;
  const auto reader = database_.begin_read();
  if (!reader) return;
  for (const auto& [id, e] : entries_) {
    const auto exceeds = database_.changes.exceeds(*reader, id, kept_by(*e->target.definition));
    if (!exceeds) spdlog::warn("storage: {}", exceeds.error().message());
    if (!exceeds || !*exceeds) continue;
    queue_.emplace_back(queued_trim{id});
    ++slices_queued_;
  }
  trimming_ = slices_queued_ > 0;
  if (trimming_) schedule_commit();
}

storage::result<void> store_behavior::apply(batch& b, const queued_trim& q) {
  if (const auto e = find(b, q.collection_id)) {
    const auto trimmed = database_.changes.trim(*b.writer, q.collection_id,
                                                kept_by(*e->target.definition), trim_max);
    if (!trimmed) return trimmed.error();
  }
  // Behind the writers that wait already.
  b.effects.emplace_back([this] {
    if (slices_queued_ > 0 && --slices_queued_ == 0)
      caf::anon_send(caf::actor_cast<store_actor>(this), trim_history{true});
  });
  return {};
}

void store_behavior::tell_all(const identity_change_ptr& change) {
  for (const auto& [id, e] : entries_)
    for (const auto& shard : e->shards) send(shard, change);
  if (change->auth == nullptr && !change->record_id.empty())
    tell_user_ended(change->collection_id, change->record_id);
}

void store_behavior::tell_user_ended(const std::string& collection_id,
                                     const std::string& record_id) const {
  if (user_ends_ == nullptr) return;
  // Where there is no such collection, tokens of the default one are their claims.
  const auto users = entries_.find(collection_id);
  const auto* definition =
      users == entries_.end() ? nullptr : users->second->target.definition.get();
  user_ends_->ended(definition == nullptr ? std::string{} : definition->app,
                    sign_in_id(definition == nullptr ? collection_id : definition->name, record_id,
                               options_.user_collection));
}

// -- definitions ---------------------------------------------------------------

storage::result<void> store_behavior::apply(batch& b, const queued_definition& q) {
  const auto& definition = q.request->definition;
  if (q.request->stored) {
    // Read at start: nothing to write.
  } else if (auto put = database_.put_collection(*b.writer, *definition); !put) {
    if (put.error() != storage::errc::name_taken) return put;
    b.effects.emplace_back([promise = q.promise]() mutable {
      promise.deliver(collection_answer{conflict("Another collection has this name.")});
    });
    return {};
  }
  const auto last = database_.changes.last_sequence(b.reader, definition->id);
  if (!last) return last.error();
  const auto known = find(b, definition->id);
  auto e = std::make_shared<entry>();
  e->target = make_write_target(definition, options_.expressions);
  e->shards = q.request->shards;
  e->sequence = known ? known->sequence : *last;
  b.staged[definition->id] = std::move(e);
  b.effects.emplace_back(
      [this, definition, promise = q.promise] { announce(definition, promise); });
  return {};
}

// Its own collection is concerned, and, since the hidden fields of users concern
// every collection's filters, by an auth collection all of them.
template <class Message>
void store_behavior::ask_concerned(const collection_ptr& definition, const Message& message,
                                   std::function<void()> then) {
  // One for the loop below, so that `then` runs once, after all have been asked.
  const auto waiting = std::make_shared<std::size_t>(1);
  const auto answered = [waiting, then = std::move(then)] {
    if (--*waiting == 0) then();
  };
  for (const auto& [id, e] : entries_) {
    if (id != definition->id && definition->type != storage::collection_type::auth) continue;
    for (const auto& shard : e->shards) {
      ++*waiting;
      request(shard, caf::infinite, message)
          .then([answered](ack) { answered(); }, [answered](const caf::error&) { answered(); });
    }
  }
  answered();
}

// First every shard gets ready, each in its own time; then one message to all,
// at one place among the changes, puts the definition in force: no change is
// judged by the old rule in one shard and by the new one in another.
void store_behavior::announce(const collection_ptr& definition,
                              caf::typed_response_promise<collection_answer> promise) {
  ask_concerned(definition, definition, [this, definition, promise] {
    ask_concerned(definition, put_in_force{}, [definition, promise]() mutable {
      promise.deliver(collection_answer{definition});
    });
  });
}

storage::result<void> store_behavior::apply(batch& b, const queued_removal& q) {
  const auto known = find(b, q.request.target);
  if (!known) {
    b.effects.emplace_back(
        [promise = q.promise]() mutable { promise.deliver(collection_answer{not_found()}); });
    return {};
  }
  std::function<void(const storage::connection&)> ended;
  if (quota_.is_bounded())
    ended = [&](const storage::connection& c) { quota_.remove(b.counted, c); };
  if (auto dropped = database_.drop_collection(*b.writer, q.request.target, ended); !dropped)
    return dropped.error();
  if (known->target.definition->type == storage::collection_type::auth) {
    // Whoever was a user is none now: no token's claims may take a record's place.
    if (auto noted =
            database_.meta.put(*b.writer, had_users_key(known->target.definition->name), true);
        !noted)
      return noted;
  }
  b.staged[q.request.target] = nullptr;
  if (known->target.definition->type == storage::collection_type::auth) {
    auto users = std::make_shared<const identity_change>(
        identity_change{q.request.target, {}, nullptr, false});
    b.effects.emplace_back([this, users] { tell_all(users); });
  }
  b.effects.emplace_back([this, promise = q.promise, known]() mutable {
    for (const auto& shard : known->shards) send(shard, collection_dropped{});
    promise.deliver(collection_answer{known->target.definition});
  });
  return {};
}

// -- connections ---------------------------------------------------------------

storage::result<void> store_behavior::apply(batch& b, const queued_connection& q) {
  auto kept = keep(b, *q.request);
  if (!kept) return kept.error();
  b.effects.emplace_back(
      [promise = q.promise, answer = subscribe_answer{std::move(*kept)}]() mutable {
        promise.deliver(std::move(answer));
      });
  return {};
}

storage::result<outcome<storage::connection>> store_behavior::keep(
    batch& b, const storage::connection& wanted) {
  using keeping = outcome<storage::connection>;
  const auto e = find(b, wanted.collection_id);
  if (!e) return keeping{invalid("collection", "It was deleted.")};
  if (quota_.is_bounded()) {
    // One that is written anew is counted once.
    const auto before = database_.connections.get(b.reader, wanted.uuid);
    if (!before) return before.error();
    if (*before) quota_.remove(b.counted, **before);
    if (!quota_.has_room(b.counted, wanted)) {
      if (*before) quota_.add(b.counted, **before);
      return keeping{too_many("This user has " + std::to_string(quota_.max()) +
                              " subscriptions, as many as one may have: end some that are not "
                              "needed, or wait until those that nobody uses have ended.")};
    }
    quota_.add(b.counted, wanted);
  }
  auto c = wanted;
  const auto number = next_connection_number(b);
  if (!number) return number.error();
  c.number = *number;
  c.sequence = e->sequence;
  c.epoch = database_.run_id();
  if (e->target.definition->history == storage::history_mode::durable) {
    auto epoch = database_.changes.epoch(b.reader, c.collection_id);
    if (!epoch) return epoch.error();
    c.epoch = std::move(*epoch);
  }
  if (auto put = database_.connections.put(*b.writer, c); !put) return put.error();
  return keeping{std::move(c)};
}

// Reserved on disk in steps, so that most connections cost no write for it.
storage::result<std::uint64_t> store_behavior::next_connection_number(batch& b) {
  if (b.connection_number == b.connection_numbers) {
    const auto reserved = database_.meta.get(b.reader, connection_numbers_key);
    if (!reserved) return reserved.error();
    b.connection_number = *reserved ? (*reserved)->get<std::uint64_t>() : 0;
    const auto next = b.connection_number + connection_numbers_step;
    if (auto put = database_.meta.put(*b.writer, connection_numbers_key, next); !put)
      return put.error();
    b.connection_numbers = next;
  }
  return ++b.connection_number;
}

storage::result<void> store_behavior::apply(batch& b, const queued_drop& q) {
  const auto& drop = *q.request;
  auto stored = database_.connections.get(b.reader, drop.channel.text());
  if (!stored) return stored.error();
  const bool drops = *stored && !(drop.unless_seen_since_ms &&
                                  (*stored)->last_seen_ms >= *drop.unless_seen_since_ms);
  if (drops) {
    if (auto erased = database_.connections.erase(*b.writer, drop.channel.text()); !erased)
      return erased.error();
    quota_.remove(b.counted, **stored);
    if (const auto e = find(b, (*stored)->collection_id)) {
      auto message = std::make_shared<const connection_dropped>(
          connection_dropped{drop.channel, drop.why, (*stored)->number});
      b.effects.emplace_back([this, to = shard_of(e->shards, drop.channel), message] {
        send(to, connection_dropped_ptr{message});
      });
    }
  }
  b.effects.emplace_back([promise = q.promise, drops]() mutable { promise.deliver(drops); });
  return {};
}

// Of the connection only its claims: it may have been seen, or dropped, since
// the sender last looked.
storage::result<void> store_behavior::apply(batch& b, const queued_renewal& q) {
  auto stored = database_.connections.get(b.reader, q.request.channel.text());
  if (!stored) return stored.error();
  const bool known = stored->has_value();
  if (known && renews(*q.request.claims, (*stored)->claims)) {
    (*stored)->claims = *q.request.claims;
    if (auto put = database_.connections.put(*b.writer, **stored); !put) return put;
  }
  b.effects.emplace_back([promise = q.promise, known]() mutable { promise.deliver(known); });
  return {};
}

storage::result<void> store_behavior::apply(batch& b, const queued_token& q) {
  auto stored = database_.connections.get(b.reader, q.request.channel.text());
  if (!stored) return stored.error();
  bool known = stored->has_value();
  if (known) {
    // It may have been revoked since it was found good.
    auto who = identity_of(**stored);
    who.token = q.request.token;
    const auto revoked = is_revoked(database_, b.reader, who);
    if (!revoked) return revoked.error();
    known = !*revoked;
  }
  if (known) {
    auto& c = **stored;
    c.token = q.request.token;
    if (q.request.claims && renews(*q.request.claims, c.claims)) c.claims = *q.request.claims;
    if (auto put = database_.connections.put(*b.writer, c); !put) return put;
    // First the collection, then the client: what is sent after the answer finds it renewed.
    if (const auto e = find(b, c.collection_id))
      b.effects.emplace_back(
          [this, to = shard_of(e->shards, q.request.channel),
           renewed = token_renewed{q.request.channel, q.request.token}] { send(to, renewed); });
  }
  b.effects.emplace_back([promise = q.promise, known]() mutable { promise.deliver(known); });
  return {};
}

storage::result<void> store_behavior::apply(batch& b, const queued_revocation& q) {
  const auto& r = *q.request;
  const auto& table = database_.revocations;
  if (auto pruned = table.prune(*b.writer, b.now, revocation_prune_max); !pruned)
    return pruned.error();
  const auto key = r.collection_id.empty()
                       ? revocation_key_of_token(r.token_id)
                       : revocation_key_of_user(user_key(r.collection_id, r.record_id));
  const auto held = table.count(b.reader);
  if (!held) return held.error();
  const auto known = table.get(b.reader, key);
  if (!known) return known.error();
  if (!*known && *held >= options_.revocations_max) {
    b.effects.emplace_back([promise = q.promise]() mutable {
      promise.deliver(revoke_answer{unavailable(
          "Too many revocations are remembered; say when the tokens expire, or wait.")});
    });
    return {};
  }
  if (auto put = table.put(*b.writer, key, {r.issued_s, r.until_ms}); !put) return put;
  b.effects.emplace_back([this, what = q.request, promise = q.promise]() mutable {
    for (const auto& [id, e] : entries_)
      for (const auto& shard : e->shards) send(shard, revoked{what});
    if (!what->collection_id.empty()) tell_user_ended(what->collection_id, what->record_id);
    promise.deliver(revoke_answer{std::monostate{}});
  });
  return {};
}

storage::result<void> store_behavior::apply(batch& b, const queued_webhooks& q) {
  const auto& change = *q.request;
  for (const auto& entry : change.put) {
    if (auto put = database_.webhooks.put(*b.writer, change.app_id, entry); !put) return put;
  }
  for (const auto number : change.erase) {
    if (auto erased = database_.webhooks.erase(*b.writer, change.app_id, number); !erased)
      return erased.error();
  }
  b.effects.emplace_back([promise = q.promise]() mutable { promise.deliver(ack{}); });
  return {};
}

storage::result<void> store_behavior::apply(batch& b, const touch_connection& touch) {
  const auto touched = database_.connections.touch(*b.writer, touch.channel.text(), touch.seen_ms);
  return touched ? storage::result<void>{} : touched.error();
}

// -- the rest --------------------------------------------------------------------

storage::result<void> store_behavior::apply(batch& b, const queued_flush& q) {
  b.effects.emplace_back([promise = q.promise]() mutable { promise.deliver(ack{}); });
  return {};
}

// A record that was stored, or deleted, since AUTH looked outranks the claims.
storage::result<void> store_behavior::apply(batch& b, const identity_change_ptr& change) {
  identity who{identity_kind::user, change->collection_id, change->record_id, change->auth, {}};
  who.token.issued_s = issued_second(*change->auth);
  const auto user = read_auth(database_, b.reader, who);
  if (!user) return user.error();
  if (user->auth == change->auth) b.effects.emplace_back([this, change] { tell_all(change); });
  return {};
}

}  // namespace velo::actors
