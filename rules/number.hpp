// Numbers as the language sees them: a 64-bit integer where the text is one,
// else the nearest double. They are compared exactly, never by rounding one
// side to the type of the other.

#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace velo::rules {

struct number {
  bool integral = true;
  std::int64_t integer = 0;  ///< The value where `integral`.
  double real = 0;           ///< The value where not `integral`; finite.

  static number of(std::int64_t value) noexcept { return {true, value, 0}; }
  static number of(double value) noexcept { return {false, 0, value}; }
};

/// Orders two numbers by value: 2^53 + 1 is greater than the double 2^53.
[[nodiscard]] std::partial_ordering compare(const number& left, const number& right) noexcept;

/// Returns whether `text` is, in whole, a number of the JSON grammar.
[[nodiscard]] bool is_number_text(std::string_view text) noexcept;

/// Returns the value of a text that is in whole a JSON number; nothing for any
/// other text and for one that overflows a double. Underflow is zero.
[[nodiscard]] std::optional<number> parse_number(std::string_view text) noexcept;

/// Returns the number in `value`, nothing if it is no number. An unsigned
/// integer beyond 63 bits is its nearest double.
[[nodiscard]] std::optional<number> number_of(const nlohmann::json& value) noexcept;

/// The longest number_text: sign, 17 digits, point, exponent, with room to spare.
inline constexpr std::size_t number_text_max = 40;

/// Writes the shortest JSON text that reads back as the same number, of the
/// same kind (the double 1 is `1.0`), into `buffer`; returns what was written.
std::string_view number_text(const number& value, char (&buffer)[number_text_max]) noexcept;

/// Returns that text for a JSON number, and "" for any other value.
[[nodiscard]] std::string number_text(const nlohmann::json& value);

}  // namespace velo::rules
