// GET /apps/{app}/channels and what else an application's server may ask, and
// the end of a user's connections.

#include "net/channel_name.hpp"
#include "net/endpoints/pusher_api.hpp"
#include "net/pusher_error.hpp"

#include <chrono>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

response bad_request(std::string_view sentence) {
  return pusher_error(400, sentence);
}

void list_channels(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto prefix = r.query("filter_by_prefix").value_or("");
  const auto wanted = read_counts(r.query("info").value_or(""));
  if (!wanted) return answer(wanted.error());
  if (wanted->user_count && !prefix.starts_with("presence-"))
    return answer(
        bad_request("user_count is of presence channels: filter_by_prefix must begin with "
                    "presence-."));
  actors::ask(a.asker(*r.loop), a.engine().channels(),
              actors::list_channels{of.live, prefix, *wanted},
              [answer](const actors::outcome<actors::channel_list>& found) {
                if (!found) return answer(refused_by_actors(found.error()));
                auto channels = json::object();
                for (const auto& channel : found->channels)
                  channels[channel.name] = counts_json(channel.counts);
                answer(json_response(200, {{"channels", std::move(channels)}}));
              });
}

struct wanted_attributes {
  bool user_count = false, subscription_count = false, cache = false;
};

boost::system::result<wanted_attributes, response> read_attributes(std::string_view info,
                                                                   channel_kind kind) {
  wanted_attributes wanted;
  while (!info.empty()) {
    const auto name = info.substr(0, info.find(','));
    info.remove_prefix(std::min(name.size() + 1, info.size()));
    if (name == "user_count" && is_presence(kind))
      wanted.user_count = true;
    else if (name == "subscription_count" && !is_presence(kind))
      wanted.subscription_count = true;
    else if (name == "cache" && is_cache(kind))
      wanted.cache = true;
    else
      return bad_request("info: a channel of this kind has no \"" + std::string(name) +
                         "\". Presence channels have user_count, the others subscription_count, "
                         "cache channels cache.");
  }
  return wanted;
}

json cache_json(const std::optional<actors::cached_event>& cached) {
  if (!cached) return nullptr;
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(cached->ttl).count();
  return {{"data", cached->data}, {"ttl", ttl}};
}

void show_channel(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto& name = r.param("channel");
  if (!is_channel_name(name, a.settings().limits.channel_name_bytes))
    return answer(bad_request("This is no channel's name."));
  const auto wanted = read_attributes(r.query("info").value_or(""), kind_of(name));
  if (!wanted) return answer(wanted.error());
  actors::ask(a.asker(*r.loop), a.engine().channels(), actors::channel_query{of.live, name},
              [answer, wanted = *wanted](const actors::outcome<actors::channel_info>& found) {
                if (!found) return answer(refused_by_actors(found.error()));
                json out{{"occupied", found->occupied}};
                if (wanted.user_count) out["user_count"] = found->counts.user_count.value_or(0);
                if (wanted.subscription_count)
                  out["subscription_count"] = found->counts.subscription_count.value_or(0);
                if (wanted.cache) out["cache"] = cache_json(found->cache);
                answer(json_response(200, out));
              });
}

void list_users(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto& name = r.param("channel");
  if (!is_channel_name(name, a.settings().limits.channel_name_bytes) || !is_presence(kind_of(name)))
    return answer(bad_request("Only presence channels have users."));
  actors::ask(a.asker(*r.loop), a.engine().channels(), actors::list_members{of.live, name},
              [answer](const actors::outcome<actors::member_list>& found) {
                if (!found) return answer(refused_by_actors(found.error()));
                auto users = json::array();
                for (const auto& id : found->user_ids) users.push_back({{"id", id}});
                answer(json_response(200, {{"users", std::move(users)}}));
              });
}

void terminate(const api& a, const request& r, const respond& answer, const calling_app& of) {
  const auto& user = r.param("user");
  const auto most = a.settings().limits.user_id_bytes;
  if (user.size() > most)
    return answer(bad_request("A user's id has at most " + std::to_string(most) + " bytes."));
  actors::ask(a.asker(*r.loop), a.engine().channels(), actors::terminate_user{of.live, user},
              [answer](const actors::outcome<actors::terminated>& done) {
                if (!done) return answer(refused_by_actors(done.error()));
                answer(json_response(200, json::object()));
              });
}

void count_connections(const api&, const request&, const respond& answer, const calling_app& of) {
  answer(json_response(200, {{"connections", of.live->connections.load()}}));
}

}  // namespace

void add_pusher_query_routes(router& routes, const api& a) {
  const auto add = [&](std::string_view method, std::string_view pattern, auto run) {
    routes.add(method, pattern,
               signed_by_app(a, [&a, run](const request& r, const respond& answer,
                                          const calling_app& of) { run(a, r, answer, of); }));
  };
  add("GET", "/apps/{app}/channels", list_channels);
  add("GET", "/apps/{app}/channels/{channel}", show_channel);
  add("GET", "/apps/{app}/channels/{channel}/users", list_users);
  add("POST", "/apps/{app}/users/{user}/terminate_connections", terminate);
  add("GET", "/apps/{app}/connections", count_connections);
}

}  // namespace velo::net
