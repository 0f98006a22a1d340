// POST /broadcasting/auth: signs a private record channel for the identity that
// it belongs to, and nothing else (HTTP_API.md; PUSHER_PROTOCOL.md 15.2).

#include "actors/auth_value.hpp"
#include "actors/record_channel.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/auth_fields.hpp"
#include "net/endpoints/driver_channels.hpp"
#include "net/signature.hpp"

namespace velo::net {

namespace {

using actors::invalid;

boost::system::result<auth_fields, response> read_channel_fields(const request& r) {
  auto fields = read_auth_fields(r);
  if (fields && fields->channel_name.empty())
    return error_response(invalid("channel_name", "channel_name is required."));
  return fields;
}

// Whose key signs: this server's app, or the outside server where its clients listen.
struct signer {
  const storage::connection& stored;
  const auth_fields& wanted;
  std::optional<std::string> driver;  // As the request names it.
};

std::optional<std::string> sign(const signer& s, const config& settings,
                                const std::string& collection) {
  const auto via = find_way(s.wanted.channel_name, s.driver, settings, collection);
  if (!via) return std::nullopt;
  if (const auto* outside = *via)
    return sign_channel(outside->key, outside->secret, s.wanted.socket_id, s.wanted.channel_name);
  const auto* app = find_app(settings.apps, s.stored.app_id);
  if (app == nullptr) return std::nullopt;
  const auto& [key, secret] = app->keys.front();
  return sign_channel(key, secret, s.wanted.socket_id, s.wanted.channel_name);
}

void answer_signed(const api& a, const reactor& loop, const respond& answer,
                   const actors::identity& who, const storage::connection& stored,
                   const std::optional<std::string>& auth) {
  if (!auth) return answer(error_response(actors::forbidden()));
  const auto signed_response = json_response(200, {{"auth", *auth}});
  const auto id = *actors::channel_id::parse(stored.uuid);
  // A token of the same user that holds longer: the subscription lives as long.
  if (const auto ends = stored.token.expires_ms;
      ends != 0 && (who.token.expires_ms == 0 || who.token.expires_ms > ends)) {
    const auto& database = a.engine().database();
    const auto transaction = database.begin_read();
    if (!transaction) return answer(error_response(503, transaction.error().message()));
    const auto revoked = actors::is_revoked(database, *transaction, actors::identity_of(stored));
    if (!revoked) return answer(error_response(503, revoked.error().message()));
    if (*revoked) return answer(error_response(actors::forbidden()));
    return a.ask(loop, a.engine().store(), actors::renew_token{id, who.token, who.claims}, answer,
                 [&a, &loop, answer, id, signed_response](bool there) {
                   if (!there) return answer(error_response(actors::forbidden()));
                   take_again_behind_drivers(a, loop, id, answer, signed_response);
                 });
  }
  // A newer token of the same user: the subscription goes on with its claims.
  if (!who.claims || !actors::renews(*who.claims, stored.claims)) return answer(signed_response);
  a.ask(loop, a.engine().store(), actors::renew_claims{id, who.claims}, answer,
        [answer, signed_response](bool there) {
          answer(there ? signed_response : error_response(actors::forbidden()));
        });
}

void authorise(const api& a, request&& r, const respond& answer, const actors::identity& who) {
  const auto wanted = read_channel_fields(r);
  if (!wanted) return answer(wanted.error());
  const auto& settings = a.settings();
  const auto channel = parse_any_record_channel(wanted->channel_name, settings);
  if (!channel || !channel->is_private) return answer(error_response(actors::forbidden()));
  const auto& database = a.engine().database();
  const auto transaction = database.begin_read();
  if (!transaction) return answer(error_response(503, transaction.error().message()));
  const auto stored = database.connections.get(*transaction, channel->id.text());
  if (!stored) return answer(error_response(503, stored.error().message()));
  if (!*stored || (*stored)->is_public || !actors::speaks_for(who, **stored))
    return answer(error_response(actors::forbidden()));
  if (settings.drivers.empty())
    return answer_signed(a, *r.loop, answer, who, **stored,
                         sign({**stored, *wanted, std::nullopt}, settings, {}));
  // Which way out, the collection's name decides.
  a.ask(*r.loop, a.engine().registry(), (*stored)->collection_id, answer,
        [&a, &loop = *r.loop, answer, who, stored = **stored, wanted = *wanted,
         driver = r.query("driver")](const actors::collection_handle& found) {
          const auto auth = found.definition ? sign({stored, wanted, driver}, a.settings(),
                                                    found.definition->name)
                                             : std::nullopt;
          answer_signed(a, loop, answer, who, stored, auth);
        });
}

}  // namespace

void add_broadcasting_routes(router& routes, const api& a) {
  const auto run =
      a.identified([&a](request&& r, const respond& answer, const actors::identity& who) {
        authorise(a, std::move(r), answer, who);
      });
  routes.add("POST", "/api/broadcasting/auth", run);
  routes.add("POST", "/broadcasting/auth", run);
}

}  // namespace velo::net
