#include "rules/operand.hpp"

#include <algorithm>

namespace velo::rules {

namespace {

/// Strict where operator== of nlohmann::json is not: 1 and 1.0 differ.
bool identical(const nlohmann::json& left, const nlohmann::json& right) noexcept {
  if (left.is_number() && right.is_number()) {
    const auto a = *number_of(left);
    const auto b = *number_of(right);
    return a.integral == b.integral && compare(a, b) == 0;
  }
  if (left.type() != right.type()) return false;
  if (left.is_array()) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), identical);
  }
  if (left.is_object()) {
    const auto& a = *left.get_ptr<const nlohmann::json::object_t*>();
    const auto& b = *right.get_ptr<const nlohmann::json::object_t*>();
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return x.first == y.first && identical(x.second, y.second);
    });
  }
  return left == right;
}

std::size_t index_of(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return step::no_index;
  if (text.size() > 1 && text.front() == '0') return step::no_index;
  constexpr std::size_t far = step::no_index - 1;
  std::size_t index = 0;
  for (const char digit : text) {
    if (index > far / 10 - 1) return far;
    index = index * 10 + static_cast<std::size_t>(digit - '0');
  }
  return index;
}

}  // namespace

step::step(std::string text) : name(std::move(text)), index(index_of(name)) {}

std::strong_ordering path::operator<=>(const path& other) const noexcept {
  if (from != other.from) return from <=> other.from;
  return steps <=> other.steps;
}

const nlohmann::json* lookup(const nlohmann::json& from, const std::vector<step>& steps) noexcept {
  const auto* found = &from;
  for (const auto& next : steps) {
    if (const auto* members = found->get_ptr<const nlohmann::json::object_t*>()) {
      const auto member = members->find(next.name);
      if (member == members->end()) return nullptr;
      found = &member->second;
    } else if (const auto* items = found->get_ptr<const nlohmann::json::array_t*>()) {
      if (next.index >= items->size()) return nullptr;
      found = &(*items)[next.index];
    } else {
      return nullptr;
    }
  }
  return found;
}

constant::constant(nlohmann::json value, bool literal)
    : value_(std::move(value)), literal_(literal) {
  if (const auto* text = value_.get_ptr<const std::string*>()) {
    numeric_ = parse_number(*text);
  } else {
    numeric_ = number_of(value_);
  }
}

bool constant::operator==(const constant& other) const noexcept {
  return literal_ == other.literal_ && identical(value_, other.value_);
}

}  // namespace velo::rules
