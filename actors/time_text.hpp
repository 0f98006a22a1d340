// Moments in Unix milliseconds, and as records and rules spell them:
// `2026-01-31 12:00:00.000Z` (rules/time_text.hpp).

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

/// Milliseconds since the Unix epoch, now.
[[nodiscard]] std::int64_t now_ms();

/// `ms` since the Unix epoch, in UTC; texts order as moments do.
[[nodiscard]] std::string time_text(std::int64_t ms);

/// The reverse; nothing for a text of another form.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace velo::actors
