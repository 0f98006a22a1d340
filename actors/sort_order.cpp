#include "actors/sort_order.hpp"

#include "rules/json.hpp"
#include "rules/keyword.hpp"
#include "storage/key.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t keys_max = 8;
constexpr char hex[] = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += hex[b >> 4U];
    out += hex[b & 0xFU];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  const auto digit = [](char c) { return std::string_view(hex).find(c); };
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]);
    const auto low = digit(text[i + 1]);
    if (high > 15 || low > 15) return std::nullopt;
    out += static_cast<char>(high << 4U | low);
  }
  return out;
}

}  // namespace

outcome<sort_order> sort_order::parse(const std::string& text,
                                      const std::vector<std::string>& hidden) {
  sort_order order;
  order.text_ = text;
  std::string_view rest = text;
  for (bool more = !rest.empty(); more;) {
    const auto comma = rest.find(',');
    auto name = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    rest = more ? rest.substr(comma + 1) : std::string_view{};
    key k;
    if (name.starts_with('-') || name.starts_with('+')) {
      k.descending = name.front() == '-';
      name.remove_prefix(1);
    }
    k.field = name;
    if (!rules::is_name(k.field))
      return invalid("sort", "sort is field names by comma: -created,title.");
    if (std::find(hidden.begin(), hidden.end(), k.field) != hidden.end())
      return invalid("sort", "The field " + k.field + " is hidden; sort may not name it.");
    order.keys_.push_back(std::move(k));
  }
  if (order.keys_.size() > keys_max)
    return invalid("sort", "sort takes at most " + std::to_string(keys_max) + " fields.");
  return order;
}

nlohmann::json sort_order::place_of(const nlohmann::json& record) const {
  auto place = nlohmann::json::array();
  for (const auto& k : keys_) {
    const auto value = record.find(k.field);
    place.push_back(value == record.end() ? nlohmann::json{} : *value);
  }
  const auto id = record.find("id");
  place.push_back(id != record.end() && id->is_string() ? *id : nlohmann::json(""));
  return place;
}

bool sort_order::before(const nlohmann::json& a, const nlohmann::json& b) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (a[i] < b[i]) return !keys_[i].descending;
    if (b[i] < a[i]) return keys_[i].descending;
  }
  return a.back() < b.back();
}

std::string sort_order::cursor_of(const nlohmann::json& place) const {
  return to_hex(nlohmann::json{{"s", text_}, {"p", place}}.dump());
}

std::optional<nlohmann::json> sort_order::place_of_cursor(const std::string& cursor) const {
  const auto bytes = from_hex(cursor);
  if (!bytes) return std::nullopt;
  auto value = rules::parse_json(*bytes);
  if (!value || !value->is_object() || value->value("s", nlohmann::json{}) != text_)
    return std::nullopt;
  auto place = value->value("p", nlohmann::json{});
  if (!place.is_array() || place.size() != keys_.size() + 1 || !place.back().is_string() ||
      !storage::is_storable_id(place.back().get_ref<const std::string&>()))
    return std::nullopt;
  return place;
}

}  // namespace velo::actors
