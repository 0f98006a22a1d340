#include "net/config.hpp"
#include "net/setting.hpp"
#include "net/units.hpp"
#include "storage/collection.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace velo::net {

namespace {

constexpr std::string_view mask = "\"********\"";

std::string origin_of(const config& c, const std::string& key) {
  const auto at = c.origins.find(key);
  return at == c.origins.end() ? "set by the program" : at->second;
}

// `key = value  # origin`, origins in one column where values are short.
std::string line(const std::string& key, const std::string& value, const std::string& origin) {
  constexpr std::size_t column = 56;
  auto out = key + " = " + value;
  out.append(out.size() < column ? column - out.size() : 2, ' ');
  return out + "# " + origin + '\n';
}

std::string describe(const config& c, const setting& row) {
  const std::string key(row.key);
  // Said twice, they would be one way in more.
  if ((key == "host" || key == "port") && ways_in(c).size() == c.listeners.size())
    return "# " + key + " is not set: see listeners\n";
  const auto value = row.load(c);
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->empty()) {
    // path_prefix is a text that may be empty; the others are then not there.
    if (key == "superuser_token") return "# superuser_token: generated at the first start\n";
    if (key != "path_prefix") return "# " + key + " is not set\n";
  }
  return line(key, row.is_secret ? std::string(mask) : to_toml(row, value), origin_of(c, key));
}

std::string list(const std::vector<std::string>& items) {
  setting row;
  row.kind = setting_kind::list;
  return to_toml(row, items);
}

std::string heading(std::string_view table, const std::string& origin) {
  return "\n[[" + std::string(table) + "]]  # " + origin + '\n';
}

std::string truth(bool value) {
  return value ? "true" : "false";
}

std::string describe(const config& c, const listener_config& way) {
  auto out = heading("listeners", origin_of(c, "listeners"));
  if (way.unix_path.empty())
    return out + "host = " + quoted_toml(way.host) + "\nport = " + std::to_string(way.port) +
           "\ntls = " + truth(way.tls) + '\n';
  return out + fmt::format("unix = {}\nmode = \"{:04o}\"\ntls = {}\n", quoted_toml(way.unix_path),
                           way.unix_mode, way.tls);
}

std::string describe_keys(const std::vector<app_key>& keys) {
  if (keys.size() == 1)
    return "key = " + quoted_toml(keys.front().key) + "\nsecret = " + std::string(mask) + '\n';
  std::string out;
  for (const auto& pair : keys)
    out += (out.empty() ? "" : ", ") + ("{key = " + quoted_toml(pair.key)) +
           ", secret = " + std::string(mask) + '}';
  return "keys = [" + out + "]\n";
}

// The values of headers are often credentials.
std::string describe(const app_webhook& hook) {
  auto out = "[[apps.webhooks]]\nurl = " + quoted_toml(hook.url) + '\n';
  out += hook.events.empty() ? "# events: all\n" : "events = " + list(hook.events) + '\n';
  if (!hook.channel_prefix.empty())
    out += "channel_prefix = " + quoted_toml(hook.channel_prefix) + '\n';
  for (const auto& [name, value] : hook.headers)
    out += "headers." + quoted_toml(name) + " = " + std::string(mask) + '\n';
  return out;
}

std::string describe(const config& c, const app& a) {
  auto out = heading("apps", origin_of(c, "apps." + a.id)) + "id = " + quoted_toml(a.id) + '\n' +
             describe_keys(a.keys) + "enabled = " + truth(a.enabled) +
             "\nclient_events = " + truth(a.client_events) +
             "\nsubscription_count = " + truth(a.subscription_count) + '\n';
  out += a.max_connections == 0 ? "# max_connections is not set\n"
                                : "max_connections = " + std::to_string(a.max_connections) + '\n';
  out += "allowed_origins = " + list(a.allowed_origins) + '\n';
  for (const auto& hook : a.webhooks) out += describe(hook);
  return out;
}

std::string describe(const config& c, const storage::collection& declared) {
  auto out = heading("collections", origin_of(c, "collections." + declared.name)) +
             "name = " + quoted_toml(declared.name) +
             "\ntype = " + quoted_toml(storage::to_string(declared.type)) + '\n';
  const auto& rules = declared.rules;
  for (const auto& [name, rule] :
       {std::pair{"list", &rules.list}, std::pair{"view", &rules.view},
        std::pair{"create", &rules.create}, std::pair{"update", &rules.update},
        std::pair{"delete", &rules.remove}}) {
    out += *rule ? "rules." + std::string(name) + " = " + quoted_toml(**rule) + '\n'
                 : "# rules." + std::string(name) + ": superusers only\n";
  }
  out += "hidden = " + list(declared.hidden) + "\nguarded = " + list(declared.guarded) +
         "\nhistory = " + quoted_toml(storage::to_string(declared.history)) +
         "\nmirror = " + truth(declared.mirror) + "\nshards = " + std::to_string(declared.shards) +
         '\n';
  if (!declared.app.empty()) out += "app = " + quoted_toml(declared.app) + '\n';
  return out;
}

std::string describe(const config& c, const driver_config& d) {
  auto out = heading("driver", origin_of(c, "driver." + d.name)) +
             "kind = " + quoted_toml(to_string(d.kind)) + "\nname = " + quoted_toml(d.name) + '\n';
  out += d.collections.empty() ? "# collections: all\n"
                               : "collections = " + list(d.collections) + '\n';
  if (d.kind == driver_kind::embedded) return out;
  out += "channel_prefix = " + quoted_toml(d.channel_prefix) + '\n';
  if (!d.is_outside()) return out;
  const auto duration = [](std::chrono::milliseconds t) {
    return quoted_toml(to_duration_text(t));
  };
  out += "host = " + quoted_toml(d.host) + "\nport = " + std::to_string(d.port) +
         "\ntls = " + truth(d.tls) + '\n';
  if (!d.path.empty()) out += "path = " + quoted_toml(d.path) + '\n';
  out += "app_id = " + quoted_toml(d.app_id) + "\nkey = " + quoted_toml(d.key) +
         "\nsecret = " + std::string(mask) + "\nconnections = " + std::to_string(d.connections) +
         "\ntimeout = " + duration(d.timeout) + "\nretry_first = " + duration(d.retry_first) +
         "\nretry_max = " + duration(d.retry_max) + "\nretry_time = " + duration(d.retry_time) +
         "\nqueue_events = " + std::to_string(d.queue_events) +
         "\nqueue_bytes = " + quoted_toml(to_size_text(d.queue_bytes)) +
         "\noverflow = " + quoted_toml(d.drop_oldest ? "drop_oldest" : "drop_newest") +
         "\nevent_bytes = " + quoted_toml(to_size_text(d.event_bytes)) + '\n';
  return out;
}

}  // namespace

std::string describe(const config& c) {
  std::string out;
  for (const auto& row : settings()) {
    if (row.load != nullptr) out += describe(c, row);
  }
  for (const auto& way : c.listeners) out += describe(c, way);
  if (c.apps.empty()) out += "# apps: one is generated at the first start\n";
  for (const auto& a : c.apps) out += describe(c, a);
  for (const auto& declared : c.collections) out += describe(c, declared);
  for (const auto& d : c.drivers) out += describe(c, d);
  return out;
}

}  // namespace velo::net
