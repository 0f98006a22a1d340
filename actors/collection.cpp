#include "actors/collection.hpp"

#include "actors/auth_value.hpp"
#include "actors/event_body.hpp"
#include "actors/random.hpp"
#include "actors/time_text.hpp"
#include "rules/mentions.hpp"
#include "rules/parser.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::uint8_t all_actions = 0b111;

std::uint8_t wanted_actions(const nlohmann::json& options) {
  const auto events = options.find("events");
  if (events == options.end()) return all_actions;
  std::uint8_t wanted = 0;
  for (const auto& name : *events) {
    const auto* text = name.get_ptr<const std::string*>();
    if (const auto action = text != nullptr ? rules::parse_action(*text) : std::nullopt)
      wanted |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(*action));
  }
  return wanted;
}

rules::parameters parameters_of(const storage::connection& stored, const json_ptr& auth) {
  rules::parameters p;
  p.auth = auth.get();
  if (const auto query = stored.options.find("query"); query != stored.options.end())
    p.query = &*query;
  p.superuser = stored.superuser;
  return p;
}

// Whoever wrote may silence only sockets of their own identity.
bool silences(const storage::change& change, const live_subscription& s) {
  return !change.origin_socket_id.empty() &&
         (change.origin_privileged || change.origin_identity == s.identity_key);
}

subscription_failure server_error(const std::string& message) {
  return {"ServerError", message, 500, {}};
}

subscription_failure not_found_failure() {
  return {"NotFound", "There is no such channel; subscribe anew over HTTP.", 404, {}};
}

subscription_failure user_deleted() {
  return {"AuthError", "The user of this subscription was deleted.", 401, "user_deleted"};
}

}  // namespace

collection_behavior::collection_behavior(caf::actor_config& config,
                                         const collection_ptr& definition, store_actor store,
                                         const storage::database& database,
                                         const engine_options& options)
    : collection_actor::base(config),
      store_(std::move(store)),
      database_(database),
      options_(options) {
  on_definition(definition);
}

collection_behavior::behavior_type collection_behavior::make_behavior() {
  return {
      [this](const change_ptr& change) { on_change(*change); },
      [this](const identity_change_ptr& change) { on_identity_change(*change); },
      [this](const collection_ptr& definition) {
        on_definition(definition);
        return ack{};
      },
      [this](const connection_dropped_ptr& message) {
        if (auto* s = live_.find(message->channel)) {
          for (const auto& l : s->listeners) tell(l, message->why);
          live_.remove(message->channel);
        }
      },
      [this](collection_dropped) {
        live_.for_each([this](const live_subscription& s) {
          for (const auto& l : s.listeners)
            tell(l, {"NotFound", "The collection was deleted.", 404, "collection_deleted"});
        });
        quit();
      },
      [this](const subscribe_request_ptr& request) { return on_subscribe(*request); },
      [this](const attach_request_ptr& message) { on_attach(*message); },
      [this](const detach_notice& message) { on_detach(message); },
      [this](const stale_candidates_ptr& message) { on_stale(*message); },
  };
}

// Store and collections hold each other; the end of one lets go.
void collection_behavior::on_exit() {
  // Their answers from the store would find nobody any more.
  for (auto& [uuid, promise] : subscribing_)
    promise.deliver(subscribe_answer{unavailable("The collection is gone.")});
  subscribing_.clear();
  store_ = nullptr;
  loops_.clear();
}

// -- changes -----------------------------------------------------------------

void collection_behavior::on_change(const storage::change& change) {
  if (live_.size() == 0) return;
  for (auto& list : targets_) list.clear();
  bool any = false;
  live_.match(change, time_text(change.committed_ms), [&](const live_subscription& s) {
    const bool own = silences(change, s);
    if (own && s.stored.socket_id == change.origin_socket_id) return;
    for (const auto& l : s.listeners) {
      if (own && l.socket_id == change.origin_socket_id) continue;
      targets_[l.loop].push_back(l.attachment);
      any = true;
    }
  });
  if (!any) return;
  const auto body =
      std::make_shared<const event>(render(change, definition_->hidden, options_.event_name));
  for (std::size_t loop = 0; loop < targets_.size(); ++loop) {
    if (targets_[loop].empty()) continue;
    auto message = std::make_shared<fan_out>();
    message->what = body;
    message->targets = targets_[loop];
    send(loops_[loop], fan_out_ptr{std::move(message)});
  }
}

// -- definition and identities -------------------------------------------------

void collection_behavior::on_definition(const collection_ptr& definition) {
  const bool own = !definition_ || definition->id == definition_->id;
  if (own) {
    definition_ = definition;
    auto parsed = rules::rule::parse(definition->rules.list, options_.expressions);
    // The registry has validated it. A text that no longer parses (lowered
    // limits) closes the collection rather than opening it.
    if (!parsed)
      spdlog::error("collection {}: list rule: {} at column {}; superusers only until mended",
                    definition->name, parsed.error().message, parsed.error().column);
    rule_ = parsed ? *parsed : rules::rule{};
  }
  if (live_.size() == 0) return;
  auto transaction = database_.env().begin_read();
  std::vector<ending> endings;
  live_.for_each([&](live_subscription& s) {
    // Another collection's definition concerns us only by the hidden fields of its users.
    if (!own && s.stored.auth_collection_id != definition->id) return;
    auto why = transaction ? forbidden_now(s, *transaction)
                           : std::optional{server_error(transaction.error().message())};
    if (why) {
      endings.push_back({*channel_id::parse(s.stored.uuid), std::move(*why)});
    } else if (own) {
      live_.rebind(s, bind(s));
    }
  });
  for (const auto& e : endings) end(e);
}

void collection_behavior::on_identity_change(const identity_change& change) {
  std::vector<ending> endings;
  const auto apply = [&](live_subscription& s) {
    const auto channel = *channel_id::parse(s.stored.uuid);
    if (!change.auth) {
      endings.push_back({channel, user_deleted()});
      return;
    }
    if (change.claims) {
      if (!renews(*change.auth, s.stored.claims)) return;
      s.stored.claims = *change.auth;
      caf::anon_send(store_, renew_claims{channel, change.auth});
    }
    s.auth = change.auth;
    auto bound = bind(s);
    if (!(bound == s.bound)) live_.rebind(s, std::move(bound));
  };
  if (change.record_id.empty()) {
    live_.for_each([&](live_subscription& s) {
      if (s.stored.auth_collection_id == change.collection_id) apply(s);
    });
  } else {
    live_.for_each_of(user_key(change.collection_id, change.record_id), apply);
  }
  for (const auto& e : endings) end(e);
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
      .then(
          [answer, stored](bool kept) {
            answer(kept ? subscribe_answer{*stored}
                        : subscribe_answer{invalid("collection", "It was deleted.")});
          },
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
  const auto parameters = parameters_of(c, auth->auth);
  const auto allowed = rules::decide(rule_, rules::expression(true), parameters).outcome;
  if (allowed == rules::access::unauthenticated) return unauthenticated();
  if (allowed == rules::access::forbidden) return forbidden();
  const auto filter = rules::parse(wanted.filter, options_.expressions);
  if (!filter)
    return invalid("filter", filter.error().message + " (column " +
                                 std::to_string(filter.error().column) + ")");
  const auto user_hidden = hidden_of_user(database_, *transaction, wanted.who);
  if (!user_hidden) return unavailable(user_hidden.error().message());
  if (const auto hidden = rules::names_hidden_field(*filter, definition_->hidden, *user_hidden))
    return invalid("filter", "The field " + *hidden + " is hidden; a filter may not name it.");

  c.uuid = random_uuid_v4();
  c.collection_id = definition_->id;
  c.app_id = wanted.app_id;
  if (wanted.who.is_user()) {
    c.auth_collection_id = wanted.who.collection_id;
    c.auth_record_id = wanted.who.record_id;
    if (wanted.who.claims) c.claims = *wanted.who.claims;
  }
  c.socket_id = wanted.socket_id;
  c.filter = wanted.filter;
  c.is_public = rules::decide(rule_, *filter, parameters).is_public;
  c.created_ms = c.last_seen_ms = now_ms();
  return c;
}

boost::system::result<live_subscription, subscription_failure> collection_behavior::revive(
    storage::connection stored, const storage::transaction& transaction) {
  live_subscription s;
  const auto who = identity_of(stored);
  const auto auth = read_auth(database_, transaction, who);
  if (!auth) return server_error(auth.error().message());
  if (auth->gone) return user_deleted();
  auto filter = rules::parse(stored.filter, options_.expressions);
  if (!filter) return server_error("The filter is no longer valid: " + filter.error().message);
  s.identity_key = who.key();
  s.filter = std::move(*filter);
  s.auth = auth->auth;
  s.actions = wanted_actions(stored.options);
  s.stored = std::move(stored);
  if (auto why = forbidden_now(s, transaction)) return std::move(*why);
  s.bound = bind(s);
  return s;
}

std::optional<subscription_failure> collection_behavior::forbidden_now(
    const live_subscription& s, const storage::transaction& transaction) {
  const auto decision = rules::decide(rule_, s.filter, parameters_of(s.stored, s.auth));
  if (decision.outcome != rules::access::granted)
    return subscription_failure{"AuthError", "The collection's rule no longer allows it.", 403,
                                "rule_changed"};
  // The name of a public channel is no secret.
  if (s.stored.is_public && !decision.is_public)
    return subscription_failure{"AuthError", "The channel is no longer public; subscribe anew.",
                                403, "rule_changed"};
  const auto user_hidden = hidden_of_user(database_, transaction, identity_of(s.stored));
  if (!user_hidden) return server_error(user_hidden.error().message());
  if (rules::names_hidden_field(s.filter, definition_->hidden, *user_hidden))
    return subscription_failure{"AuthError", "The filter names a field that is hidden now.", 403,
                                "field_hidden"};
  return std::nullopt;
}

rules::predicate collection_behavior::bind(const live_subscription& s) const {
  return rules::bind(rule_, s.filter, parameters_of(s.stored, s.auth));
}

// -- listening -----------------------------------------------------------------

void collection_behavior::on_attach(const attach_request& message) {
  if (loops_.size() <= message.loop) {
    loops_.resize(message.loop + 1);
    targets_.resize(message.loop + 1);
  }
  loops_[message.loop] = message.answer_to;
  const listener l{message.attachment, message.loop, message.socket_id};

  auto* s = live_.find(message.channel);
  if (s == nullptr) {
    // Read here and now: a snapshot this actor takes itself is never older than
    // what the store has told it, so nothing is missed between reading and going live.
    auto transaction = database_.env().begin_read();
    if (!transaction) return tell(l, server_error(transaction.error().message()));
    auto stored = database_.connections.get(*transaction, message.channel.text());
    if (!stored) return tell(l, server_error(stored.error().message()));
    if (!*stored || (*stored)->collection_id != definition_->id ||
        (*stored)->app_id != message.app_id || (*stored)->is_public == message.is_private)
      return tell(l, not_found_failure());
    auto revived = revive(std::move(**stored), *transaction);
    if (!revived) {
      tell(l, revived.error());
      if (revived.error().status < 500) drop(message.channel, revived.error());
      return;
    }
    s = &live_.add(message.channel, std::move(*revived));
  } else if (s->stored.app_id != message.app_id || s->stored.is_public == message.is_private) {
    return tell(l, not_found_failure());
  }
  if (s->listeners.size() >= options_.sockets_per_channel_max)
    return tell(l, {"LimitReached",
                    "At most " + std::to_string(options_.sockets_per_channel_max) +
                        " sockets may listen on one record channel.",
                    429,
                    {}});
  s->listeners.push_back(l);
  send(message.answer_to, attached{message.attachment});
}

void collection_behavior::on_detach(const detach_notice& message) {
  auto* s = live_.find(message.channel);
  if (s == nullptr) return;
  std::erase_if(s->listeners, [&](const listener& l) {
    return l.loop == message.loop && l.attachment == message.attachment;
  });
  if (!s->listeners.empty()) return;
  live_.remove(message.channel);
  caf::anon_send(store_, touch_connection{message.channel, now_ms()});
}

void collection_behavior::on_stale(const stale_candidates& message) {
  for (const auto& channel : message.channels) {
    if (live_.find(channel) != nullptr) {
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

// -- ends ------------------------------------------------------------------------

void collection_behavior::end(const ending& e) {
  auto* s = live_.find(e.channel);
  if (s == nullptr) return;
  for (const auto& l : s->listeners) tell(l, e.why);
  live_.remove(e.channel);
  if (e.why.status < 500) drop(e.channel, e.why);
}

void collection_behavior::drop(const channel_id& channel, const subscription_failure& why) {
  auto d = std::make_shared<drop_connection>();
  d->channel = channel;
  d->why = why;
  caf::anon_send(store_, drop_connection_ptr{std::move(d)});
}

void collection_behavior::tell(const listener& to, const subscription_failure& why) {
  auto message = std::make_shared<ended>();
  message->attachment = to.attachment;
  message->why = why;
  send(loops_[to.loop], ended_ptr{std::move(message)});
}

}  // namespace velo::actors
