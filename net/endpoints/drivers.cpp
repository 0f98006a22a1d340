// POST /api/drivers/{name}/webhook: what an outside server tells of its channels,
// signed as Pusher signs (PUSHER_PROTOCOL.md 14). A channel that nobody is on any
// more leaves the index; one that somebody is on stays without pings.

#include "actors/constant_time.hpp"
#include "actors/record_channel.hpp"
#include "net/endpoints/api.hpp"
#include "net/signature.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace velo::net {

namespace {

using nlohmann::json;

constexpr std::size_t events_max = 10'000;  // of one request

const driver_config* find_outside(const config& settings, const std::string& name) {
  const auto at = std::find_if(settings.drivers.begin(), settings.drivers.end(),
                               [&](const auto& d) { return d.is_outside() && d.name == name; });
  return at == settings.drivers.end() ? nullptr : &*at;
}

// Those that are none of ours are no error: an app has other channels, too.
void hear(const json& event, const driver_config& d, const actors::driver_bridge_actor& bridge) {
  if (!event.is_object()) return;
  const auto name = event.find("name");
  const auto channel = event.find("channel");
  if (name == event.end() || channel == event.end() || !channel->is_string()) return;
  const auto ours =
      actors::parse_record_channel(channel->get_ref<const std::string&>(), d.channel_prefix);
  if (!ours) return;
  if (*name == "channel_vacated")
    caf::anon_send(bridge, actors::driver_release{ours->id});
  else if (*name == "channel_occupied")
    caf::anon_send(bridge, actors::driver_take{ours->id, false, true});
}

void webhook(const api& a, const request& r, const respond& answer) {
  const auto* d = find_outside(a.settings(), r.param("name"));
  const auto* open = d == nullptr ? nullptr : a.engine().drivers().find(d->name);
  if (open == nullptr) return answer(error_response(404, "There is no such driver."));
  const auto expected = hmac_sha256_hex(d->secret, r.body);
  const bool authentic = actors::constant_time_equal(r.header("X-Pusher-Signature"), expected) &&
                         actors::constant_time_equal(r.header("X-Pusher-Key"), d->key);
  if (!authentic)
    return answer(error_response(
        401, "X-Pusher-Key and X-Pusher-Signature are not those of this driver's app."));
  const auto body = json::parse(r.body, nullptr, false);
  const auto events = body.is_object() ? body.find("events") : body.end();
  if (!body.is_object() || events == body.end() || !events->is_array() ||
      events->size() > events_max)
    return answer(error_response(400, "A webhook is {\"time_ms\": ..., \"events\": [...]}."));
  for (const auto& event : *events) hear(event, *d, open->bridge);
  answer(json_response(200, json::object()));
}

}  // namespace

void add_driver_routes(router& routes, const api& a) {
  routes.add("POST", "/api/drivers/{name}/webhook",
             [&a](request&& r, const respond& answer) { webhook(a, r, answer); });
}

}  // namespace velo::net
