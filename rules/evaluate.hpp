// The sequential evaluator: one predicate, one record, one verdict. It is the
// reference that every faster way of matching is compared with.

#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "rules/action.hpp"
#include "rules/bind.hpp"
#include "rules/expression.hpp"

namespace velo::rules {

/// A change, as rules see it. Refers to the caller's values during a call.
struct subject {
  const nlohmann::json& record;
  action act = action::created;
  std::string_view now;  ///< `2026-01-31 12:00:00.000Z`
};

/// Returns whether `bound` holds. Never fails, keeps nothing, and allocates
/// only for a LIKE whose pattern is itself in the record.
[[nodiscard]] bool evaluate(const predicate& bound, const subject& change);

/// The same of a tree as parsed, looking `@request.…` up as it goes.
[[nodiscard]] bool evaluate(const expression& tree, const parameters& identity,
                            const subject& change);
[[nodiscard]] bool evaluate(const comparison& leaf, const parameters& identity,
                            const subject& change);

}  // namespace velo::rules
