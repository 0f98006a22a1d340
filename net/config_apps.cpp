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

const std::array<std::string, 5> app_keys{"id", "key", "secret", "enabled", "allowed_origins"};

constexpr std::size_t name_bytes_max = 64;

// What stands in a path (/app/{key}, /apps/{id}) and before the colon of a signature.
bool is_path_segment(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

bool is_planned(const std::string& key) {
  const auto planned = planned_keys();
  return std::find(planned.begin(), planned.end(), "apps." + key) != planned.end();
}

// Reads one key; gives what is wrong with it.
std::string read_key(const std::string& key, const json& value, app& into) {
  if (key == "enabled") {
    if (!value.is_boolean()) return "enabled is true or false.";
    into.enabled = value.get<bool>();
    return {};
  }
  if (key == "allowed_origins") {
    setting row;
    row.kind = setting_kind::list;
    const auto list = read_file_value(row, value);
    if (!list) return list.error().sentence;
    into.allowed_origins = std::get<std::vector<std::string>>(*list);
    return {};
  }
  for (const auto& [name, member] : {std::pair{"id", &app::id}, std::pair{"key", &app::key},
                                     std::pair{"secret", &app::secret}}) {
    if (key != name) continue;
    if (!value.is_string()) return "A string in quotes is expected.";
    into.*member = value.get<std::string>();
    return {};
  }
  if (is_planned(key)) return "It is not supported by this version: remove it.";
  return "There is no such setting of an app." + did_you_mean(key, app_keys);
}

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
    app read;
    for (const auto& [key, value] : (*apps)[i].items()) {
      if (auto sentence = read_key(key, value, read); !sentence.empty())
        errors.push_back(file.at(path + '.' + key) + "apps." + key + ": " + sentence);
    }
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
  if (wanted.key) changed->key = *wanted.key;
  if (wanted.secret) changed->secret = *wanted.secret;
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
    if (!is_path_segment(a.key)) errors.push_back(where + "It needs a key: " + characters);
    if (a.secret.empty()) errors.push_back(where + "It needs a secret.");
    if (!ids.insert(a.id).second) errors.push_back(where + "Another app has this id.");
    if (!a.key.empty() && !keys.insert(a.key).second)
      errors.push_back(where + "Another app has this key.");
  }
}

}  // namespace velo::net
