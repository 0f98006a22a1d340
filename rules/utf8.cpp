#include "rules/utf8.hpp"

#include <utf8proc.h>

#include <array>

namespace velo::rules {

namespace {

constexpr bool is_continuation(unsigned char byte) {
  return (byte & 0xC0U) == 0x80U;
}

code_point bad(unsigned char byte) {
  return {bad_byte + byte, 1, false};
}

char32_t fold_beyond_ascii(char32_t value) noexcept {
  // The lower case of İ is two characters in full folding, and i in utf8proc's
  // table: simple folding has neither.
  if (value == 0x130 || value > 0x10FFFF) return value;
  std::array<utf8proc_int32_t, 8> folded{};
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(value), folded.data(),
                                             static_cast<utf8proc_ssize_t>(folded.size()),
                                             UTF8PROC_CASEFOLD, &boundary);
  if (count == 1) return static_cast<char32_t>(folded[0]);
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(value)));
}

}  // namespace

code_point decode(std::string_view text, std::size_t position) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
  const auto first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() - position < length) return bad(first);
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(byte(i))) return bad(first);
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return bad(first);
  return {value, static_cast<std::uint8_t>(length), true};
}

code_point decode_back(std::string_view text, std::size_t end) noexcept {
  std::size_t start = end - 1;
  while (start > 0 && end - start < 4 && is_continuation(static_cast<unsigned char>(text[start]))) {
    --start;
  }
  const auto found = decode(text, start);
  if (found.valid && start + found.bytes == end) return found;
  return bad(static_cast<unsigned char>(text[end - 1]));
}

char32_t fold_case(char32_t value) noexcept {
  if (value < 0x80) return value >= U'A' && value <= U'Z' ? value + 32 : value;
  return fold_beyond_ascii(value);
}

bool is_letter(char32_t value) noexcept {
  if (value < 0x80) return (value | 32U) >= U'a' && (value | 32U) <= U'z';
  if (value > 0x10FFFF) return false;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

bool is_mark(char32_t value) noexcept {
  if (value < 0x80 || value > 0x10FFFF) return false;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(value))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return true;
    default:
      return false;
  }
}

}  // namespace velo::rules
