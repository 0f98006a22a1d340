#include "net/config_parts.hpp"
#include "net/setting.hpp"
#include "net/spelling.hpp"
#include "net/unix_socket.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace velo::net {

namespace {

using nlohmann::json;

const std::array<std::string, 5> listener_keys{"host", "port", "tls", "unix", "mode"};

// "0660", as chmod(1) takes it; only what concerns reading and writing.
std::optional<unsigned> read_mode(const json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size() || mode > 0777) return std::nullopt;
  return mode;
}

class listener_reader {
 public:
  listener_reader(const toml_document& file, std::string path, std::vector<std::string>& errors)
      : file_(file), path_(std::move(path)), errors_(errors) {}

  listener_config read(const json& table) {
    for (const auto& [key, value] : table.items()) read_key(key, value);
    const bool named = table.contains("unix");
    if (named && (table.contains("host") || table.contains("port")))
      wrong("unix", "It is either a Unix socket or a host and a port: make two of it.");
    if (!named && !table.contains("port")) wrong({}, "It needs a port, or a path as unix.");
    if (!named && table.contains("mode")) wrong("mode", "Only the file of a Unix socket has one.");
    return std::move(listener_);
  }

 private:
  void wrong(const std::string& key, const std::string& sentence) {
    const auto step = key.empty() ? key : '.' + key;
    errors_.push_back(file_.at(path_ + step) + "listeners" + step + ": " + sentence);
  }

  void read_key(const std::string& key, const json& value) {
    if (key == "host") {
      if (!value.is_string() || value.get_ref<const std::string&>().empty())
        return wrong(key, "An address or a name in quotes is expected.");
      listener_.host = value.get<std::string>();
    } else if (key == "port") {
      constexpr std::int64_t port_max = 65535;
      if (!value.is_number_integer() || value.get<std::int64_t>() < 0 ||
          value.get<std::int64_t>() > port_max)
        return wrong(key, "A whole number from 0 to 65535 is expected.");
      listener_.port = value.get<std::uint16_t>();
    } else if (key == "tls") {
      if (!value.is_boolean()) return wrong(key, "tls is true or false.");
      listener_.tls = value.get<bool>();
    } else if (key == "unix") {
      if (!value.is_string() || !is_unix_socket_path(value.get_ref<const std::string&>()))
        return wrong(key, "A path of 1 to 107 bytes is expected.");
      listener_.unix_path = value.get<std::string>();
    } else if (key == "mode") {
      const auto mode = read_mode(value);
      if (!mode) return wrong(key, "A mode as chmod takes it is expected, such as \"0660\".");
      listener_.unix_mode = *mode;
    } else {
      wrong(key, "There is no such setting of a listener." + did_you_mean(key, listener_keys));
    }
  }

  const toml_document& file_;
  const std::string path_;
  std::vector<std::string>& errors_;
  listener_config listener_;
};

}  // namespace

void read_listeners(const toml_document& file, config& into, std::vector<std::string>& errors) {
  const auto at = file.root.find("listeners");
  if (at == file.root.end()) return;
  const bool tables = at->is_array() && std::all_of(at->begin(), at->end(),
                                                    [](const json& l) { return l.is_object(); });
  if (!tables) {
    errors.push_back(file.at("listeners") +
                     "listeners: A list of tables is expected, such as [{port = 8080}].");
    return;
  }
  for (std::size_t i = 0; i < at->size(); ++i) {
    const auto path = "listeners." + std::to_string(i);
    into.listeners.push_back(listener_reader(file, path, errors).read((*at)[i]));
  }
  auto origin = file.at("listeners");
  origin.resize(origin.size() - 2);  // Without its ": ".
  into.origins["listeners"] = origin;
}

void check_tls(const config& c, std::vector<std::string>& errors) {
  if (c.tls.certificate.empty() != c.tls.key.empty())
    errors.emplace_back(
        "tls: A certificate and its key are needed: set both tls.certificate and tls.key.");
  const auto ways = ways_in(c);
  const bool wanted =
      std::any_of(ways.begin(), ways.end(), [](const auto& way) { return way.tls; });
  if (wanted && c.tls.certificate.empty())
    errors.emplace_back("listeners: TLS needs a certificate: set tls.certificate and tls.key.");
  if (!wanted && !c.tls.certificate.empty())
    errors.emplace_back("tls: No listener speaks TLS: write tls = true for one of them.");
}

std::vector<listener_config> ways_in(const config& c) {
  const auto is_set = [&](const char* key) {
    const auto at = c.origins.find(key);
    return at == c.origins.end() || at->second != "default";
  };
  std::vector<listener_config> ways;
  if (c.listeners.empty() || is_set("host") || is_set("port")) {
    listener_config simple;
    simple.host = c.host;
    simple.port = c.port;
    simple.tls = !c.tls.certificate.empty();
    ways.push_back(std::move(simple));
  }
  ways.insert(ways.end(), c.listeners.begin(), c.listeners.end());
  return ways;
}

}  // namespace velo::net
