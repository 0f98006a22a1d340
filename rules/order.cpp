#include "rules/order.hpp"

#include <algorithm>

namespace velo::rules {

namespace {

std::strong_ordering strong(std::partial_ordering found) {
  if (found < 0) return std::strong_ordering::less;
  return found > 0 ? std::strong_ordering::greater : std::strong_ordering::equal;
}

template <class Items>
std::strong_ordering in_turn(const Items& left, const Items& right) {
  return std::lexicographical_compare_three_way(
      left.begin(), left.end(), right.begin(), right.end(),
      [](const auto& a, const auto& b) { return order(a, b); });
}

std::strong_ordering order(const operand& left, const operand& right) {
  if (left.index() != right.index()) return left.index() <=> right.index();
  const auto* value = std::get_if<constant>(&left);
  if (value != nullptr) return order(*value, std::get<constant>(right));
  return std::get<path>(left) <=> std::get<path>(right);
}

std::strong_ordering order(const comparison& left, const comparison& right) {
  if (const auto by = order(left.left, right.left); by != 0) return by;
  if (const auto by = left.op <=> right.op; by != 0) return by;
  if (const auto by = left.negated <=> right.negated; by != 0) return by;
  if (const auto by = left.any <=> right.any; by != 0) return by;
  if (const auto by = order(left.right, right.right); by != 0) return by;
  return in_turn(left.list, right.list);
}

}  // namespace

std::strong_ordering order(const constant& left, const constant& right) {
  const auto& a = left.value();
  const auto& b = right.value();
  if (const auto by = left.is_literal() <=> right.is_literal(); by != 0) return by;
  const auto x = number_of(a);
  const auto y = number_of(b);
  if (x && y) {
    if (const auto by = x->integral <=> y->integral; by != 0) return by;
    return strong(compare(*x, *y));
  }
  if (const auto by = static_cast<int>(a.type()) <=> static_cast<int>(b.type()); by != 0) return by;
  if (const auto* text = a.get_ptr<const std::string*>()) {
    return *text <=> *b.get_ptr<const std::string*>();
  }
  if (a.is_boolean()) return a.get<bool>() <=> b.get<bool>();
  if (!a.is_structured()) return std::strong_ordering::equal;
  // Rare: arrays and objects out of a user's record.
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  return a.dump(-1, ' ', false, replace) <=> b.dump(-1, ' ', false, replace);
}

std::strong_ordering order(const expression& left, const expression& right) {
  const auto& a = left.node();
  const auto& b = right.node();
  if (&a == &b) return std::strong_ordering::equal;
  if (a.index() != b.index()) return a.index() <=> b.index();
  return std::visit(
      overloaded{[&](bool value) { return value <=> std::get<bool>(b); },
                 [&](const comparison& leaf) { return order(leaf, std::get<comparison>(b)); },
                 [&](const conjunction& all) {
                   return in_turn(all.terms, std::get<conjunction>(b).terms);
                 },
                 [&](const disjunction& some) {
                   return in_turn(some.terms, std::get<disjunction>(b).terms);
                 },
                 [&](const negation& inverse) {
                   return order(inverse.operand, std::get<negation>(b).operand);
                 }},
      a);
}

}  // namespace velo::rules
