// The filters of one node that have a range of the same field: found by the
// number, never by looking at each.
//
// One-sided ranges are lists sorted by their bound. Intervals hang in a tree over
// all doubles: each at the highest number that divides it (of the dyadic
// numbers, in the order of their bits). A number meets one place of each of 64
// levels, and there only intervals that hold it (interval_places).

#pragma once

#include <bit>
#include <cstdint>

#include "rules/index/entry_block.hpp"
#include "rules/index/sorted_list.hpp"

namespace velo::rules::index {

struct range_index {
  slot_number slot = 0;
  sorted_list<filter_handle> at_least;  ///< By the lower bound, nothing else to test.
  sorted_list<filter_handle> at_most;   ///< By the upper bound, negative.
  sorted_list<entry> at_least_and;
  sorted_list<entry> at_most_and;
  std::uint64_t levels = 0;  ///< Bits of those that have intervals.
  std::uint64_t list = 0;    ///< What its intervals stand under.
  std::uint32_t groups = 0;  ///< Handles that are groups, in the first two lists.
  std::uint32_t count = 0;

  range_index(slot_number of, std::uint64_t own) : slot(of), list(own) {}

  /// Doubles as integers in the same order.
  [[nodiscard]] static std::uint64_t order_of(double value) noexcept {
    constexpr auto sign = std::uint64_t{1} << 63U;
    const auto bits = std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
    return (bits & sign) != 0 ? ~bits : bits | sign;
  }
  [[nodiscard]] static unsigned level_of(double lo, double hi) noexcept {
    const auto differs = order_of(lo) ^ order_of(hi);
    return differs == 0 ? 0 : 63U - static_cast<unsigned>(std::countl_zero(differs));
  }
  /// The place of a number on a level. Levels need six of the bits it drops or
  /// the level itself, so the two never meet in one key.
  [[nodiscard]] static std::uint64_t place_of(unsigned level, double value) noexcept {
    const auto prefix = level == 63 ? 0 : order_of(value) >> (level + 1U);
    return (std::uint64_t{1} << (63U - level)) | prefix;
  }

  /// Whether the number is on the right of the one that its place on the level is for.
  [[nodiscard]] static bool is_right(unsigned level, double value) noexcept {
    return (order_of(value) >> level & 1U) != 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sizeof *this + at_least.memory_bytes() + at_most.memory_bytes() +
           at_least_and.memory_bytes() + at_most_and.memory_bytes();
  }
};

}  // namespace velo::rules::index
