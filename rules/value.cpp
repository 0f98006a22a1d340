#include "rules/value.hpp"

#include <algorithm>

namespace velo::rules {

namespace {

using type = value_view::type;

bool is_literal_empty(const value_view& v) {
  return v.literal && (v.kind == type::null || (v.kind == type::text && v.text.empty()));
}

std::optional<number> as_number(const value_view& v) noexcept {
  if (v.kind == type::number) return v.number;
  if (v.kind != type::text) return std::nullopt;
  return v.analysed != nullptr ? *v.analysed : parse_number(v.text);
}

bool boolean_equals(bool truth, const value_view& other) noexcept {
  switch (other.kind) {
    case type::boolean:
      return other.truth == truth;
    case type::number:
      return compare(other.number, number::of(std::int64_t{truth})) == 0;
    case type::text:
      return other.text == (truth ? "true" : "false") || other.text == (truth ? "1" : "0");
    default:
      return false;
  }
}

/// The same JSON value: numbers by value, all else strictly.
bool same(const nlohmann::json& left, const nlohmann::json& right) noexcept {
  if (left.is_number() && right.is_number()) {
    return compare(*number_of(left), *number_of(right)) == 0;
  }
  if (left.type() != right.type()) return false;
  if (left.is_array()) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same);
  }
  if (left.is_object()) {
    const auto& a = *left.get_ptr<const nlohmann::json::object_t*>();
    const auto& b = *right.get_ptr<const nlohmann::json::object_t*>();
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return x.first == y.first && same(x.second, y.second);
    });
  }
  return left == right;
}

bool holds(relation op, std::partial_ordering order) noexcept {
  switch (op) {
    case relation::less:
      return order < 0;
    case relation::less_equal:
      return order <= 0;
    case relation::greater:
      return order > 0;
    case relation::greater_equal:
      return order >= 0;
    default:
      return false;
  }
}

/// The text that LIKE sees; `buffer` holds that of a number.
std::optional<std::string_view> like_text(const value_view& v, char (&buffer)[number_text_max]) {
  if (v.kind == type::text) return v.text;
  if (v.kind == type::number) return number_text(v.number, buffer);
  return std::nullopt;
}

}  // namespace

value_view::value_view(const nlohmann::json& value) noexcept {
  using json_type = nlohmann::json::value_t;
  switch (value.type()) {
    case json_type::boolean:
      kind = type::boolean;
      truth = *value.get_ptr<const bool*>();
      break;
    case json_type::number_integer:
    case json_type::number_unsigned:
    case json_type::number_float:
      kind = type::number;
      number = *number_of(value);
      break;
    case json_type::string:
      kind = type::text;
      text = *value.get_ptr<const std::string*>();
      break;
    case json_type::array:
      kind = type::array;
      json = &value;
      break;
    case json_type::object:
      kind = type::object;
      json = &value;
      break;
    default:
      break;
  }
}

value_view::value_view(const constant& value) noexcept : value_view(value.value()) {
  literal = value.is_literal();
  analysed = &value.numeric();
}

bool equal(const value_view& left, const value_view& right) noexcept {
  if (left.kind == type::null || right.kind == type::null) {
    if (left.kind == right.kind) return left.literal || right.literal;
    return is_literal_empty(left.kind == type::null ? right : left);
  }
  if (left.kind == type::boolean) return boolean_equals(left.truth, right);
  if (right.kind == type::boolean) return boolean_equals(right.truth, left);
  if (left.kind == type::text && right.kind == type::text) return left.text == right.text;
  if (left.json != nullptr || right.json != nullptr) {
    return left.json != nullptr && right.json != nullptr && same(*left.json, *right.json);
  }
  const auto a = as_number(left);
  const auto b = a ? as_number(right) : std::nullopt;
  return a && b && compare(*a, *b) == 0;
}

bool ordered(relation op, const value_view& left, const value_view& right) noexcept {
  if (left.kind == type::text && right.kind == type::text) {
    // char_traits<char> compares as unsigned bytes.
    return holds(op, left.text.compare(right.text) <=> 0);
  }
  const auto a = as_number(left);
  const auto b = a ? as_number(right) : std::nullopt;
  return a && b && holds(op, compare(*a, *b));
}

bool like(const value_view& text, const value_view& pattern, const like_pattern* prepared,
          bool fold) {
  char buffer[number_text_max];
  const auto subject = like_text(text, buffer);
  if (!subject) return false;
  if (prepared != nullptr) return prepared->matches(*subject);
  char pattern_buffer[number_text_max];
  const auto source = like_text(pattern, pattern_buffer);
  return source && like_pattern(*source, fold).matches(*subject);
}

bool contains(const value_view& right, const value_view& left) noexcept {
  if (right.kind != type::array) return false;
  return std::any_of(right.json->begin(), right.json->end(),
                     [&](const auto& element) { return equal(left, value_view(element)); });
}

}  // namespace velo::rules
