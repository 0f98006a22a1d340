// POST /broadcasting/user-auth: the sign-in of Echo and pusher-js, for the user
// whom the bearer token names (HTTP_API.md; PUSHER_PROTOCOL.md 10 and 15.2).

#include "actors/event_body.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/auth_fields.hpp"
#include "net/signature.hpp"

#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

// What others may see of the user: the stored record without hidden fields. Of
// claims nobody has said which are public.
actors::outcome<std::string> user_data(const api& a, const storage::collection& users,
                                       const actors::identity& who) {
  json out{
      {"id", actors::sign_in_id(users.name, who.record_id, a.settings().auth.user_collection)}};
  if (who.claims) return out.dump();
  const auto& database = a.engine().database();
  const auto transaction = database.begin_read();
  if (!transaction) return actors::unavailable(transaction.error().message());
  auto record = database.records.get(*transaction, users.id, who.record_id);
  if (!record) return actors::unavailable(record.error().message());
  if (!*record) return actors::unauthenticated();
  out["user_info"] =
      *actors::visible(std::make_shared<const json>(std::move(**record)), users.hidden);
  return out.dump();
}

void sign_in(const api& a, const request& r, const respond& answer, const actors::identity& who) {
  const auto fields = read_auth_fields(r);
  if (!fields) return answer(fields.error());
  if (!who.is_user()) return answer(error_response(actors::forbidden()));
  a.ask(*r.loop, a.engine().registry(), who.collection_id, answer,
        [&a, answer, who, socket_id = fields->socket_id](const actors::collection_handle& found) {
          if (!found.definition) return answer(error_response(actors::forbidden()));
          const auto data = user_data(a, *found.definition, who);
          if (!data) return answer(error_response(data.error()));
          const auto& apps = a.settings().apps;
          const auto* of =
              found.definition->app.empty() ? &apps.front() : find_app(apps, found.definition->app);
          if (of == nullptr) return answer(error_response(actors::forbidden()));
          const auto& text = *data;
          const auto& [key, secret] = of->keys.front();
          answer(json_response(200, {{"auth", sign_user(key, secret, socket_id, text).value()},
                                     {"user_data", text}}));
        });
}

}  // namespace

void add_user_auth_routes(router& routes, const api& a) {
  const auto run = a.identified([&a](const request& r, const respond& answer,
                                     const actors::identity& who) { sign_in(a, r, answer, who); });
  routes.add("POST", "/api/broadcasting/user-auth", run);
  routes.add("POST", "/broadcasting/user-auth", run);
}

}  // namespace velo::net
