// The words that are not names, and what a name is.

#pragma once

#include <cstdint>
#include <string_view>

namespace velo::rules {

enum class keyword : std::uint8_t {
  none,
  and_,
  or_,
  not_,
  in,
  like,
  ilike,
  is,
  null,
  true_,
  false_,
};

/// Returns the keyword that `word` is in whole, in any case.
[[nodiscard]] keyword keyword_of(std::string_view word) noexcept;

/// `[A-Za-z_][A-Za-z0-9_]*`
[[nodiscard]] bool is_name(std::string_view word) noexcept;
[[nodiscard]] bool is_digits(std::string_view word) noexcept;

}  // namespace velo::rules
