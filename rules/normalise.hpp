// The inside of bind(): a tree with its parameters put in place, folded, in the
// normal form that class predicate promises.

#pragma once

#include "rules/bind.hpp"
#include "rules/expression.hpp"

namespace velo::rules {

[[nodiscard]] expression normalise(const expression& tree, const parameters& identity);

/// Rule AND filter; a superuser passes every rule.
[[nodiscard]] expression normalise(const rule& who, const expression& filter,
                                   const parameters& identity);

}  // namespace velo::rules
