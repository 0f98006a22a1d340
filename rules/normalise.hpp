// The inside of bind(): a tree with its parameters put in place, folded, in the
// normal form that class predicate promises.

#pragma once

#include "rules/bind.hpp"
#include "rules/expression.hpp"

namespace velo::rules {

[[nodiscard]] expression normalise(const expression& tree, const parameters& identity);

/// AND over trees that are normal already.
[[nodiscard]] expression normal_conjunction(std::vector<expression> terms);

}  // namespace velo::rules
