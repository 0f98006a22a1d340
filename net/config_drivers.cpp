#include "net/config_parts.hpp"
#include "net/http_address.hpp"
#include "net/setting.hpp"
#include "net/spelling.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace velo::net {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kinds{"embedded", "reverb", "pusher", "log", "null"};
constexpr std::array<std::string_view, 2> policies{"drop_oldest", "drop_newest"};
constexpr std::size_t name_bytes_max = 64;
constexpr std::uint64_t hour_ms = 3'600'000;

bool is_path_segment(std::string_view text) {
  return !text.empty() && text.size() <= name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

// What a channel's name may begin with, so that a UUID makes it one.
bool is_channel_prefix(std::string_view text) {
  constexpr std::size_t bytes_max = 100;
  constexpr std::array<std::string_view, 3> kinds_of_channels{"private-", "presence-", "cache-"};
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(),
                     [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') ||
                              std::string_view("_-=@,.;").find(c) != std::string_view::npos;
                     }) &&
         std::none_of(kinds_of_channels.begin(), kinds_of_channels.end(),
                      [&](auto kind) { return text.starts_with(kind); });
}

std::string check_path(const std::string& path) {
  const bool sound = path.empty() || (path.front() == '/' && path.back() != '/' &&
                                      parse_http_address("http://host" + path) &&
                                      path.find('?') == std::string::npos);
  return sound ? "" : "A path begins with a slash and does not end with one: \"/broadcast\".";
}

/// One key: what it may hold, and where it goes.
struct driver_row {
  setting rules;
  void (*store)(driver_config&, const setting_value&);
  bool of_outside = true;  ///< Means nothing to the other kinds.
};

#define TEXT(member) \
  [](driver_config& d, const setting_value& v) { d.member = std::get<std::string>(v); }
#define NUMBER(member)                                                      \
  [](driver_config& d, const setting_value& v) {                            \
    d.member = static_cast<decltype(d.member)>(std::get<std::uint64_t>(v)); \
  }
#define TIME(member)                                   \
  [](driver_config& d, const setting_value& v) {       \
    d.member = std::get<std::chrono::milliseconds>(v); \
  }

setting rules_of(std::string_view key, setting_kind kind, std::uint64_t min = 0,
                 std::uint64_t max = 0, std::span<const std::string_view> choices = {}) {
  setting row;
  row.key = key;
  row.kind = kind;
  row.min = min;
  if (max != 0) row.max = max;
  row.choices = choices;
  return row;
}

std::vector<driver_row> make_rows() {
  using enum setting_kind;
  return {
      {rules_of("kind", choice, 0, 0, kinds),
       [](driver_config& d, const setting_value& v) {
         const auto at = std::find(kinds.begin(), kinds.end(), std::get<std::string>(v));
         d.kind = static_cast<driver_kind>(at - kinds.begin());
       },
       false},
      {rules_of("name", text), TEXT(name), false},
      {rules_of("collections", list),
       [](driver_config& d, const setting_value& v) {
         d.collections = std::get<std::vector<std::string>>(v);
       },
       false},
      {rules_of("host", text), TEXT(host)},
      {rules_of("port", count, 1, 65'535), NUMBER(port)},
      {rules_of("path", text), TEXT(path)},
      {rules_of("app_id", text), TEXT(app_id)},
      {rules_of("key", text), TEXT(key)},
      {rules_of("secret", text), TEXT(secret)},
      {rules_of("channel_prefix", text), TEXT(channel_prefix), false},
      {rules_of("connections", count, 1, 64), NUMBER(connections)},
      {rules_of("timeout", duration, 1, hour_ms), TIME(timeout)},
      {rules_of("retry_first", duration, 1, hour_ms), TIME(retry_first)},
      {rules_of("retry_max", duration, 1, hour_ms), TIME(retry_max)},
      {rules_of("retry_time", duration, 1, 24 * hour_ms), TIME(retry_time)},
      {rules_of("queue_events", count, 1, 100'000'000), NUMBER(queue_events)},
      {rules_of("queue_bytes", size, 1024, std::uint64_t{1} << 40U), NUMBER(queue_bytes)},
      {rules_of("overflow", choice, 0, 0, policies),
       [](driver_config& d, const setting_value& v) {
         d.drop_oldest = std::get<std::string>(v) == policies[0];
       }},
      {rules_of("event_bytes", size, 256, std::uint64_t{1} << 30U), NUMBER(event_bytes)},
  };
}

#undef TEXT
#undef NUMBER
#undef TIME

class driver_reader {
 public:
  driver_reader(const toml_document& file, std::string path, std::vector<std::string>& errors)
      : file_(file), path_(std::move(path)), errors_(errors) {}

  driver_config read(const json& table) {
    static const auto rows = make_rows();
    std::vector<std::string> keys{"tls"};
    for (const auto& row : rows) keys.emplace_back(row.rules.key);
    if (!table.contains("kind"))
      wrong("", "It needs a kind: embedded, reverb, pusher, log or null.");
    for (const auto& [key, value] : table.items()) {
      const auto row = std::find_if(rows.begin(), rows.end(),
                                    [&name = key](const auto& r) { return r.rules.key == name; });
      if (key == "tls") {
        has_tls_ = true;
        if (value.is_boolean())
          driver_.tls = value.get<bool>();
        else
          wrong(key, "tls is true or false.");
      } else if (row == rows.end()) {
        wrong(key, "There is no such setting of a driver." + did_you_mean(key, keys));
      } else if (const auto read = read_file_value(row->rules, value)) {
        row->store(driver_, *read);
        if (row->of_outside) outside_keys_.push_back(key);
      } else {
        wrong(key, read.error().sentence);
      }
    }
    complete();
    return std::move(driver_);
  }

 private:
  void wrong(const std::string& key, const std::string& sentence) {
    const auto at = key.empty() ? path_ : path_ + '.' + key;
    errors_.push_back(file_.at(at) + (key.empty() ? "driver: " : "driver." + key + ": ") +
                      sentence);
  }

  void complete() {
    auto& d = driver_;
    if (d.name.empty()) d.name = to_string(d.kind);
    if (!is_path_segment(d.name)) wrong("name", "Write 1 to 64 of A-Z a-z 0-9 - _.");
    if (!d.channel_prefix.empty() && !is_channel_prefix(d.channel_prefix))
      wrong("channel_prefix",
            "It is what public channels begin with: 1 to 100 of A-Z a-z 0-9 _ - = @ , . ; without "
            "private-, presence- or cache-.");
    if (!d.is_outside()) {
      for (const auto& key : outside_keys_)
        wrong(key, "Only a driver of kind reverb or pusher has it.");
      if (has_tls_) wrong("tls", "Only a driver of kind reverb or pusher has it.");
      return;
    }
    const bool is_pusher = d.kind == driver_kind::pusher;
    if (!has_tls_) d.tls = is_pusher;
    if (d.port == 0) d.port = is_pusher ? (d.tls ? 443 : 80) : 8080;
    const bool address = !d.host.empty() && d.host.find_first_of("/:@?# ") == std::string::npos &&
                         parse_http_address((d.tls ? "https://" : "http://") + d.host).has_value();
    const bool address6 = d.host.find(':') != std::string::npos &&
                          parse_http_address("http://[" + d.host + "]").has_value();
    if (!address && !address6)
      wrong(d.host.empty() ? "" : "host",
            "It needs a host: a name or an address, such as \"api-eu.pusher.com\".");
    if (auto sentence = check_path(d.path); !sentence.empty()) wrong("path", sentence);
    for (const auto& [key, value] : {std::pair{"app_id", &d.app_id}, std::pair{"key", &d.key}})
      if (!is_path_segment(*value))
        wrong(value->empty() ? "" : key,
              std::string("It needs an ") + key + ": 1 to 64 of A-Z a-z 0-9 - _.");
    if (d.secret.empty()) wrong("", "It needs the secret of its key.");
    if (d.retry_max < d.retry_first) wrong("retry_max", "It is shorter than retry_first.");
  }

  const toml_document& file_;
  const std::string path_;
  std::vector<std::string>& errors_;
  driver_config driver_;
  std::vector<std::string> outside_keys_;
  bool has_tls_ = false;
};

}  // namespace

const char* to_string(driver_kind kind) {
  return kinds.at(static_cast<std::size_t>(kind)).data();
}

const driver_config* primary_driver(const std::vector<driver_config>& drivers,
                                    const std::string& collection) {
  const driver_config* outside = nullptr;
  for (const auto& d : drivers) {
    if (!d.serves(collection)) continue;
    if (d.kind == driver_kind::embedded) return nullptr;
    if (d.is_outside() && outside == nullptr) outside = &d;
  }
  return outside;
}

void read_drivers(const toml_document& file, config& into, std::vector<std::string>& errors) {
  const auto drivers = file.root.find("driver");
  if (drivers == file.root.end()) return;
  if (!drivers->is_array() ||
      !std::all_of(drivers->begin(), drivers->end(), [](const json& d) { return d.is_object(); })) {
    errors.push_back(file.at("driver") + "driver: Tables are expected: write [[driver]].");
    return;
  }
  for (std::size_t i = 0; i < drivers->size(); ++i) {
    const auto path = "driver." + std::to_string(i);
    auto read = driver_reader(file, path, errors).read((*drivers)[i]);
    auto origin = file.at(path);
    const bool taken = std::any_of(into.drivers.begin(), into.drivers.end(),
                                   [&](const auto& other) { return other.name == read.name; });
    if (taken)
      errors.push_back(origin + "driver.name: Another driver is named " + quoted_toml(read.name) +
                       ": give this one a name of its own.");
    if (read.channel_prefix.empty()) read.channel_prefix = into.realtime.channel_prefix;
    origin.resize(origin.size() - 2);  // Without its ": ".
    into.origins["driver." + read.name] = origin;
    into.drivers.push_back(std::move(read));
  }
}

}  // namespace velo::net
