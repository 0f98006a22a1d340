#include "actors/webhook_event.hpp"
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

const std::array<std::string, 4> webhook_keys{"url", "events", "channel_prefix", "headers"};

// Ours to say: the signature is about these, the client frames with the others.
constexpr std::array<std::string_view, 9> headers_taken{
    "content-type", "x-pusher-key", "x-pusher-signature", "content-length", "transfer-encoding",
    "connection",   "host",         "user-agent",         "expect"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(),
                     [](char c) { return (c >= ' ' && c != '\x7f') || c == '\t'; });
}

std::string read_url(const json& value, app_webhook& into) {
  if (!value.is_string()) return "A string in quotes is expected.";
  into.url = value.get<std::string>();
  if (!parse_http_address(into.url))
    return "It is not an address to send to: write such as \"https://example.org/webhook\", "
           "without user and fragment.";
  return {};
}

std::string read_events(const json& value, app_webhook& into) {
  setting row;
  row.kind = setting_kind::list;
  const auto list = read_file_value(row, value);
  if (!list) return list.error().sentence;
  into.events = std::get<std::vector<std::string>>(*list);
  const std::vector<std::string> known(actors::webhook_event_names.begin(),
                                       actors::webhook_event_names.end());
  for (const auto& name : into.events) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return "There is no webhook event " + quoted_toml(name) + '.' + did_you_mean(name, known);
  }
  return into.events.empty() ? "Name an event, or leave it out for all of them." : "";
}

std::string read_headers(const json& value, app_webhook& into) {
  if (!value.is_object()) return "A table is expected, such as {Authorization = \"Bearer x\"}.";
  for (const auto& [name, text] : value.items()) {
    const auto lowered = lower(name);
    if (std::find(headers_taken.begin(), headers_taken.end(), lowered) != headers_taken.end())
      return quoted_toml(name) + " is for the server to set.";
    if (!is_header_name(name)) return quoted_toml(name) + " is no name of a header.";
    if (!text.is_string() || !is_header_value(text.get_ref<const std::string&>()))
      return "The value of " + quoted_toml(name) + " is not one that a header can have.";
    into.headers.emplace_back(name, text.get<std::string>());
  }
  return {};
}

std::string read_key(const std::string& key, const json& value, app_webhook& into) {
  if (key == "url") return read_url(value, into);
  if (key == "events") return read_events(value, into);
  if (key == "headers") return read_headers(value, into);
  if (key == "channel_prefix") {
    if (!value.is_string()) return "A string in quotes is expected.";
    into.channel_prefix = value.get<std::string>();
    return {};
  }
  return "There is no such setting of a webhook." + did_you_mean(key, webhook_keys);
}

}  // namespace

app_webhook read_webhook(const toml_document& file, const std::string& path, const json& value,
                         std::vector<std::string>& errors) {
  app_webhook read;
  for (const auto& [key, part] : value.items()) {
    if (auto sentence = read_key(key, part, read); !sentence.empty())
      errors.push_back(file.at(path + '.' + key) + "apps.webhooks." + key + ": " + sentence);
  }
  if (!value.contains("url")) errors.push_back(file.at(path) + "apps.webhooks: It needs a url.");
  return read;
}

}  // namespace velo::net
