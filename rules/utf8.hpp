// UTF-8 one code point at a time, and the case folding of ILIKE.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace velo::rules {

struct code_point {
  char32_t value = 0;
  std::uint8_t bytes = 1;
  bool valid = true;
};

/// Bytes that are no UTF-8 are taken one by one, as values beyond Unicode.
inline constexpr char32_t bad_byte = 0x110000;

/// Decodes the code point that starts at `position`, which must be inside `text`.
/// Surrogates and overlong forms are not valid.
[[nodiscard]] code_point decode(std::string_view text, std::size_t position) noexcept;

/// Decodes the code point that ends before `end`, which must be greater than 0.
[[nodiscard]] code_point decode_back(std::string_view text, std::size_t end) noexcept;

/// Unicode simple case folding (statuses C and S). `İ` stays as it is.
[[nodiscard]] char32_t fold_case(char32_t value) noexcept;

/// Whether a character belongs to a word: a letter of any script or a mark on one.
[[nodiscard]] bool is_letter(char32_t value) noexcept;
[[nodiscard]] bool is_mark(char32_t value) noexcept;

}  // namespace velo::rules
