// /api/realtime: subscribing, keeping a subscription alive, ending it, and the
// superuser's list of them (HTTP_API.md, 'Realtime').

#include "actors/auth_value.hpp"
#include "actors/record_channel.hpp"
#include "actors/time_text.hpp"
#include "net/channel_name.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/number_parameter.hpp"
#include "net/http_body.hpp"
#include "rules/action.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace velo::net {

namespace {

using actors::failure;
using actors::failure_kind;
using actors::invalid;
using nlohmann::json;

constexpr std::size_t connections_per_page_max = 500;
constexpr std::size_t connections_scanned_max = 5000;  // per request, whatever matches
constexpr std::size_t query_parameters_max = 32;
constexpr std::size_t query_text_bytes_max = 1024;

// -- subscribe -----------------------------------------------------------------

std::optional<failure> check_events(const json& events) {
  const bool names = events.is_array() && !events.empty() && events.size() <= 3 &&
                     std::all_of(events.begin(), events.end(), [](const json& e) {
                       return e.is_string() && rules::parse_action(e.get_ref<const std::string&>());
                     });
  if (names) return std::nullopt;
  return invalid("events", "events is an array of created, updated, deleted.");
}

std::optional<failure> check_query(const json& query) {
  const bool texts =
      query.is_object() && query.size() <= query_parameters_max &&
      std::all_of(query.begin(), query.end(), [](const json& v) {
        return v.is_string() && v.get_ref<const std::string&>().size() <= query_text_bytes_max;
      });
  if (texts) return std::nullopt;
  return invalid("query", "query is an object of at most 32 texts of at most 1024 bytes.");
}

// What HTTP_API.md names and this version does not do yet is refused, never ignored.
constexpr std::array<std::string_view, 7> unsupported = {
    "fields", "transitions", "snapshot", "since", "epoch", "sequence", "resume"};

actors::outcome<actors::subscribe_request> read_subscribe(const json& body) {
  actors::subscribe_request wanted;
  failure wrong{failure_kind::invalid, {}, {}};
  const auto complain = [&](std::string field, std::string message) {
    wrong.errors.emplace_back(std::move(field), std::move(message));
  };
  for (const auto& [key, value] : body.items()) {
    if (key == "collection") continue;
    if (key == "socket_id") {
      if (value.is_string() && is_socket_id(value.get_ref<const std::string&>()))
        wanted.socket_id = value;
      else if (!value.is_null())
        complain(key, "socket_id is the text that the WebSocket's handshake gave: 123.456.");
    } else if (key == "filter") {
      if (value.is_string())
        wanted.filter = value;
      else if (!value.is_null())
        complain(key, "filter is a text.");
    } else if (key == "events") {
      if (auto f = check_events(value)) complain(key, f->message);
      wanted.options[key] = value;
    } else if (key == "query") {
      if (auto f = check_query(value)) complain(key, f->message);
      wanted.options[key] = value;
    } else if (std::find(unsupported.begin(), unsupported.end(), key) != unsupported.end()) {
      complain(key, key + " is not supported by this version.");
    } else {
      complain(key, "There is no such option of a subscription.");
    }
  }
  if (wrong.errors.empty()) return wanted;
  wrong.message = wrong.errors.front().second;
  return wrong;
}

void subscribe(const api& a, request&& r, const respond& answer, actors::identity who) {
  const auto body = json_body(r);
  if (!body) return answer(body.error());
  const auto name = body->find("collection");
  if (name == body->end() || !name->is_string())
    return answer(error_response(invalid("collection", "collection is the name or id of one.")));
  auto wanted = read_subscribe(*body);
  if (!wanted) return answer(error_response(wanted.error()));
  wanted->who = std::move(who);
  auto& loop = *r.loop;
  a.ask(loop, a.engine().registry(), name->get<std::string>(), answer,
        [&a, &loop, answer,
         wanted = std::move(*wanted)](const actors::collection_handle& found) mutable {
          if (!found.definition)
            return answer(error_response(invalid("collection", "There is no such collection.")));
          const auto& app = found.definition->app;
          wanted.app_id = app.empty() ? a.settings().apps.front().id : app;
          auto message = std::make_shared<const actors::subscribe_request>(std::move(wanted));
          a.ask(loop, found.actor, actors::subscribe_request_ptr{message}, answer,
                [&a, answer](const actors::subscribe_answer& s) {
                  if (!s.result) return answer(error_response(s.result.error()));
                  answer(json_response(
                      200, {{"channel_name", a.settings().realtime.channel_prefix + s.result->uuid},
                            {"is_public", s.result->is_public}}));
                });
        });
}

// -- ping, unsubscribe ---------------------------------------------------------

// The connection that a request names, if the caller may speak for it: a public
// one's name is enough, a private one needs its own identity.
struct named_connection {
  actors::channel_id id;
  std::optional<storage::connection> stored;
};

boost::system::result<named_connection, response> find_connection(const api& a, const request& r,
                                                                  const actors::identity& who) {
  const auto body = json_body(r);
  if (!body) return body.error();
  const auto name = body->find("channel_name");
  const auto id = name != body->end() && name->is_string()
                      ? actors::parse_channel_name(name->get_ref<const std::string&>(),
                                                   a.settings().realtime.channel_prefix)
                      : std::nullopt;
  if (!id)
    return error_response(invalid(
        "channel_name", "channel_name is what subscribe answered, with or without prefix."));
  const auto transaction = a.engine().database().begin_read();
  if (!transaction) return error_response(503, transaction.error().message());
  auto stored = a.engine().database().connections.get(*transaction, id->text());
  if (!stored) return error_response(503, stored.error().message());
  if (*stored && !(*stored)->is_public && !actors::speaks_for(who, **stored))
    return error_response(actors::forbidden());
  return named_connection{*id, std::move(*stored)};
}

void ping(const api& a, const request& r, const respond& answer, const actors::identity& who) {
  const auto named = find_connection(a, r, who);
  if (!named) return answer(named.error());
  if (!named->stored) return answer(error_response(actors::not_found("There is no such channel.")));
  caf::anon_send(a.engine().store(), actors::touch_connection{named->id, actors::now_ms()});
  answer(json_response(200, {{"status", "ok"}}));
}

void unsubscribe(const api& a, const request& r, const respond& answer,
                 const actors::identity& who) {
  const auto named = find_connection(a, r, who);
  if (!named) return answer(named.error());
  if (!named->stored) return answer(json_response(200, {{"status", "ok"}}));
  auto drop = std::make_shared<actors::drop_connection>();
  drop->channel = named->id;
  drop->why = {"NotFound", "The subscription was ended over HTTP.", 404, "unsubscribed"};
  a.ask(*r.loop, a.engine().store(), actors::drop_connection_ptr{std::move(drop)}, answer,
        [answer](bool) {
          answer(json_response(200, {{"status", "ok"}}));
        });
}

// -- the superuser's list --------------------------------------------------------

json to_json(const storage::connection& c, const std::string& prefix) {
  return {
      {"id", c.uuid},
      {"channel_name", prefix + c.uuid},
      {"collection_id", c.collection_id},
      {"app", c.app_id},
      {"auth_collection_id", c.auth_collection_id},
      {"auth_record_id", c.auth_record_id},
      {"superuser", c.superuser},
      {"claims", c.claims},
      {"socket_id", c.socket_id},
      {"filter", c.filter},
      {"options", c.options},
      {"is_public", c.is_public},
      {"last_seen_at", actors::time_text(c.last_seen_ms)},
      {"created_at", actors::time_text(c.created_ms)},
  };
}

void list_connections(const api& a, const request& r, const respond& answer,
                      const std::string& collection_id) {
  const auto limit = number_parameter(r, "limit", 100, 1, connections_per_page_max);
  if (!limit) return answer(error_response(limit.error()));
  auto after = r.query("cursor").value_or("");
  if (!after.empty() && !actors::channel_id::parse(after))
    return answer(error_response(invalid("cursor", "This cursor is not one of this list.")));
  const auto& database = a.engine().database();
  const auto transaction = database.begin_read();
  if (!transaction) return answer(error_response(503, transaction.error().message()));
  json data = json::array();
  json cursor = nullptr;
  for (std::size_t scanned = 0; data.size() < *limit;) {
    const auto page = database.connections.list(*transaction, after, *limit - data.size());
    if (!page) return answer(error_response(503, page.error().message()));
    if (page->empty()) {
      cursor = nullptr;
      break;
    }
    scanned += page->size();
    after = page->back().uuid;
    cursor = after;
    for (const auto& c : *page) {
      if (collection_id.empty() || c.collection_id == collection_id)
        data.push_back(to_json(c, a.settings().realtime.channel_prefix));
    }
    if (scanned >= connections_scanned_max) break;
  }
  answer(json_response(200, {{"data", std::move(data)}, {"cursor", std::move(cursor)}}));
}

void connections(const api& a, request&& r, const respond& answer, const actors::identity&) {
  const auto name = r.query("collection");
  if (!name) return list_connections(a, r, answer, {});
  auto& loop = *r.loop;
  a.ask(loop, a.engine().registry(), *name, answer,
        [&a, answer,
         r = std::make_shared<request>(std::move(r))](const actors::collection_handle& found) {
          if (!found.definition)
            return answer(error_response(invalid("collection", "There is no such collection.")));
          list_connections(a, *r, answer, found.definition->id);
        });
}

}  // namespace

void add_realtime_routes(router& routes, const api& a) {
  const auto bind = [&a](auto* run) {
    return [&a, run](request&& r, const respond& answer, actors::identity who) {
      run(a, std::move(r), answer, std::move(who));
    };
  };
  routes.add("POST", "/api/realtime/subscribe", a.identified(bind(&subscribe)));
  routes.add("POST", "/api/realtime/ping", a.identified(bind(&ping)));
  routes.add("POST", "/api/realtime/unsubscribe", a.identified(bind(&unsubscribe)));
  routes.add("GET", "/api/realtime/connections", a.superuser_only(bind(&connections)));
}

}  // namespace velo::net
