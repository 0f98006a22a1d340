// POST /api/realtime/explain: would this channel hear of this record, and which
// clause of rule and filter decides it. For superusers: the answer shows the rule,
// the user's record and hidden fields.

#include "rules/explain.hpp"
#include "actors/auth_value.hpp"
#include "actors/live_subscriptions.hpp"
#include "actors/time_text.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/driver_channels.hpp"
#include "net/http_body.hpp"
#include "rules/action.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

using actors::invalid;
using actors::not_found;
using nlohmann::json;

struct question {
  storage::connection connection;
  rules::action action = rules::action::created;
  std::optional<json> record;  ///< As it was given.
  std::string record_id;       ///< Otherwise: of the stored one.
};

actors::outcome<question> read_question(const api& a, const json& body) {
  question q;
  const auto name = body.find("channel_name");
  const auto id = name != body.end() && name->is_string()
                      ? parse_any_channel_name(name->get_ref<const std::string&>(), a.settings())
                      : std::nullopt;
  if (!id)
    return invalid("channel_name",
                   "channel_name is what subscribe answered, with or without prefix.");
  const auto record = body.find("record");
  const auto record_id = body.find("record_id");
  if ((record == body.end()) == (record_id == body.end()))
    return invalid("record", "Give a record, an object, or the record_id of a stored one.");
  if (record != body.end()) {
    if (!record->is_object()) return invalid("record", "record is an object.");
    q.record = *record;
  } else {
    if (!record_id->is_string()) return invalid("record_id", "record_id is a text.");
    q.record_id = record_id->get<std::string>();
  }
  if (const auto action = body.find("action"); action != body.end()) {
    const auto known = action->is_string()
                           ? rules::parse_action(action->get_ref<const std::string&>())
                           : std::nullopt;
    if (!known) return invalid("action", "action is created, updated or deleted.");
    q.action = *known;
  }
  const auto transaction = a.engine().database().begin_read();
  if (!transaction) return actors::unavailable(transaction.error().message());
  auto stored = a.engine().database().connections.get(*transaction, id->text());
  if (!stored) return actors::unavailable(stored.error().message());
  if (!*stored) return not_found("There is no such channel.");
  q.connection = std::move(**stored);
  return q;
}

// Why the subscription hears nothing, whatever the record; empty where it hears.
std::string_view standing_of(const actors::auth_value& auth, const storage::connection& c) {
  if (auth.revoked) return "revoked";
  if (auth.gone) return "user_deleted";
  return c.token.has_expired(actors::now_ms()) ? "token_expired" : "";
}

bool holds(const json& request, const rules::limits& within) {
  return json::parse(rules::explain(request.dump(), false, within)).value("matches", false);
}

// The part of the conjunction of rule and filter that says no.
std::string_view refusing_part(json request, const rules::limits& within) {
  request.erase("filter");
  return holds(request, within) ? "filter" : "rule";
}

actors::outcome<json> explain(const api& a, const question& q,
                              const storage::collection& definition) {
  const auto& database = a.engine().database();
  const auto transaction = database.begin_read();
  if (!transaction) return actors::unavailable(transaction.error().message());
  const auto& c = q.connection;
  auto record = q.record;
  if (!record) {
    auto stored = database.records.get(*transaction, definition.id, q.record_id);
    if (!stored) return actors::unavailable(stored.error().message());
    if (!*stored) return invalid("record_id", "There is no such record in the collection.");
    record = std::move(**stored);
  }
  const auto auth = actors::read_auth(database, *transaction, actors::identity_of(c));
  if (!auth) return actors::unavailable(auth.error().message());

  json request{{"filter", c.filter},
               {"rule", definition.rules.list ? json(*definition.rules.list) : json()},
               {"record", *record},
               {"auth", auth->auth ? *auth->auth : json()},
               {"action", rules::to_string(q.action)},
               {"superuser", c.superuser}};
  if (const auto query = c.options.find("query"); query != c.options.end())
    request["query"] = *query;
  const auto& within = a.settings().limits.expressions;
  auto found = json::parse(rules::explain(request.dump(), true, within));
  if (const auto error = found.find("error"); error != found.end())
    return invalid(error->value("in", std::string("record")),
                   error->value("message", std::string()));

  const bool matches = found.value("matches", false);
  const auto standing = standing_of(*auth, c);
  const auto bit = static_cast<unsigned>(q.action);
  const bool wanted = (actors::wanted_actions(c.options) >> bit & 1U) != 0;
  std::string_view decided_by = "match";
  if (!standing.empty())
    decided_by = standing;
  else if (!wanted)
    decided_by = "events";
  else if (!matches)
    decided_by = refusing_part(request, within);
  auto clauses = json::array();
  for (auto& step : found["trace"]) {
    if (step.value("decides", false)) clauses.push_back(step);
  }
  json out{{"delivered", matches && wanted && standing.empty()},
           {"decided_by", decided_by},
           {"clauses", std::move(clauses)},
           {"trace", std::move(found["trace"])},
           {"collection", definition.name},
           {"rule", std::move(request["rule"])},
           {"filter", c.filter},
           {"auth", std::move(request["auth"])},
           {"superuser", c.superuser}};
  if (found.contains("warnings")) out["warnings"] = std::move(found["warnings"]);
  return {boost::system::in_place_value, std::move(out)};
}

void run(const api& a, const request& r, const respond& answer) {
  const auto body = json_body(r);
  if (!body) return answer(body.error());
  auto asked = read_question(a, *body);
  if (!asked) return answer(error_response(asked.error()));
  auto id = asked->connection.collection_id;
  a.ask(*r.loop, a.engine().registry(), std::move(id), answer,
        [&a, answer, q = std::move(*asked)](const actors::collection_handle& found) {
          if (!found.definition)
            return answer(error_response(not_found("There is no such channel.")));
          auto explained = explain(a, q, *found.definition);
          if (!explained) return answer(error_response(explained.error()));
          answer(json_response(200, {{"data", std::move(*explained)}}));
        });
}

}  // namespace

void add_explain_routes(router& routes, const api& a) {
  routes.add("POST", "/api/realtime/explain",
             a.superuser_only([&a](request&& r, const respond& answer, const actors::identity&) {
               run(a, r, answer);
             }));
}

}  // namespace velo::net
