// What changes under the live subscriptions of a collection: its definition,
// and the identities of those who listen.

#include "actors/auth_value.hpp"
#include "actors/collection.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"
#include "rules/mentions.hpp"

#include <spdlog/spdlog.h>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace velo::actors {

namespace {

// A change waits for a slice at most, however dear its filters are to bind.
constexpr auto slice_time = std::chrono::milliseconds{4};
constexpr std::size_t clock_interval = 16;

// Freeing a large index takes longer than a change should wait.
constexpr std::size_t freed_at_once_max = 4096;

bool hides_more(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  return std::any_of(after.begin(), after.end(), [&](const std::string& field) {
    return std::find(before.begin(), before.end(), field) == before.end();
  });
}

// Whether binding `tree` to the one gives something else than binding it to the
// other. Compared as texts: to LIKE, 1 and 1.0 are not the same.
bool tells_apart(const rules::expression& tree, const nlohmann::json& before,
                 const nlohmann::json& after) {
  const auto text = [](const nlohmann::json& auth, const rules::path& p) {
    const auto* value = rules::lookup(auth, p.steps);
    return value == nullptr ? std::string("null") : value->dump();
  };
  bool differs = false;
  rules::for_each_path(tree, [&](const rules::path& p, const rules::comparison&) {
    differs = differs || (p.from == rules::root::auth && text(before, p) != text(after, p));
  });
  return differs;
}

subscription_failure failure_of(live_subscriptions::cause why) {
  switch (why) {
    case live_subscriptions::cause::user_deleted:
      return user_deleted();
    case live_subscriptions::cause::token_expired:
      return token_expired();
    case live_subscriptions::cause::token_revoked:
      return token_revoked();
  }
  return user_deleted();
}

}  // namespace

// -- a definition ----------------------------------------------------------------

rules::rule collection_behavior::list_rule(const storage::collection& definition,
                                           const engine_options& options) {
  auto parsed = rules::rule::parse(definition.rules.list, options.expressions);
  // The registry has validated it. A text that no longer parses (lowered
  // limits) closes the collection rather than opening it.
  if (!parsed)
    spdlog::error("collection {}: list rule: {} at column {}; superusers only until mended",
                  definition.name, parsed.error().message, parsed.error().column);
  return parsed ? std::move(*parsed) : rules::rule{};
}

collection_behavior::ack_promise collection_behavior::on_definition(
    const collection_ptr& definition) {
  auto promise = make_response_promise<ack>();
  if (coming_ || !endings_.empty() || !definitions_.empty())
    definitions_.emplace_back(definition, promise);
  else
    begin_coming(definition, promise);
  return promise;
}

void collection_behavior::begin_coming(const collection_ptr& definition, ack_promise ready) {
  coming next;
  next.own = definition->id == definition_->id;
  bool concerns = false;
  if (next.own) {
    next.rule = list_rule(*definition, options_);
    next.rebinds = next.rule != rule_;
    concerns = next.rebinds || hides_more(definition_->hidden, definition->hidden);
  } else {
    // Another collection's definition concerns us only by the hidden fields of
    // its users, which a filter can compare with.
    next.rebinds = false;
    concerns = live_.mentioning_auth() != 0;
  }
  if (!concerns) {
    if (next.own) definition_ = definition;
    ready.deliver(ack{});
    return;
  }
  next.definition = definition;
  next.ready = std::move(ready);
  next.hidden_of_users.emplace(definition->id, definition->hidden);
  coming_ = std::move(next);
  if (coming_->rebinds) live_.begin_next();
  // Until then an event shows what neither of the two hides.
  all_hidden_ = definition_->hidden;
  if (coming_->own)
    all_hidden_.insert(all_hidden_.end(), definition->hidden.begin(), definition->hidden.end());
  judge_slice();
}

void collection_behavior::judge_slice() {
  const auto end_of_slice = std::chrono::steady_clock::now() + slice_time;
  auto& next = coming_->next;
  for (std::size_t n = 0; n < options_.rebind_slice && next < live_.bound(); ++n, ++next) {
    if (n != 0 && n % clock_interval == 0 && std::chrono::steady_clock::now() > end_of_slice) break;
    if (live_.holds(next)) judge_by_coming(next);
  }
  if (next < live_.bound()) {
    // By way of the store, not by a message to itself: an actor whose mailbox is
    // never empty keeps its scheduler's thread, and as many shards as there are
    // threads would keep everybody else waiting.
    const auto go_on = [this] {
      if (coming_ && !coming_->judged_all) judge_slice();
    };
    request(store_, caf::infinite, flush{})
        .then([go_on](ack) { go_on(); }, [go_on](const caf::error&) { go_on(); });
    return;
  }
  coming_->judged_all = true;
  auto ready = coming_->ready;
  if (shards_ == 1) put_coming_in_force();
  ready.deliver(ack{});
}

void collection_behavior::judge_by_coming(subscriber s) {
  if (live_.is_doomed(s)) return;
  const auto why = refusal(s, newest(), coming_->hidden_of_users);
  if (why && !live_.is_condemned(s)) coming_->condemned.push_back(live_.channel(s));
  live_.condemn(s, why.has_value());
  if (!coming_->rebinds) return;
  if (why)
    live_.withdraw_next(s);
  else
    live_.put_next(s, bind(s, coming_->rule));
  note_coming_predicate(s);
}

collection_behavior::ack_promise collection_behavior::on_put_in_force() {
  auto promise = make_response_promise<ack>();
  if (coming_ && coming_->judged_all) put_coming_in_force();
  if (endings_.empty())
    promise.deliver(ack{});
  else
    obeyed_.push_back(promise);
  return promise;
}

void collection_behavior::put_coming_in_force() {
  if (coming_->own) {
    definition_ = coming_->definition;
    rule_ = std::move(coming_->rule);
  }
  if (coming_->rebinds) {
    std::shared_ptr<rules::predicate_index> old = live_.swap_next();
    if (old->subscribers() > freed_at_once_max)
      system().spawn<caf::detached>(
          [old = std::move(old)](caf::event_based_actor*) mutable { old.reset(); });
  }
  endings_.insert(endings_.end(), coming_->condemned.begin(), coming_->condemned.end());
  coming_.reset();
  auto restarting = std::exchange(restarting_, {});
  for (const auto& [channel, id] : joining_) restarting.push_back(channel);
  for (const auto& channel : restarting)
    if (const auto s = live_.find(channel); s != live_subscriptions::none && !is_over(s))
      predicate_changed(s);
  end_slice();
}

collection_behavior::measure collection_behavior::newest() const {
  return rule_is_coming() ? measure{coming_->rule, coming_->definition->hidden} : in_force();
}

const std::vector<std::string>& collection_behavior::hidden_from_events() const {
  return coming_ ? all_hidden_ : definition_->hidden;
}

// -- predicates --------------------------------------------------------------------

rules::predicate collection_behavior::bind(subscriber s, const rules::rule& by) {
  const auto* filter = live_.filter(s);
  return filter == nullptr ? rules::predicate()
                           : rules::bind(by, *filter, live_.who(s).parameters());
}

void collection_behavior::put_in_indexes(subscriber s) {
  // Who subscribed by the newest rule hears nothing, until that one is in force,
  // that the rule in force would not have let him hear.
  hidden_by_users known;
  if (rule_is_coming() && refusal(s, in_force(), known))
    live_.withdraw(s);
  else
    live_.put(s, bind(s, rule_));
  if (live_.follows_predicate(s) || is_joining(live_.channel(s))) predicate_changed(s);
  if (coming_) judge_by_coming(s);
}

// -- identities ----------------------------------------------------------------------

void collection_behavior::on_identity_change(const identity_change& change) {
  const auto key = user_key(change.collection_id, change.record_id);
  if (!change.auth) {
    const auto theirs =
        change.record_id.empty() ? live_.of_users(change.collection_id) : live_.of_identity(key);
    doom_all(theirs, {live_subscriptions::cause::user_deleted});
    return end_slice();
  }
  if (change.claims) {
    const auto known = live_.auth_of(key);
    if (!known || !live_.is_claims(key) || !renews(*change.auth, *known)) return;
    for (const auto s : live_.of_identity(key))
      caf::anon_send(store_, renew_claims{live_.channel(s), change.auth});
  }
  change_identity(key, *change.auth, change.claims);
}

void collection_behavior::change_identity(const std::string& key, const nlohmann::json& auth,
                                          bool claims) {
  const auto before = live_.auth_of(key);
  if (!live_.set_auth(key, auth, claims)) return;
  static const nlohmann::json nothing;
  const auto concerns = [&](const rules::expression& tree) {
    return tells_apart(tree, before ? *before : nothing, auth);
  };
  const bool by_rule =
      concerns(rule_.condition()) || (rule_is_coming() && concerns(coming_->rule.condition()));
  for (const auto s : live_.of_identity(key)) {
    if (is_over(s)) continue;
    if (!by_rule) {
      const auto* filter = live_.filter_mentions_auth(s) ? live_.filter(s) : nullptr;
      if (filter == nullptr || !concerns(*filter)) continue;
    }
    put_in_indexes(s);
  }
}

// -- ends ------------------------------------------------------------------------------

bool collection_behavior::is_over(subscriber s) const {
  return live_.is_doomed(s) || (live_.is_condemned(s) && !coming_);
}

void collection_behavior::end_slice() {
  if (ending_) return;
  for (std::size_t n = 0; n < options_.rebind_slice && !endings_.empty(); ++n) {
    const auto channel = endings_.front();
    endings_.pop_front();
    finish_if_over(channel);
  }
  if (!endings_.empty()) {
    // The store drops their records between the writes of others.
    ending_ = true;
    const auto next = [this] {
      ending_ = false;
      end_slice();
    };
    request(store_, caf::infinite, flush{})
        .then([next](ack) { next(); }, [next](const caf::error&) { next(); });
    return;
  }
  for (auto& promise : std::exchange(obeyed_, {})) promise.deliver(ack{});
  while (!coming_ && endings_.empty() && !definitions_.empty()) {
    auto [definition, ready] = std::move(definitions_.front());
    definitions_.pop_front();
    begin_coming(definition, std::move(ready));
  }
}

void collection_behavior::finish(subscriber s) {
  hidden_by_users known;
  const auto channel = live_.channel(s);
  // The record of one whose token has expired stays: a new token may go on where it was.
  const bool stays =
      live_.is_doomed(s) && live_.fate_of(s).why == live_subscriptions::cause::token_expired;
  if (stays) {
    const auto transaction = database_.env().begin_read();
    if (transaction && newer_token(*transaction, channel, now_ms())) return take_back(s);
  }
  const auto why = live_.is_doomed(s)
                       ? failure_of(live_.fate_of(s).why)
                       : refusal(s, in_force(), known)
                             .value_or(server_error("The subscription was interrupted; go on."));
  end_joins(channel, why);
  live_.for_each_listener(
      s, [&](std::uint32_t loop, attachment_id attachment) { tell(loop, attachment, why); });
  live_.remove(s);
  if (stays)
    caf::anon_send(store_, touch_connection{channel, now_ms()});
  else if (why.status < 500)
    drop(channel, why);
}

void collection_behavior::finish_if_over(const channel_id& channel) {
  const auto s = live_.find(channel);
  if (s != live_subscriptions::none && is_over(s)) finish(s);
}

void collection_behavior::drop(const channel_id& channel, const subscription_failure& why) {
  auto d = std::make_shared<drop_connection>();
  d->channel = channel;
  d->why = why;
  caf::anon_send(store_, drop_connection_ptr{std::move(d)});
}

}  // namespace velo::actors
