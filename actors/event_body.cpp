#include "actors/event_body.hpp"

#include "rules/action.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace velo::actors {

std::shared_ptr<const nlohmann::json> visible(const std::shared_ptr<const nlohmann::json>& record,
                                              const std::vector<std::string>& hidden) {
  const bool any = std::any_of(hidden.begin(), hidden.end(),
                               [&](const auto& field) { return record->contains(field); });
  if (!any) return record;
  auto copy = std::make_shared<nlohmann::json>(*record);
  for (const auto& field : hidden) copy->erase(field);
  return copy;
}

std::string escape_json(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() + text.size() / 8 + 16);
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
          out += "\\u00";
          out += hex[byte >> 4U];
          out += hex[byte & 0xFU];
        } else {
          out += c;
        }
    }
  }
  return out;
}

event render(const storage::change& change, const std::vector<std::string>& hidden,
             std::string_view name_template) {
  const auto action = rules::to_string(change.action);
  event e;
  e.name = name_template;
  constexpr std::string_view placeholder = "{action}";
  if (const auto at = e.name.find(placeholder); at != std::string::npos)
    e.name.replace(at, placeholder.size(), action);
  std::string body = R"({"action":")";
  body += action;
  body += R"(","record":)";
  body += visible(change.shown(), hidden)->dump();
  body += '}';
  e.data = escape_json(body);
  e.sequence = change.sequence;
  return e;
}

}  // namespace velo::actors
