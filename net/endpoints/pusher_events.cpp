// POST /apps/{app}/events and /batch_events: an application's server publishes.

#include "net/channel_name.hpp"
#include "net/endpoints/pusher_api.hpp"
#include "net/endpoints/write_support.hpp"
#include "net/http_body.hpp"
#include "net/pusher_error.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

using actors::publish_answer;
using actors::publish_request;
using nlohmann::json;

template <class T>
using result = boost::system::result<T, response>;

response bad_request(std::string_view sentence) {
  return pusher_error(400, sentence);
}

result<json> read_body(const request& r) {
  auto body = json_text(r.body);
  if (!body) return bad_request(json::parse(body.error().body).at("message").get<std::string>());
  return {boost::system::in_place_value, std::move(*body)};
}

/// What an event says, field by field, in the body or, where it lacks it, in the query.
class event_reader {
 public:
  event_reader(const json& from, const request* r, const config& settings)
      : from_(from), request_(r), settings_(settings) {}

  result<publish_request> read(bool many_channels) {
    publish_request out;
    if (auto done = read_name(out); !done) return done.error();
    if (auto done = read_data(out); !done) return done.error();
    if (auto done = many_channels ? read_channels(out) : read_channel(out); !done)
      return done.error();
    if (auto done = read_socket(out); !done) return done.error();
    const auto info = text("info");
    if (!info) return bad_request("info is a text, such as \"user_count,subscription_count\".");
    auto wanted = read_counts(*info);
    if (!wanted) return wanted.error();
    out.wanted = *wanted;
    return out;
  }

 private:
  // Nothing where it is there and no text; empty where it is absent.
  std::optional<std::string> text(const char* name) const {
    const auto at = from_.find(name);
    if (at != from_.end() && !at->is_null())
      return at->is_string() ? std::optional(at->get<std::string>()) : std::nullopt;
    if (request_ == nullptr) return std::string();
    return request_->query(name).value_or("");
  }

  checked read_name(publish_request& out) const {
    const auto name = text("name");
    if (!name || name->empty()) return bad_request("name is required: the event's, a text.");
    if (name->size() > settings_.limits.event_name_bytes)
      return bad_request("The event's name is longer than " +
                         std::to_string(settings_.limits.event_name_bytes) + " bytes.");
    for (const std::string_view taken : {"pusher:", "pusher_internal:", "client-"}) {
      if (name->starts_with(taken))
        return bad_request("Event names that begin with " + std::string(taken) +
                           " are the protocol's and the clients' own.");
    }
    out.name = *name;
    return {};
  }

  checked read_data(publish_request& out) const {
    const auto data = from_.find("data");
    if (data == from_.end()) return bad_request("data is required: a text, or any JSON value.");
    // Exactly the publisher's bytes; what is no text becomes one.
    out.data = data->is_string() ? data->get<std::string>() : data->dump();
    if (out.data.size() > settings_.limits.event_bytes)
      return pusher_error(413,
                          "The data content of this event exceeds the allowed maximum (" +
                              std::to_string(settings_.limits.event_bytes) +
                              " bytes). The setting limits.event_bytes says how much it may be.");
    return {};
  }

  checked read_channel(publish_request& out) const {
    const auto channel = text("channel");
    if (!channel || channel->empty()) return bad_request("channel is required, a text.");
    out.channels = {*channel};
    return check_channels(out);
  }

  checked read_channels(publish_request& out) const {
    const auto channels = from_.find("channels");
    if (channels == from_.end()) {
      out.channels = channels_of_query();
      return out.channels.empty() ? read_channel(out) : check_channels(out);
    }
    if (from_.contains("channel")) return bad_request("Either channel or channels, not both.");
    if (!channels->is_array() || !std::all_of(channels->begin(), channels->end(),
                                              [](const json& c) { return c.is_string(); }))
      return bad_request("channels is a list of texts.");
    out.channels = channels->get<std::vector<std::string>>();
    return check_channels(out);
  }

  [[nodiscard]] std::vector<std::string> channels_of_query() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : request_->query_parameters) {
      if (name.starts_with("channels[") && name.ends_with(']')) out.push_back(value);
    }
    return out;
  }

  checked check_channels(publish_request& out) const {
    if (out.channels.empty()) return bad_request("channels names no channel.");
    if (out.channels.size() > settings_.limits.channels_per_event)
      return bad_request("An event goes to at most " +
                         std::to_string(settings_.limits.channels_per_event) + " channels.");
    std::vector<std::string> once;
    for (auto& channel : out.channels) {
      if (auto sound = check_channel(channel, settings_); !sound) return sound;
      // Named twice it is one channel still: nobody is to hear an event twice.
      if (std::find(once.begin(), once.end(), channel) == once.end())
        once.push_back(std::move(channel));
    }
    out.channels = std::move(once);
    return {};
  }

  checked read_socket(publish_request& out) const {
    const auto socket = text("socket_id");
    if (!socket || (!socket->empty() && !is_socket_id(*socket)))
      return bad_request("socket_id is digits.digits, as the handshake gave.");
    out.except = *socket;
    return {};
  }

  const json& from_;
  const request* request_;
  const config& settings_;
};

bool wants_counts(const publish_request& e) {
  return e.wanted.user_count || e.wanted.subscription_count;
}

void publish_one(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto body = read_body(r);
  if (!body) return answer(body.error());
  auto event = event_reader(*body, &r, a.settings()).read(true);
  if (!event) return answer(event.error());
  event->app = of.live;
  const bool wants = wants_counts(*event);
  const auto channels = wants ? event->channels : std::vector<std::string>();
  actors::publish(a.asker(*r.loop), a.engine().channels(), std::move(*event),
                  [answer, channels](const actors::outcome<publish_answer>& sent) {
                    if (!sent) return answer(refused_by_actors(sent.error()));
                    auto out = json::object();
                    for (std::size_t i = 0; i < channels.size(); ++i)
                      out["channels"][channels[i]] = counts_json(sent->channels[i]);
                    answer(json_response(200, out));
                  });
}

// The API's first form: one channel, in the path, and the body is the data.
void publish_on_channel(const api& a, const request& r, const respond& answer,
                        const calling_app& of) {
  if (!is_utf8(r.body)) return answer(bad_request("The data is not valid UTF-8."));
  const json body{{"channel", r.param("channel")}, {"data", r.body}};
  auto event = event_reader(body, &r, a.settings()).read(false);
  if (!event) return answer(event.error());
  event->app = of.live;
  actors::publish(a.asker(*r.loop), a.engine().channels(), std::move(*event),
                  [answer](const actors::outcome<publish_answer>& sent) {
                    if (!sent) return answer(refused_by_actors(sent.error()));
                    answer(json_response(200, json::object()));
                  });
}

/// The answers of a batch's events, as they come.
struct batch_answer {
  std::vector<json> items;
  std::size_t open = 0;
  bool with_info = false;
  std::optional<actors::failure> failed;
  respond answer;

  void one_came() {
    if (--open > 0) return;
    if (failed) return answer(refused_by_actors(*failed));
    answer(json_response(200, with_info ? json{{"batch", items}} : json::object()));
  }
};

void publish_batch(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto body = read_body(r);
  if (!body) return answer(body.error());
  const auto batch = body->find("batch");
  if (batch == body->end() || !batch->is_array() || batch->empty())
    return answer(bad_request("batch is required: a list of events."));
  const auto most = a.settings().limits.events_per_batch;
  if (batch->size() > most)
    return answer(bad_request("A batch has at most " + std::to_string(most) + " events."));
  // All or none: what is wrong is said before anything is sent.
  std::vector<publish_request> events;
  for (const auto& item : *batch) {
    if (!item.is_object()) return answer(bad_request("An event of a batch is a JSON object."));
    auto event = event_reader(item, nullptr, a.settings()).read(false);
    if (!event) return answer(event.error());
    event->app = of.live;
    events.push_back(std::move(*event));
  }
  const auto whole = std::make_shared<batch_answer>();
  whole->items.resize(events.size(), json::object());
  whole->open = events.size();
  whole->with_info = std::any_of(events.begin(), events.end(), wants_counts);
  whole->answer = answer;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool wants = wants_counts(events[i]);
    actors::publish(a.asker(*r.loop), a.engine().channels(), std::move(events[i]),
                    [whole, i, wants](const actors::outcome<publish_answer>& sent) {
                      if (!sent)
                        whole->failed = sent.error();
                      else if (wants)
                        whole->items[i] = counts_json(sent->channels.front());
                      whole->one_came();
                    });
  }
}

// A repeated request of one key gets the first answer and publishes nothing.
handler published_once(const api& a, idempotency_cache& repeats,
                       void (*run)(const api&, const request&, const respond&,
                                   const calling_app&)) {
  return signed_by_app(
      a, [&a, &repeats, run](request&& r, const respond& answer, const calling_app& of) {
        const auto repeat = event_idempotency_of(r, of.configured->id);
        if (!repeat) return answer(bad_request(repeat.error().message));
        if (!*repeat) return run(a, r, answer, of);
        const auto& [scope, body_hash] = **repeat;
        switch (repeats.begin(scope, body_hash, answer)) {
          case idempotency_cache::verdict::repeated:
            return;
          case idempotency_cache::verdict::conflict:
            return answer(
                pusher_error(409, "This X-Idempotency-Key was used with another request body."));
          case idempotency_cache::verdict::first:
            break;
        }
        run(a, r, respond{[&repeats, scope = scope, answer](response&& given) {
              repeats.finish(scope, given);
              answer(std::move(given));
            }},
            of);
      });
}

}  // namespace

void add_pusher_event_routes(router& routes, const api& a, idempotency_cache& repeats) {
  routes.add("POST", "/apps/{app}/events", published_once(a, repeats, publish_one));
  routes.add("POST", "/apps/{app}/batch_events", published_once(a, repeats, publish_batch));
  routes.add("POST", "/apps/{app}/channels/{channel}/events",
             published_once(a, repeats, publish_on_channel));
}

}  // namespace velo::net
