// Patterns of LIKE and ILIKE, analysed once and matched in linear time.
//
// A pattern is cut at its `%` into segments. The first and the last are
// compared in place, those between are each searched for where the one before
// ended: leftmost is always good enough. A segment without `_` is searched with
// Knuth-Morris-Pratt, one with `_` with Shift-And on words of 64 states, so no
// pattern makes the search go back in the text.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace velo::rules {

class like_pattern {
 public:
  /// `%` any run, `_` one code point, `\x` the character x itself; a pattern
  /// with neither wildcard means *contains*. `fold` makes it ILIKE.
  like_pattern(std::string_view pattern, bool fold);

  /// Does not allocate, but for segments of more than 4,096 characters with `_`.
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  static constexpr char32_t any = 0xFFFFFFFF;  ///< `_` among the units.

  struct segment {
    std::u32string units;
    bool has_any = false;
    std::vector<std::uint32_t> failure;  ///< Knuth-Morris-Pratt, without `_`.

    // Shift-And, with `_`: bit i of a mask is set where units[i] may be that
    // character. Frequent characters have a row of bits, the others a list of
    // positions no longer than a row, so a step costs O(words) and the tables
    // O(units) whatever the pattern.
    struct entry {
      char32_t unit;
      std::uint32_t first;  ///< Into `rows` (times words) or `positions`.
      std::uint32_t count;  ///< Of positions; 0: a row.
    };
    std::size_t words = 0;
    std::vector<std::uint64_t> any_mask;
    std::vector<entry> entries;  ///< Sorted by unit.
    std::vector<std::uint64_t> rows;
    std::vector<std::uint32_t> positions;

    void prepare();
  };

  template <bool Fold>
  bool run(std::string_view text) const;
  template <bool Fold>
  static bool find(const segment& wanted, std::string_view text, std::size_t& position);
  template <bool Fold>
  static bool find_plain(const segment& wanted, std::string_view text, std::size_t& position);
  template <bool Fold>
  static bool find_any(const segment& wanted, std::string_view text, std::size_t& position);

  bool fold_;
  std::vector<segment> segments_;  ///< Never empty; one alone must be the whole text.
};

}  // namespace velo::rules
