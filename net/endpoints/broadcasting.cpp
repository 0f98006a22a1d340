// POST /broadcasting/auth: signs a private record channel for the identity that
// it belongs to, and nothing else (HTTP_API.md; PUSHER_PROTOCOL.md 15.2).

#include "actors/auth_value.hpp"
#include "actors/record_channel.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/auth_fields.hpp"
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

void authorise(const api& a, request&& r, const respond& answer, const actors::identity& who) {
  const auto wanted = read_channel_fields(r);
  if (!wanted) return answer(wanted.error());
  const auto channel =
      actors::parse_record_channel(wanted->channel_name, a.settings().realtime.channel_prefix);
  if (!channel || !channel->is_private) return answer(error_response(actors::forbidden()));
  const auto& database = a.engine().database();
  const auto transaction = database.begin_read();
  if (!transaction) return answer(error_response(503, transaction.error().message()));
  const auto stored = database.connections.get(*transaction, channel->id.text());
  if (!stored) return answer(error_response(503, stored.error().message()));
  const auto* app = *stored ? find_app(a.settings().apps, (*stored)->app_id) : nullptr;
  if (app == nullptr || (*stored)->is_public || !actors::speaks_for(who, **stored))
    return answer(error_response(actors::forbidden()));
  const auto& [key, secret] = app->keys.front();
  const auto auth = sign_channel(key, secret, wanted->socket_id, wanted->channel_name);
  if (!auth) return answer(error_response(actors::forbidden()));
  const auto signed_response = json_response(200, {{"auth", *auth}});
  // A newer token of the same user: the subscription goes on with its claims.
  if (!who.claims || !actors::renews(*who.claims, (*stored)->claims))
    return answer(signed_response);
  a.ask(*r.loop, a.engine().store(), actors::renew_claims{channel->id, who.claims}, answer,
        [answer, signed_response](bool there) {
          answer(there ? signed_response : error_response(actors::forbidden()));
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
