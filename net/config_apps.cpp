#include "net/config_parts.hpp"
#include "net/setting.hpp"
#include "net/spelling.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>

namespace velo::net {

namespace {

using nlohmann::json;

const std::array<std::string, 10> app_keys{"id",
                                           "key",
                                           "secret",
                                           "keys",
                                           "enabled",
                                           "webhooks",
                                           "client_events",
                                           "subscription_count",
                                           "max_connections",
                                           "allowed_origins"};

constexpr std::size_t name_bytes_max = 64;

// What stands in a path (/app/{key}, /apps/{id}) and before the colon of a signature.
bool is_path_segment(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

bool is_truth(const std::string& key, bool app::*& member) {
  for (const auto& [name, at] :
       {std::pair{"enabled", &app::enabled}, std::pair{"client_events", &app::client_events},
        std::pair{"subscription_count", &app::subscription_count}}) {
    if (key != name) continue;
    member = at;
    return true;
  }
  return false;
}

// One app as it is read: key by key, put together at its end.
class app_reader {
 public:
  app_reader(const toml_document& file, std::string path, std::vector<std::string>& errors)
      : file_(file), path_(std::move(path)), errors_(errors) {}

  app read(const json& table) {
    for (const auto& [key, value] : table.items()) read_key(key, value);
    if (!pair_.key.empty() || !pair_.secret.empty())
      app_.keys.insert(app_.keys.begin(), std::move(pair_));
    return std::move(app_);
  }

 private:
  void wrong(const std::string& key, const std::string& sentence) {
    errors_.push_back(file_.at(path_ + '.' + key) + "apps." + key + ": " + sentence);
  }

  void read_text(const std::string& key, const json& value, std::string& into) {
    if (value.is_string())
      into = value.get<std::string>();
    else
      wrong(key, "A string in quotes is expected.");
  }

  void read_key(const std::string& key, const json& value) {
    bool app::*truth = nullptr;
    if (key == "id") {
      read_text(key, value, app_.id);
    } else if (key == "key") {
      read_text(key, value, pair_.key);
    } else if (key == "secret") {
      read_text(key, value, pair_.secret);
    } else if (is_truth(key, truth)) {
      if (!value.is_boolean()) return wrong(key, key + " is true or false.");
      app_.*truth = value.get<bool>();
    } else if (key == "max_connections") {
      if (!value.is_number_integer() || value.get<std::int64_t>() < 1)
        return wrong(key, "A whole number from 1 on is expected; leave it out for no limit.");
      app_.max_connections = value.get<std::uint64_t>();
    } else if (key == "allowed_origins") {
      setting row;
      row.kind = setting_kind::list;
      const auto list = read_file_value(row, value);
      if (!list) return wrong(key, list.error().sentence);
      app_.allowed_origins = std::get<std::vector<std::string>>(*list);
    } else if (key == "keys") {
      read_keys(value);
    } else if (key == "webhooks") {
      read_webhooks(value);
    } else {
      wrong(key, "There is no such setting of an app." + did_you_mean(key, app_keys));
    }
  }

  void read_keys(const json& value) {
    constexpr auto expected =
        "A list of pairs is expected, such as [{key = \"k\", secret = \"s\"}].";
    if (!value.is_array()) return wrong("keys", expected);
    for (std::size_t i = 0; i < value.size(); ++i) {
      const auto& pair = value[i];
      const bool sound = pair.is_object() && pair.size() == 2 && pair.contains("key") &&
                         pair.contains("secret") && pair["key"].is_string() &&
                         pair["secret"].is_string();
      if (!sound) return wrong("keys", expected);
      app_.keys.push_back({pair["key"].get<std::string>(), pair["secret"].get<std::string>()});
    }
  }

  void read_webhooks(const json& value) {
    if (!value.is_array() ||
        !std::all_of(value.begin(), value.end(), [](const json& hook) { return hook.is_object(); }))
      return wrong("webhooks", "Tables are expected: write [[apps.webhooks]].");
    for (std::size_t i = 0; i < value.size(); ++i)
      app_.webhooks.push_back(
          read_webhook(file_, path_ + ".webhooks." + std::to_string(i), value[i], errors_));
  }

  const toml_document& file_;
  const std::string path_;
  std::vector<std::string>& errors_;
  app app_;
  app_key pair_;  ///< Of `key` and `secret`; empty where they are not there.
};

app* find(config& c, const std::string& id) {
  const auto at =
      std::find_if(c.apps.begin(), c.apps.end(), [&](const app& a) { return a.id == id; });
  return at == c.apps.end() ? nullptr : &*at;
}

}  // namespace

void read_apps(const toml_document& file, config& into, std::vector<std::string>& errors) {
  const auto apps = file.root.find("apps");
  if (apps == file.root.end()) return;
  const bool tables = apps->is_array() && std::all_of(apps->begin(), apps->end(),
                                                      [](const json& a) { return a.is_object(); });
  if (!tables) {
    errors.push_back(file.at("apps") + "apps: Tables are expected: write [[apps]].");
    return;
  }
  for (std::size_t i = 0; i < apps->size(); ++i) {
    const auto path = "apps." + std::to_string(i);
    auto read = app_reader(file, path, errors).read((*apps)[i]);
    auto origin = file.at(path);
    origin.resize(origin.size() - 2);  // Without its ": ".
    into.origins["apps." + read.id] = origin;
    into.apps.push_back(std::move(read));
  }
}

void apply(const app_override& wanted, config& into, std::vector<std::string>& errors) {
  if (!wanted.any()) return;
  if (!wanted.id) {
    errors.push_back(wanted.origin +
                     ": An app is meant, but which? Set VELO_APP_ID to its id as well.");
    return;
  }
  auto* changed = find(into, *wanted.id);
  auto& origin = into.origins["apps." + *wanted.id];
  if (changed == nullptr) {
    changed = &into.apps.emplace_back();
    changed->id = *wanted.id;
    origin = wanted.origin;
  } else {
    origin += ", " + wanted.origin;
  }
  if (!wanted.key && !wanted.secret) return;
  if (changed->keys.empty()) changed->keys.emplace_back();
  auto& pair = changed->keys.front();
  if (wanted.key) pair.key = *wanted.key;
  if (wanted.secret) pair.secret = *wanted.secret;
}

void check_apps(const config& c, std::vector<std::string>& errors) {
  std::set<std::string> ids;
  std::set<std::string> keys;
  for (const auto& a : c.apps) {
    const auto origin = c.origins.find("apps." + a.id);
    const auto where = (origin == c.origins.end() ? std::string() : origin->second + ": ") +
                       "app " + quoted_toml(a.id) + ": ";
    constexpr auto characters = "write 1 to 64 of A-Z a-z 0-9 - _.";
    if (!is_path_segment(a.id)) errors.push_back(where + "It needs an id: " + characters);
    if (a.keys.empty()) errors.push_back(where + "It needs a key and a secret.");
    if (!ids.insert(a.id).second) errors.push_back(where + "Another app has this id.");
    for (const auto& [key, secret] : a.keys) {
      if (!is_path_segment(key)) errors.push_back(where + "It needs a key: " + characters);
      if (secret.empty()) errors.push_back(where + "It needs a secret.");
      if (!key.empty() && !keys.insert(key).second)
        errors.push_back(where + "The key " + quoted_toml(key) + " is there already.");
    }
  }
}

}  // namespace velo::net
