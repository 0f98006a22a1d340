#include "rules/action.hpp"

#include <array>

namespace velo::rules {

namespace {

constexpr std::array<std::string_view, 3> names{"created", "updated", "deleted"};

}  // namespace

std::string_view to_string(action value) noexcept {
  return names[static_cast<std::size_t>(value)];
}

std::optional<action> parse_action(std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<action>(i);
  }
  return std::nullopt;
}

}  // namespace velo::rules
