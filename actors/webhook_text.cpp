#include "actors/webhook_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace velo::actors {

namespace {

using json = nlohmann::ordered_json;

std::string text_at(const json& from, const char* key) {
  const auto at = from.find(key);
  return at != from.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

std::string to_json_text(const webhook_event& e) {
  json out{{"name", webhook_event_names[static_cast<std::size_t>(e.kind)]}, {"channel", e.channel}};
  switch (e.kind) {
    case webhook_event_kind::member_added:
    case webhook_event_kind::member_removed:
      out["user_id"] = e.user_id;
      break;
    case webhook_event_kind::client_event:
      out["event"] = e.event;
      out["data"] = e.data;
      out["socket_id"] = e.socket_id;
      if (!e.user_id.empty()) out["user_id"] = e.user_id;
      break;
    case webhook_event_kind::subscription_count:
      out["subscription_count"] = e.subscription_count;
      break;
    case webhook_event_kind::channel_occupied:
    case webhook_event_kind::channel_vacated:
    case webhook_event_kind::cache_miss:
      break;
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<webhook_event> parse_webhook_event(std::string_view text) {
  const auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  const auto name = text_at(parsed, "name");
  const auto known = std::find(webhook_event_names.begin(), webhook_event_names.end(), name);
  if (known == webhook_event_names.end()) return std::nullopt;
  webhook_event e;
  e.kind = static_cast<webhook_event_kind>(known - webhook_event_names.begin());
  e.channel = text_at(parsed, "channel");
  e.user_id = text_at(parsed, "user_id");
  e.event = text_at(parsed, "event");
  e.data = text_at(parsed, "data");
  e.socket_id = text_at(parsed, "socket_id");
  if (const auto count = parsed.find("subscription_count");
      count != parsed.end() && count->is_number_unsigned())
    e.subscription_count = count->get<std::size_t>();
  return e;
}

}  // namespace velo::actors
