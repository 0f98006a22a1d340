// Comparison of secrets: takes as long for texts that differ in their first
// byte as for equal ones, so that a guess cannot be timed.

#pragma once

#include <string_view>

namespace velo::actors {

/// Whether `a` and `b` are the same bytes. Their lengths are no secret.
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b) noexcept;

}  // namespace velo::actors
