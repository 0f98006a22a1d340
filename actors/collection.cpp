#include "actors/collection.hpp"

#include "actors/auth_value.hpp"
#include "actors/event_body.hpp"
#include "actors/random.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"
#include "rules/mentions.hpp"
#include "rules/parser.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

collection_behavior::collection_behavior(caf::actor_config& config,
                                         const collection_ptr& definition, unsigned shards,
                                         store_actor store, resume_actors resume,
                                         const storage::database& database,
                                         const engine_options& options)
    : collection_actor::base(config),
      definition_(definition),
      rule_(list_rule(*definition, options)),
      store_(std::move(store)),
      database_(database),
      options_(options),
      live_(options.expressions),
      shards_(shards),
      resume_(std::move(resume)),
      view_(options.hooks) {
  const auto transaction = database_.env().begin_read();
  const auto last = transaction ? database_.changes.last_sequence(*transaction, definition->id)
                                : storage::result<std::uint64_t>(0);
  if (last) sequence_ = *last;
  if (transaction) epoch_ = current_epoch(*transaction);
}

collection_behavior::behavior_type collection_behavior::make_behavior() {
  return {
      [this](const change_ptr& change) { on_change(change); },
      [this](const identity_change_ptr& change) { on_identity_change(*change); },
      [this](const collection_ptr& definition) { return on_definition(definition); },
      [this](put_in_force) { return on_put_in_force(); },
      [this](const connection_dropped_ptr& message) {
        if (resume_.positions && message->number != 0)
          caf::anon_send(resume_.positions, forget_positions{message->number});
        const auto s = live_.find(message->channel);
        if (s == live_subscriptions::none) return;
        end_joins(message->channel, message->why);
        live_.for_each_listener(s, [&](std::uint32_t loop, attachment_id attachment) {
          tell(loop, attachment, message->why);
        });
        live_.remove(s);
      },
      [this](collection_dropped) {
        const subscription_failure why{"NotFound", "The collection was deleted.", 404,
                                       "collection_deleted"};
        for (const auto& [id, j] : joins_) tell(j.to.loop, j.to.attachment, why);
        for (subscriber s = 0; s < live_.bound(); ++s) {
          if (!live_.holds(s)) continue;
          live_.for_each_listener(s, [&](std::uint32_t loop, attachment_id attachment) {
            tell(loop, attachment, why);
          });
        }
        quit();
      },
      [this](const token_renewed& message) { on_token_renewed(message); },
      [this](const revoked& message) { on_revoked(*message.what); },
      [this](look_at_tokens) { on_token_look(); },
      [this](const subscribe_request_ptr& request) { return on_subscribe(*request); },
      [this](const attach_request_ptr& message) { on_attach(*message); },
      [this](const detach_notice& message) { on_detach(message); },
      [this](const replayed_ptr& part) { on_replayed(*part); },
      [this](const events_request_ptr& wanted) { return on_events(*wanted); },
      [this](const stale_candidates_ptr& message) { on_stale(*message); },
  };
}

// Store and collections hold each other; the end of one lets go.
void collection_behavior::on_exit() {
  // Their answers from the store would find nobody any more.
  for (auto& [uuid, promise] : subscribing_)
    promise.deliver(subscribe_answer{unavailable("The collection is gone.")});
  subscribing_.clear();
  if (coming_) coming_->ready.deliver(ack{});
  for (auto& [definition, ready] : definitions_) ready.deliver(ack{});
  for (auto& promise : obeyed_) promise.deliver(ack{});
  coming_.reset();
  definitions_.clear();
  obeyed_.clear();
  store_ = nullptr;
  for (const auto& [id, j] : joins_)
    if (resume_.replayer) caf::anon_send(resume_.replayer, replay_end{id});
  joins_.clear();
  resume_ = {};
  loops_.clear();
}

// -- changes -----------------------------------------------------------------

void collection_behavior::on_change(const change_ptr& changed) {
  const auto before = std::exchange(sequence_, changed->sequence);
  remember(changed);
  if (live_.size() == 0) return;
  // What is committed when a token has expired is not for those who lived by it.
  const bool some_end =
      live_.tokens().next() <= changed->committed_ms && doom_expired(changed->committed_ms, before);
  tell_matching(changed);
  if (!waiting_.empty()) resume_waiting();
  // Who is taken back hears of this change too: not before others do.
  if (some_end) end_slice();
}

void collection_behavior::tell_matching(const change_ptr& changed) {
  const auto& change = *changed;
  for (auto& list : targets_) list.clear();
  shaped_.clear();
  const bool each_alone = view_.any();
  const bool any = !change.suppressed() && live_.match(change, time_text(change.committed_ms),
                                                       targets_, shaped_, each_alone);
  if (!shaped_.empty()) each_alone ? tell_each(changed) : tell_shaped(changed);
  if (!any) return;
  const auto body =
      std::make_shared<const event>(render(change, hidden_from_events(), options_.event_name));
  const auto matched =
      options_.stages != nullptr ? options_.stages->end(stage::match, change.committed_at) : 0;
  for (std::size_t loop = 0; loop < targets_.size(); ++loop) {
    if (targets_[loop].empty()) continue;
    auto message = std::make_shared<fan_out>();
    message->what = body;
    message->targets = targets_[loop];
    message->began = matched;
    if (drivers_[loop] != 0) message->cause = changed;
    send(loops_[loop], fan_out_ptr{std::move(message)});
  }
}

// -- subscribing ---------------------------------------------------------------

caf::typed_response_promise<subscribe_answer> collection_behavior::on_subscribe(
    const subscribe_request& wanted) {
  auto promise = make_response_promise<subscribe_answer>();
  auto decided = decide(wanted);
  if (!decided) {
    promise.deliver(subscribe_answer{decided.error()});
    return promise;
  }
  const auto stored = std::make_shared<const storage::connection>(std::move(*decided));
  subscribing_.emplace(stored->uuid, promise);
  const auto answer = [this, uuid = stored->uuid](subscribe_answer result) {
    auto waiting = subscribing_.extract(uuid);
    waiting.mapped().deliver(std::move(result));
  };
  request(store_, caf::infinite, connection_ptr{stored})
      .then([answer](subscribe_answer& kept) { answer(std::move(kept)); },
            [answer](const caf::error& e) {
              answer(subscribe_answer{unavailable(caf::to_string(e))});
            });
  return promise;
}

outcome<storage::connection> collection_behavior::decide(const subscribe_request& wanted) {
  if (wanted.who.kind == identity_kind::ingest) return forbidden();
  auto transaction = database_.env().begin_read();
  if (!transaction) return unavailable(transaction.error().message());
  const auto auth = read_auth(database_, *transaction, wanted.who);
  if (!auth) return unavailable(auth.error().message());
  if (auth->gone) return unauthenticated();

  storage::connection c;
  c.options = wanted.options;
  c.superuser = wanted.who.kind == identity_kind::superuser;
  // The rule first: what a filter may name is for those to know who may subscribe.
  const auto asks = requester_of(c, auth->auth);
  const auto parameters = asks.parameters();
  const auto by = newest();
  const auto allowed = rules::decide(by.rule, rules::expression(true), parameters).outcome;
  if (allowed == rules::access::unauthenticated) return unauthenticated();
  if (allowed == rules::access::forbidden) return forbidden();
  const auto filter = rules::parse(wanted.filter, options_.expressions);
  if (!filter)
    return invalid("filter", filter.error().message + " (column " +
                                 std::to_string(filter.error().column) + ")");
  const auto user_hidden = hidden_of_user(database_, *transaction, wanted.who);
  if (!user_hidden) return unavailable(user_hidden.error().message());
  if (const auto hidden = rules::names_hidden_field(*filter, by.hidden, *user_hidden))
    return invalid("filter", "The field " + *hidden + " is hidden; a filter may not name it.");

  c.uuid = random_uuid_v4();
  c.collection_id = definition_->id;
  c.app_id = wanted.app_id;
  if (wanted.who.is_user()) {
    c.auth_collection_id = wanted.who.collection_id;
    c.auth_record_id = wanted.who.record_id;
    if (wanted.who.claims) c.claims = *wanted.who.claims;
    c.token = wanted.who.token;
  }
  c.socket_id = wanted.socket_id;
  c.filter = wanted.filter;
  c.is_public = rules::decide(by.rule, *filter, parameters).is_public;
  c.created_ms = c.last_seen_ms = now_ms();
  return c;
}

std::optional<subscription_failure> collection_behavior::refusal(
    const claimant& c, const measure& by, const std::vector<std::string>& hidden_of_users) {
  const auto decision = rules::decide(by.rule, c.filter, c.who);
  if (decision.outcome != rules::access::granted)
    return subscription_failure{"AuthError", "The collection's rule no longer allows it.", 403,
                                "rule_changed"};
  // The name of a public channel is no secret.
  if (c.is_public && !decision.is_public)
    return subscription_failure{"AuthError", "The channel is no longer public; subscribe anew.",
                                403, "rule_changed"};
  if (rules::names_hidden_field(c.filter, by.hidden, hidden_of_users))
    return subscription_failure{"AuthError", "The filter names a field that is hidden now.", 403,
                                "field_hidden"};
  return std::nullopt;
}

std::optional<subscription_failure> collection_behavior::refusal(subscriber s, const measure& by,
                                                                 hidden_by_users& known) {
  static const std::vector<std::string> none;
  const auto* hidden = &none;
  // Only through `@request.auth` can a filter name a field of the user's.
  if (live_.filter_mentions_auth(s)) {
    auto users = live_.users_of(s);
    auto at = known.find(users);
    if (at == known.end()) {
      auto transaction = database_.env().begin_read();
      if (!transaction) return server_error(transaction.error().message());
      auto own = database_.collections.get(*transaction, users);
      if (!own) return server_error(own.error().message());
      at = known
               .emplace(std::move(users),
                        *own ? std::move((*own)->hidden) : std::vector<std::string>{})
               .first;
    }
    hidden = &at->second;
  }
  const auto* filter = live_.filter(s);
  if (filter == nullptr) return server_error("The filter is no longer valid.");
  const auto asks = live_.who(s);
  return refusal({*filter, asks.parameters(), live_.is_public(s)}, by, *hidden);
}

// -- listening -----------------------------------------------------------------

boost::system::result<collection_behavior::subscriber, subscription_failure>
collection_behavior::revive(const attach_request& message) {
  // Read here and now: a snapshot this actor takes itself is never older than
  // what the store has told it, so nothing is missed between reading and going live.
  auto transaction = database_.env().begin_read();
  if (!transaction) return server_error(transaction.error().message());
  auto found = database_.connections.get(*transaction, message.channel.text());
  if (!found) return server_error(found.error().message());
  if (!*found || (*found)->collection_id != definition_->id || (*found)->app_id != message.app_id ||
      (*found)->is_public == message.is_private)
    return not_found_failure();
  const auto& stored = **found;

  const auto refuse = [&](subscription_failure why) {
    drop(message.channel, why);
    return why;
  };
  const auto who = identity_of(stored);
  const auto auth = read_auth(database_, *transaction, who);
  if (!auth) return server_error(auth.error().message());
  if (auth->gone) return refuse(auth->revoked ? token_revoked() : user_deleted());
  // Its record stays: a new token may yet go on where it was.
  if (stored.token.has_expired(now_ms())) return token_expired();
  const auto filter = rules::parse(stored.filter, options_.expressions);
  if (!filter) return server_error("The filter is no longer valid: " + filter.error().message);
  const auto hidden = rules::mentions_auth(*filter) ? hidden_of_user(database_, *transaction, who)
                                                    : std::vector<std::string>{};
  if (!hidden) return server_error(hidden.error().message());
  const auto asks = requester_of(stored, auth->auth);
  if (auto why = refusal({*filter, asks.parameters(), stored.is_public}, newest(), *hidden))
    return refuse(std::move(*why));

  const auto key = who.key();
  const auto s = live_.add(stored, *filter, auth->auth);
  watch_token(s, stored.token);
  // Of one user's tokens the newest speaks for all of the user's subscriptions.
  if (const auto known = live_.auth_of(key);
      auth->auth && auth->auth == who.claims && known && live_.is_claims(key)) {
    if (issued_at(*who.claims) > issued_at(*known))
      change_identity(key, *who.claims, true);
    else if (renews(*known, *who.claims))
      caf::anon_send(store_, renew_claims{message.channel, known});
  }
  put_in_indexes(s);
  return s;
}

void collection_behavior::on_attach(const attach_request& message) {
  if (loops_.size() <= message.loop) {
    loops_.resize(message.loop + 1);
    targets_.resize(message.loop + 1);
    drivers_.resize(message.loop + 1);
  }
  loops_[message.loop] = message.answer_to;
  const bool by_socket = message.from == listener_kind::socket;
  const bool by_actor = message.from == listener_kind::actor;
  drivers_[message.loop] = by_socket || by_actor ? 0 : 1;
  const auto refuse = [&](const subscription_failure& why) {
    tell(message.loop, message.attachment, why);
  };

  finish_if_over(message.channel);
  auto s = live_.find(message.channel);
  if (s == live_subscriptions::none) {
    const auto revived = revive(message);
    if (!revived) return refuse(revived.error());
    s = *revived;
  } else if (live_.app(s) != message.app_id || live_.is_public(s) == message.is_private) {
    return refuse(not_found_failure());
  }
  if (by_socket &&
      live_.listeners(s) + joining_.count(message.channel) >= options_.sockets_per_channel_max)
    return refuse({"LimitReached",
                   "At most " + std::to_string(options_.sockets_per_channel_max) +
                       " sockets may listen on one record channel.",
                   429,
                   {}});
  begin(message, s);
}

void collection_behavior::on_detach(const detach_notice& message) {
  const auto s = live_.find(message.channel);
  if (s == live_subscriptions::none) return;
  const auto [first, last] = joining_.equal_range(message.channel);
  const auto joined = std::find_if(first, last, [&](const auto& entry) {
    const auto& to = joins_.at(entry.second).to;
    return to.loop == message.loop && to.attachment == message.attachment;
  });
  if (joined != last) give_up(joined->second);
  live_.unlisten(s, message.loop, message.attachment);
  if (live_.listeners(s) != 0 || is_joining(message.channel)) return;
  // Its end has nobody left to hear it, but its record is still to go.
  if (is_over(s)) return finish(s);
  live_.remove(s);
  caf::anon_send(store_, touch_connection{message.channel, now_ms()});
}

bool collection_behavior::only_drivers_listen(subscriber s) const {
  bool all = true;
  live_.for_each_listener(s,
                          [&](std::uint32_t loop, attachment_id) { all = all && is_driver(loop); });
  const auto [first, last] = joining_.equal_range(live_.channel(s));
  return all && std::all_of(first, last, [&](const auto& entry) {
           return is_driver(joins_.at(entry.second).to.loop);
         });
}

void collection_behavior::on_stale(const stale_candidates& message) {
  for (const auto& channel : message.channels) {
    const auto s = live_.find(channel);
    if (s != live_subscriptions::none && !only_drivers_listen(s)) {
      caf::anon_send(store_, touch_connection{channel, now_ms()});
    } else {
      auto d = std::make_shared<drop_connection>();
      d->channel = channel;
      d->unless_seen_since_ms = message.cutoff_ms;
      d->why = {"NotFound", "The subscription was not used for too long; subscribe anew.", 404,
                "stale"};
      caf::anon_send(store_, drop_connection_ptr{std::move(d)});
    }
  }
}

void collection_behavior::tell(std::uint32_t loop, attachment_id attachment,
                               const subscription_failure& why) {
  auto message = std::make_shared<ended>();
  message->attachment = attachment;
  message->why = why;
  send(loops_[loop], ended_ptr{std::move(message)});
}

}  // namespace velo::actors
