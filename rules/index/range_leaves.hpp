// Intervals of numbers as leaves, each judged when it is asked for or all at once.
//
// They stand in groups of one slot, so that a slot's number is compared with many
// bounds by one instruction.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "rules/index/record_slots.hpp"

namespace velo::rules::index {

using leaf_number = std::uint32_t;

/// lo <= x <= hi for the number that x is, or that its text is.
struct interval {
  double lo;
  double hi;
  [[nodiscard]] bool holds(double value) const noexcept { return value >= lo && value <= hi; }
};

class range_leaves {
 public:
  static constexpr leaf_number max = 12'288;  ///< Numbers are below it; 0 is not used.

  /// With one use. Nothing where there are too many already.
  [[nodiscard]] std::optional<leaf_number> add(slot_number slot, interval range);
  void remove(leaf_number leaf);
  void clear();

  [[nodiscard]] slot_number slot_of(leaf_number leaf) const noexcept { return group_of(leaf).slot; }
  [[nodiscard]] interval range_of(leaf_number leaf) const noexcept {
    const auto& at = group_of(leaf);
    return {at.lo[leaf % lanes], at.hi[leaf % lanes]};
  }
  [[nodiscard]] std::uint32_t& uses(leaf_number leaf) noexcept { return uses_[leaf]; }

  /// One more than the highest number given out so far.
  [[nodiscard]] std::size_t end() const noexcept { return groups_.size() * lanes; }

  /// Writes at 2 * leaf whether it holds, and behind it whether it does not, for all below end()
  /// but 0. `numbers` are by slot, NaN where there is none.
  void judge(const double* numbers, std::uint8_t* truths) const noexcept;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  static constexpr std::size_t lanes = 16;
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  /// A lane that is not used holds nothing.
  struct group {
    std::array<double, lanes> lo, hi;
    slot_number slot;
    std::uint32_t used;  ///< Bits of lanes.
  };

  [[nodiscard]] const group& group_of(leaf_number leaf) const noexcept {
    return groups_[leaf / lanes];
  }

  std::vector<group> groups_;  ///< The first is not used.
  std::vector<std::uint32_t> uses_;
  std::vector<std::vector<std::uint32_t>> open_;  ///< By slot: groups with room.
  std::vector<std::uint32_t> free_;               ///< Groups of no slot.
};

}  // namespace velo::rules::index
