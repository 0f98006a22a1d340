// What one comparison says, wherever its operands come from: the sequential
// evaluator looks them up in the record, the index has them read already.

#pragma once

#include <algorithm>

#include "rules/expression.hpp"
#include "rules/value.hpp"

namespace velo::rules {

/// `resolve(operand)` returns a value_view. The relation, before `negated`.
template <class Resolve>
[[nodiscard]] bool related(const comparison& leaf, const value_view& left, Resolve& resolve) {
  switch (leaf.op) {
    case relation::equal:
      return equal(left, resolve(leaf.right));
    case relation::like:
    case relation::ilike:
      return like(left, resolve(leaf.right), leaf.pattern.get(), leaf.op == relation::ilike);
    case relation::is_null:
      return left.kind == value_view::type::null;
    case relation::in_list:
      return std::any_of(leaf.list.begin(), leaf.list.end(),
                         [&](const constant& item) { return equal(left, value_view(item)); });
    case relation::in_path:
      return contains(resolve(leaf.right), left);
    default:
      return ordered(leaf.op, left, resolve(leaf.right));
  }
}

template <class Resolve>
[[nodiscard]] bool comparison_holds(const comparison& leaf, Resolve resolve) {
  const value_view left = resolve(leaf.left);
  if (leaf.any && left.kind == value_view::type::array) {
    return std::any_of(left.json->begin(), left.json->end(), [&](const auto& element) {
      return related(leaf, value_view(element), resolve) != leaf.negated;
    });
  }
  return related(leaf, left, resolve) != leaf.negated;
}

}  // namespace velo::rules
