// The one spelling of a moment: `2026-01-31 12:00:00.000Z`. Texts of this form
// order as the times they name.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace velo::rules {

using moment = std::chrono::sys_time<std::chrono::milliseconds>;

/// Years outside of 0000-9999 are clamped to that range.
[[nodiscard]] std::string format_time(moment when);

/// Returns nothing unless `text` has exactly that form and names a real moment.
[[nodiscard]] std::optional<moment> parse_time(std::string_view text) noexcept;

}  // namespace velo::rules
