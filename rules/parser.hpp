// The text of a rule or filter to its syntax tree.

#pragma once

#include <string_view>
#include <vector>

#include "rules/error.hpp"
#include "rules/expression.hpp"
#include "rules/limits.hpp"

namespace velo::rules {

/// Parses the whole of `text`; the empty or blank text is true. Reports the
/// leftmost error. If `warnings` is given, adds to it what is legal but looks
/// unmeant. Takes time linear in the text, and reads none that is too long.
[[nodiscard]] result<expression> parse(std::string_view text, const limits& bounds = {},
                                       std::vector<warning>* warnings = nullptr);

}  // namespace velo::rules
