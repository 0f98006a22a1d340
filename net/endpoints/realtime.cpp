// /api/realtime: subscribing, keeping a subscription alive, ending it, and the
// superuser's list of them (HTTP_API.md, 'Realtime').

#include "actors/auth_value.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"
#include "net/channel_name.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/driver_channels.hpp"
#include "net/endpoints/named_connection.hpp"
#include "net/endpoints/number_parameter.hpp"
#include "net/http_body.hpp"
#include "rules/action.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

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
constexpr std::size_t fields_max = 100;
constexpr std::size_t field_bytes_max = 256;
constexpr std::size_t epoch_bytes_max = 64;
constexpr std::size_t events_per_page_max = 500;

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

std::optional<failure> check_fields(const json& fields) {
  const bool names = fields.is_array() && !fields.empty() && fields.size() <= fields_max &&
                     std::all_of(fields.begin(), fields.end(), [](const json& f) {
                       return f.is_string() && !f.get_ref<const std::string&>().empty() &&
                              f.get_ref<const std::string&>().size() <= field_bytes_max;
                     });
  if (names) return std::nullopt;
  return invalid("fields", "fields is an array of 1 to 100 names of fields.");
}

// What is wrong with one of the options beyond collection, socket_id and filter.
std::optional<failure> check_option(const std::string& key, const json& value) {
  if (key == "events") return check_events(value);
  if (key == "query") return check_query(value);
  if (key == "fields") return check_fields(value);
  if (key == "transitions" || key == "snapshot" || key == "sequence" || key == "resume") {
    if (value.is_boolean()) return std::nullopt;
    return invalid(key, key + " is true or false.");
  }
  if (key == "since") {
    if (value.is_number_integer() && value >= 0) return std::nullopt;
    return invalid(key, "since is a sequence: a whole number, 0 or more.");
  }
  if (key == "epoch") {
    if (value.is_string() && value.get_ref<const std::string&>().size() <= epoch_bytes_max)
      return std::nullopt;
    return invalid(key, "epoch is a text, as an event or an answer gave it.");
  }
  return invalid(key, "There is no such option of a subscription.");
}

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
    } else {
      if (auto f = check_option(key, value)) complain(key, f->message);
      wanted.options[key] = value;
    }
  }
  if (wanted.options.contains("since") && wanted.options.value("snapshot", json()) == true)
    complain("since", "A snapshot begins by itself: leave out since or snapshot.");
  if (wrong.errors.empty()) return wanted;
  wrong.message = wrong.errors.front().second;
  return wrong;
}

json to_answer(const storage::connection& c, const std::string& channel_prefix) {
  json out{{"channel_name", channel_prefix + c.uuid}, {"is_public", c.is_public}};
  // Clients of the plain contract get exactly that.
  if (c.options.empty()) return out;
  out["sequence"] = c.sequence;
  out["epoch"] = c.epoch;
  return out;
}

response refusal(const api& a, reactor& loop, const failure& why) {
  auto out = error_response(why);
  if (why.kind != failure_kind::too_many) return out;
  loop.counters().limits.add(limit::subscriptions_per_user);
  // By then those that nobody uses now have made room.
  const auto later = std::chrono::ceil<std::chrono::seconds>(a.settings().realtime.stale_after);
  out.headers.emplace_back("Retry-After", std::to_string(later.count()));
  return out;
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
                [&a, &loop, answer,
                 definition = found.definition](const actors::subscribe_answer& s) {
                  if (!s.result) return answer(refusal(a, loop, s.result.error()));
                  const auto& prefix = channel_prefix_of(definition->name, a.settings());
                  take_behind_drivers(a, loop, *s.result, definition->name, answer,
                                      json_response(200, to_answer(*s.result, prefix)));
                });
        });
}

// -- ping, unsubscribe ---------------------------------------------------------

void ping(const api& a, const request& r, const respond& answer, const actors::identity& who) {
  const auto named = find_connection(a, r, who);
  if (!named) return answer(named.error());
  if (!named->stored) return answer(error_response(actors::not_found("There is no such channel.")));
  const auto now = actors::now_ms();
  if (named->stored->token.has_expired(now))
    return answer(error_response(401, actors::token_expired().message));
  caf::anon_send(a.engine().store(), actors::touch_connection{named->id, now});
  // Behind a driver a ping is all that tells that somebody is there again.
  for (const auto& d : a.engine().drivers().all())
    caf::anon_send(d.bridge, actors::driver_take{named->id});
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

// -- events for clients that ask -------------------------------------------------

std::optional<std::uint64_t> sequence_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || stop != text.data() + text.size())
    return std::nullopt;
  return value;
}

void events(const api& a, request&& r, const respond& answer, const actors::identity& who) {
  const auto named = find_connection(a, r.query("channel_name").value_or(""), who);
  if (!named) return answer(named.error());
  if (!named->stored) return answer(error_response(actors::not_found("There is no such channel.")));
  const auto limit = number_parameter(r, "limit", 100, 1, events_per_page_max);
  if (!limit) return answer(error_response(limit.error()));
  const auto after = sequence_of(r.query("after").value_or(""));
  if (!after)
    return answer(error_response(invalid("after", "after is a sequence: a whole number.")));
  auto wanted = std::make_shared<actors::events_request>();
  wanted->channel = named->id;
  wanted->after = *after;
  wanted->limit = *limit;
  wanted->epoch = r.query("epoch").value_or("");
  auto& loop = *r.loop;
  a.ask(loop, a.engine().registry(), named->stored->collection_id, answer,
        [&a, &loop, answer, wanted](const actors::collection_handle& found) {
          if (!found.definition)
            return answer(error_response(actors::not_found("There is no such channel.")));
          a.ask(loop, actors::shard_of(found.shards, wanted->channel),
                actors::events_request_ptr{wanted}, answer,
                [answer](const actors::events_answer& e) {
                  if (!e.result) return answer(error_response(e.result.error()));
                  const auto& page = *e.result;
                  answer({.status = 200,
                          .body = R"({"data":[)" + page.events + R"(],"sequence":)" +
                                  std::to_string(page.sequence) + R"(,"epoch":")" + page.epoch +
                                  R"(","reset":)" + (page.reset ? "true}" : "false}")});
                });
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
      {"token_id", c.token.id},
      {"expires_at",
       c.token.expires_ms == 0 ? json() : json(actors::time_text(c.token.expires_ms))},
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
  routes.add("GET", "/api/realtime/events", a.identified(bind(&events)));
  routes.add("GET", "/api/realtime/connections", a.superuser_only(bind(&connections)));
}

}  // namespace velo::net
