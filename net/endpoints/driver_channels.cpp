#include "net/endpoints/driver_channels.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

bool has_prefix(const std::string& channel, const std::string& prefix) {
  return actors::parse_record_channel(channel, prefix).has_value();
}

void ask_all(const api& a, const reactor& loop,
             const std::vector<actors::driver_bridge_actor>& bridges,
             const actors::driver_take& wanted, const respond& answer, response then) {
  if (bridges.empty()) return answer(std::move(then));
  // All are asked at once; the last one to answer has the answer sent.
  const auto left = std::make_shared<std::size_t>(bridges.size());
  const auto ready = std::make_shared<response>(std::move(then));
  for (const auto& bridge : bridges) {
    a.ask(loop, bridge, wanted, answer, [left, ready, answer](actors::ack) {
      if (--*left == 0) answer(std::move(*ready));
    });
  }
}

}  // namespace

const std::string& channel_prefix_of(const std::string& collection, const config& settings) {
  const auto* primary = primary_driver(settings.drivers, collection);
  return primary == nullptr ? settings.realtime.channel_prefix : primary->channel_prefix;
}

std::optional<actors::record_channel> parse_any_record_channel(const std::string& name,
                                                               const config& settings) {
  if (auto found = actors::parse_record_channel(name, settings.realtime.channel_prefix))
    return found;
  for (const auto& d : settings.drivers)
    if (auto found = actors::parse_record_channel(name, d.channel_prefix)) return found;
  return std::nullopt;
}

std::optional<actors::channel_id> parse_any_channel_name(const std::string& name,
                                                         const config& settings) {
  if (const auto found = parse_any_record_channel(name, settings)) return found->id;
  return actors::channel_id::parse(name);
}

std::optional<const driver_config*> find_way(const std::string& channel,
                                             const std::optional<std::string>& wanted,
                                             const config& settings,
                                             const std::string& collection) {
  const bool embedded = primary_driver(settings.drivers, collection) == nullptr;
  const bool may_be_here = embedded && (!wanted || *wanted == "embedded") &&
                           has_prefix(channel, settings.realtime.channel_prefix);
  if (may_be_here) return nullptr;
  const auto at =
      std::find_if(settings.drivers.begin(), settings.drivers.end(), [&](const driver_config& d) {
        return d.is_outside() && d.serves(collection) && (!wanted || *wanted == d.name) &&
               has_prefix(channel, d.channel_prefix);
      });
  if (at == settings.drivers.end()) return std::nullopt;
  return &*at;
}

void take_behind_drivers(const api& a, const reactor& loop, const storage::connection& stored,
                         const std::string& collection, const respond& answer, response then) {
  ask_all(a, loop, a.engine().drivers().serving(collection),
          {*actors::channel_id::parse(stored.uuid), true}, answer, std::move(then));
}

void take_again_behind_drivers(const api& a, const reactor& loop, const actors::channel_id& channel,
                               const respond& answer, response then) {
  std::vector<actors::driver_bridge_actor> bridges;
  for (const auto& d : a.engine().drivers().all()) bridges.push_back(d.bridge);
  ask_all(a, loop, bridges, {channel}, answer, std::move(then));
}

}  // namespace velo::net
