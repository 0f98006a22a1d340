// One order of constants and trees, the same on every machine: what the normal
// form sorts by. It has no meaning beyond that.

#pragma once

#include <compare>

#include "rules/expression.hpp"

namespace velo::rules {

/// `equal` exactly where operator== holds.
[[nodiscard]] std::strong_ordering order(const constant& left, const constant& right);
[[nodiscard]] std::strong_ordering order(const expression& left, const expression& right);

}  // namespace velo::rules
