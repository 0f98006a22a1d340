#include "net/setting.hpp"

#include "net/units.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

namespace velo::net {

namespace {

using nlohmann::json;

std::string upper(std::string_view key) {
  std::string out;
  for (const char c : key) out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return out;
}

// A secret must not end up in a log because it has a blank too many.
std::string shown(const setting& row, std::string_view text) {
  return row.is_secret ? "The value" : quoted_toml(text);
}

value_error not_a(const setting& row, std::string_view text, std::string_view what) {
  return {shown(row, text) + " is not " + std::string(what)};
}

constexpr std::string_view a_duration =
    "a duration: write a number with a unit, such as \"250ms\", \"30s\", \"5m\" or \"24h\".";
constexpr std::string_view a_size =
    "a size: write a number with a unit, such as \"64KiB\", \"1MiB\" or \"1GiB\".";

std::string show_number(const setting& row, std::uint64_t n) {
  if (row.kind == setting_kind::duration)
    return to_duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(n)));
  if (row.kind == setting_kind::size) return to_size_text(n);
  return std::to_string(n);
}

value_result<std::uint64_t> in_range(const setting& row, std::uint64_t n) {
  if (n >= row.min && n <= row.max) return n;
  return value_error{show_number(row, n) + " is out of range: write something between " +
                     show_number(row, row.min) + " and " + show_number(row, row.max) + "."};
}

value_result<setting_value> checked(const setting& row, setting_value value) {
  if (row.check != nullptr) {
    if (auto sentence = row.check(value); !sentence.empty())
      return value_error{std::move(sentence)};
  }
  return value;
}

value_result<setting_value> number(const setting& row, std::uint64_t n) {
  const auto valid = in_range(row, n);
  if (!valid) return valid.error();
  if (row.kind == setting_kind::duration)
    return checked(row, std::chrono::milliseconds(static_cast<std::int64_t>(*valid)));
  return checked(row, *valid);
}

value_result<setting_value> choice(const setting& row, std::string_view text) {
  if (std::find(row.choices.begin(), row.choices.end(), text) != row.choices.end())
    return checked(row, std::string(text));
  std::string known;
  for (const auto& c : row.choices) known += (known.empty() ? "" : ", ") + std::string(c);
  return not_a(row, text, "one of its values: write one of " + known + ".");
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

}  // namespace

std::string variable_of(std::string_view key) {
  return "VELO_" + upper(key);
}

std::string setting::variable() const {
  return named.empty() ? variable_of(key) : std::string(named);
}

std::string setting::flag() const {
  std::string out = "--";
  for (const char c : key) out += c == '.' || c == '_' ? '-' : c;
  // The variables of an app are of one app, `apps` in the file is a list.
  if (out.starts_with("--apps-")) out.erase(5, 1);
  return out;
}

value_result<setting_value> read_text(const setting& row, std::string_view text) {
  switch (row.kind) {
    case setting_kind::text:
      return checked(row, std::string(text));
    case setting_kind::choice:
      return choice(row, text);
    case setting_kind::list:
      return checked(row, split_list(text));
    case setting_kind::count: {
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
      if (error != std::errc() || end != text.data() + text.size())
        return not_a(row, text, "a whole number: write digits alone, without a unit.");
      return number(row, n);
    }
    case setting_kind::size: {
      const auto bytes = parse_size(text);
      if (!bytes) return not_a(row, text, a_size);
      return number(row, *bytes);
    }
    case setting_kind::duration: {
      const auto time = parse_duration(text);
      if (!time) return not_a(row, text, a_duration);
      return number(row, static_cast<std::uint64_t>(time->count()));
    }
  }
  return value_error{"The kind of this setting is unknown."};
}

value_result<setting_value> read_file_value(const setting& row, const json& value) {
  const bool is_number = row.kind == setting_kind::count || row.kind == setting_kind::size;
  if (is_number && value.is_number_integer()) {
    const auto n = value.get<std::int64_t>();
    if (n < 0) return not_a(row, value.dump(), "possible: write a number that is not negative.");
    return number(row, static_cast<std::uint64_t>(n));
  }
  if (row.kind == setting_kind::list) {
    const bool texts = value.is_array() && std::all_of(value.begin(), value.end(),
                                                       [](const json& v) { return v.is_string(); });
    if (!texts) return value_error{"A list of strings is expected, such as [\"a\", \"b\"]."};
    return checked(row, value.get<std::vector<std::string>>());
  }
  if (row.kind == setting_kind::count)
    return value_error{"A whole number is expected, without quotes."};
  if (value.is_string()) return read_text(row, value.get_ref<const std::string&>());
  if (row.kind == setting_kind::choice && value.is_boolean()) {
    const auto text = value.dump();
    if (std::find(row.choices.begin(), row.choices.end(), text) != row.choices.end())
      return read_text(row, text);
  }
  if (row.kind == setting_kind::duration && value.is_number())
    return not_a(row, value.dump(), a_duration);
  return value_error{"A string in quotes is expected."};
}

std::string quoted_toml(std::string_view text) {
  // A basic string of TOML has JSON's escapes, but no DEL.
  auto out = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  for (auto at = out.find('\x7f'); at != std::string::npos; at = out.find('\x7f', at))
    out.replace(at, 1, "\\u007F");
  return out;
}

std::string to_toml(const setting& row, const setting_value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted_toml(*text);
  if (const auto* time = std::get_if<std::chrono::milliseconds>(&value))
    return quoted_toml(to_duration_text(*time));
  if (const auto* n = std::get_if<std::uint64_t>(&value))
    return row.kind == setting_kind::size ? quoted_toml(to_size_text(*n)) : std::to_string(*n);
  std::string out = "[";
  for (const auto& item : std::get<std::vector<std::string>>(value))
    out += (out.size() == 1 ? "" : ", ") + quoted_toml(item);
  return out + "]";
}

}  // namespace velo::net
