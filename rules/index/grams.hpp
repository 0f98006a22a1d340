// What a text must contain for a LIKE to hold: three characters in a row that
// stand in the pattern without a wildcard between them.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/utf8.hpp"

namespace velo::rules::index {

/// Three code points as one number.
using gram = std::uint64_t;

/// Calls `visit(gram)` for every three neighbours in `text`, folded for ILIKE.
template <class Visit>
void for_each_gram(std::string_view text, bool fold, Visit&& visit) {
  constexpr std::uint64_t three = (std::uint64_t{1} << 63U) - 1;
  gram last = 0;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto found = decode(text, i);
    i += found.bytes;
    const auto unit = fold ? fold_case(found.value) : found.value;
    last = (last << 21U | unit) & three;
    if (++seen >= 3) visit(last);
  }
}

/// Returns the grams that every match of `pattern` contains; none for a
/// pattern without three plain characters in a row.
[[nodiscard]] std::vector<gram> required_grams(std::string_view pattern, bool fold);

/// Whether `pattern` means "contains these bytes": no wildcard, no escape, and
/// whole characters, so that bytes can be searched for characters.
[[nodiscard]] bool is_plain_contains(std::string_view pattern) noexcept;

}  // namespace velo::rules::index
