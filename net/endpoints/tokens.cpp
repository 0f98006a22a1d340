// /api/realtime/refresh and /api/realtime/revoke: a newer token for a
// subscription, and the end of tokens (README.md, 'Tokens').

#include "actors/auth_value.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/driver_channels.hpp"
#include "net/endpoints/named_connection.hpp"
#include "net/http_body.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

using actors::invalid;
using nlohmann::json;

json time_or_null(std::int64_t ms) {
  return ms == 0 ? json() : json(actors::time_text(ms));
}

// -- refresh -------------------------------------------------------------------

void refresh(const api& a, const request& r, const respond& answer, const actors::identity& who) {
  if (who.kind == actors::identity_kind::guest)
    return answer(error_response(actors::unauthenticated()));
  const auto named = find_connection(a, r, who);
  if (!named) return answer(named.error());
  if (!named->stored) return answer(error_response(actors::not_found("There is no such channel.")));
  if (!actors::speaks_for(who, *named->stored)) return answer(error_response(actors::forbidden()));
  const auto transaction = a.engine().database().begin_read();
  if (!transaction) return answer(error_response(503, transaction.error().message()));
  // What was revoked has ended; only what has expired may go on.
  const auto revoked =
      actors::is_revoked(a.engine().database(), *transaction, actors::identity_of(*named->stored));
  if (!revoked) return answer(error_response(503, revoked.error().message()));
  if (*revoked) return answer(error_response(401, actors::token_revoked().message));
  a.ask(
      *r.loop, a.engine().store(), actors::renew_token{named->id, who.token, who.claims}, answer,
      [&a, &loop = *r.loop, answer, id = named->id, expires_ms = who.token.expires_ms](bool there) {
        if (!there) return answer(error_response(actors::not_found("There is no such channel.")));
        take_again_behind_drivers(
            a, loop, id, answer,
            json_response(200, {{"status", "ok"}, {"expires_at", time_or_null(expires_ms)}}));
      });
}

// -- revoke --------------------------------------------------------------------

struct revoke_job {
  const api& a;
  const reactor& loop;
  respond answer;
};

void send_revocation(const revoke_job& job, actors::revocation what) {
  if (what.until_ms == 0)
    what.until_ms = actors::now_ms() + job.a.settings().auth.revocations_kept.count();
  auto message = std::make_shared<const actors::revocation>(std::move(what));
  job.a.ask(job.loop, job.a.engine().store(), actors::revocation_ptr{message}, job.answer,
            [answer = job.answer, message](const actors::revoke_answer& done) {
              if (!done.result) return answer(error_response(done.result.error()));
              answer(json_response(
                  200, {{"status", "ok"}, {"until", actors::time_text(message->until_ms)}}));
            });
}

void revoke_user(const revoke_job& job, std::string user,
                 const std::optional<std::string>& collection) {
  const bool named = collection.has_value();
  auto name = collection.value_or(job.a.settings().auth.user_collection);
  job.a.ask(job.loop, job.a.engine().registry(), name, job.answer,
            [job, named, name, user = std::move(user)](const actors::collection_handle& found) {
              const bool users =
                  found.definition && found.definition->type == storage::collection_type::auth;
              // Without a collection of users, tokens of the default one are their claims.
              if (!users && (named || found.definition))
                return job.answer(
                    error_response(invalid("collection", "There is no such auth collection.")));
              actors::revocation what;
              what.collection_id = users ? found.definition->id : name;
              what.record_id = user;
              what.issued_s = actors::now_ms() / 1000;
              send_revocation(job, std::move(what));
            });
}

void revoke_token(const revoke_job& job, std::string token) {
  job.a.ask(job.loop, job.a.engine().auth(), actors::authenticate{std::move(token)}, job.answer,
            [job](const actors::authenticated& who) {
              if (!who.result || !who.result->is_user())
                return job.answer(error_response(invalid(
                    "token", "It is no valid token of a user; there is nothing to revoke.")));
              if (who.result->token.id.empty())
                return job.answer(error_response(
                    invalid("token", "The token has no id (jti): revoke its user.")));
              actors::revocation what;
              what.token_id = who.result->token.id;
              what.until_ms = who.result->token.expires_ms;
              send_revocation(job, std::move(what));
            });
}

void revoke_channel(const revoke_job& job, const std::string& name) {
  const auto id = parse_any_channel_name(name, job.a.settings());
  if (!id)
    return job.answer(error_response(invalid(
        "channel_name", "channel_name is what subscribe answered, with or without prefix.")));
  auto drop = std::make_shared<actors::drop_connection>();
  drop->channel = *id;
  drop->why = actors::token_revoked();
  drop->why.message = "The subscription was revoked.";
  job.a.ask(job.loop, job.a.engine().store(), actors::drop_connection_ptr{std::move(drop)},
            job.answer, [answer = job.answer](bool there) {
              if (!there)
                return answer(error_response(actors::not_found("There is no such channel.")));
              answer(json_response(200, {{"status", "ok"}, {"until", nullptr}}));
            });
}

// The end of a token's life as `exp` says it, in milliseconds; 0 where it is not said.
actors::outcome<std::int64_t> read_end(const json& body) {
  const auto at = body.find("expires_at");
  if (at == body.end() || at->is_null()) return 0;
  constexpr double year_9999 = 253402300799.0;
  if (!at->is_number() || at->get<double>() < 1 || at->get<double>() > year_9999)
    return invalid("expires_at", "expires_at is the token's exp: seconds since 1970.");
  return static_cast<std::int64_t>(at->get<double>() * 1000.0);
}

constexpr std::array<std::string_view, 4> kinds{"user", "token_id", "token", "channel_name"};

void revoke(const api& a, const request& r, const respond& answer, const actors::identity&) {
  const auto body = json_body(r);
  if (!body) return answer(body.error());
  const json* value = nullptr;
  std::string_view kind;
  for (const auto name : kinds) {
    const auto at = body->find(name);
    if (at == body->end()) continue;
    if (value != nullptr)
      return answer(error_response(invalid(std::string(name),
                                           "Say one of user, token_id, token "
                                           "and channel_name, not several.")));
    value = &*at;
    kind = name;
  }
  if (value == nullptr)
    return answer(error_response(
        invalid("user", "Say what is revoked: user, token_id, token or channel_name.")));
  if (!value->is_string() || value->get_ref<const std::string&>().empty())
    return answer(error_response(invalid(std::string(kind), std::string(kind) + " is a text.")));
  const auto& text = value->get_ref<const std::string&>();
  const revoke_job job{a, *r.loop, answer};
  if (kind == "channel_name") return revoke_channel(job, text);
  if (kind == "token") return revoke_token(job, text);
  if (kind == "user") {
    const auto collection = body->find("collection");
    if (collection == body->end()) return revoke_user(job, text, std::nullopt);
    if (!collection->is_string())
      return answer(error_response(invalid("collection", "collection is a name or an id.")));
    return revoke_user(job, text, collection->get<std::string>());
  }
  const auto end = read_end(*body);
  if (!end) return answer(error_response(end.error()));
  actors::revocation what;
  what.token_id = text;
  what.until_ms = *end == 0 ? 0 : *end + a.settings().auth.leeway.count();
  send_revocation(job, std::move(what));
}

}  // namespace

void add_token_routes(router& routes, const api& a) {
  const auto bind = [&a](auto* run) {
    return [&a, run](request&& r, const respond& answer, const actors::identity& who) {
      run(a, r, answer, who);
    };
  };
  routes.add("POST", "/api/realtime/refresh", a.identified(bind(&refresh)));
  routes.add("POST", "/api/realtime/revoke", a.superuser_only(bind(&revoke)));
}

}  // namespace velo::net
