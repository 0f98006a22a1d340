// How much one rule or filter may ask for. Each limit holds for one text by
// itself; past one of them parsing fails with the limit in the message.

#pragma once

#include <cstddef>

namespace velo::rules {

struct limits {
  std::size_t expression_bytes = 4096;  ///< Of the whole text, blanks included.
  /// Parentheses and NOTs around a comparison. Every walk over a tree recurses
  /// as deep as this, so the parser treats values above 1,000 as 1,000.
  std::size_t expression_depth = 32;
  std::size_t expression_terms = 256;  ///< Comparisons; an IN list counts as one.
  std::size_t in_list = 1000;          ///< Values of one IN list.
  std::size_t path_steps = 16;         ///< Steps after the first name of a path.
};

}  // namespace velo::rules
