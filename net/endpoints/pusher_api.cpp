#include "net/endpoints/pusher_api.hpp"

#include "actors/record_channel.hpp"
#include "net/channel_name.hpp"
#include "net/pusher_error.hpp"
#include "net/request_signature.hpp"

#include <chrono>

namespace velo::net {

namespace {

std::chrono::seconds unix_time() {
  return std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

// What was signed never has the mount prefix: libraries take it for part of the host.
std::string_view without_prefix(std::string_view raw_path, std::string_view prefix) {
  if (raw_path.starts_with(prefix)) raw_path.remove_prefix(prefix.size());
  return raw_path;
}

}  // namespace

handler signed_by_app(const api& a, with_app run) {
  return [&a, run = std::move(run)](request&& r, const respond& answer) {
    const auto& settings = a.settings();
    const auto* configured = find_app(settings.apps, r.param("app"));
    if (configured == nullptr) return answer(pusher_error(404, "There is no app with this id."));
    const auto window =
        std::chrono::duration_cast<std::chrono::seconds>(settings.pusher.signature_window);
    const signed_parts parts{r.method, without_prefix(r.raw_path(), settings.path_prefix), r.path,
                             r.query_parameters, r.body};
    if (const auto key = verify_request(*configured, parts, unix_time(), window); !key)
      return answer(pusher_error(401, key.error().sentence));
    if (!configured->enabled) return answer(pusher_error(403, "This app is disabled."));
    const auto* live = a.engine().channels().find_app(configured->id);
    if (live == nullptr) return answer(pusher_error(503, "The server is starting."));
    run(std::move(r), answer, {configured, live});
  };
}

checked check_channel(std::string_view channel, const config& settings) {
  const auto bytes_max = settings.limits.channel_name_bytes;
  if (!is_channel_name(channel, bytes_max) || kind_of(channel) == channel_kind::reserved)
    return pusher_error(
        400, "\"" + std::string(channel) + "\" is no channel: names have 1 to " +
                 std::to_string(bytes_max) +
                 " of A-Z a-z 0-9 _ - = @ , . ; and begin with # for #server-to-user-... alone.");
  if (actors::in_record_namespace(channel, settings.realtime.channel_prefix))
    return pusher_error(403, "Nobody may publish to " + std::string(channel) +
                                 ": it carries the events of records, which the server alone "
                                 "sends.");
  return {};
}

boost::system::result<actors::wanted_counts, response> read_counts(std::string_view info) {
  actors::wanted_counts wanted;
  while (!info.empty()) {
    const auto name = info.substr(0, info.find(','));
    info.remove_prefix(std::min(name.size() + 1, info.size()));
    if (name == "user_count")
      wanted.user_count = true;
    else if (name == "subscription_count")
      wanted.subscription_count = true;
    else
      return pusher_error(400, "info knows no \"" + std::string(name) +
                                   "\" here: it is a list of user_count and subscription_count.");
  }
  return wanted;
}

nlohmann::json counts_json(const actors::channel_counts& counts) {
  auto out = nlohmann::json::object();
  if (counts.user_count) out["user_count"] = *counts.user_count;
  if (counts.subscription_count) out["subscription_count"] = *counts.subscription_count;
  return out;
}

response refused_by_actors(const actors::failure& why) {
  return pusher_error(status_of(why.kind), why.message);
}

}  // namespace velo::net
