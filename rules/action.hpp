// What happened to a record: the value of `@action`.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace velo::rules {

enum class action : std::uint8_t { created, updated, deleted };

/// Returns "created", "updated" or "deleted".
[[nodiscard]] std::string_view to_string(action value) noexcept;

/// Returns the action of exactly that name, in lower case.
[[nodiscard]] std::optional<action> parse_action(std::string_view name) noexcept;

}  // namespace velo::rules
