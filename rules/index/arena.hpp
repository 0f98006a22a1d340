// Many small blocks under 32-bit references, in units of `Unit` bytes.
//
// Freed blocks are kept by size and handed out again, a larger one cut where no
// equal one is left; nothing ever moves, and growing never copies.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace velo::rules::index {

template <std::size_t Unit>
class arena {
 public:
  using reference = std::uint32_t;
  static constexpr std::size_t chunk_units = (std::size_t{1} << 18U) / Unit;
  static constexpr std::size_t units_max = chunk_units / 2;  ///< Of one block.
  static constexpr std::size_t units_min = (sizeof(reference) + Unit - 1) / Unit;

  [[nodiscard]] std::byte* at(reference where) noexcept {
    return chunks_[where / chunk_units].get() + where % chunk_units * Unit;
  }
  [[nodiscard]] const std::byte* at(reference where) const noexcept {
    return chunks_[where / chunk_units].get() + where % chunk_units * Unit;
  }

  /// Uninitialised; `units` is at least units_min, at most units_max.
  reference allocate(std::size_t units) {
    used_ += units;
    if (units < free_.size() && free_[units] != none) return take(units);
    if (next_ + units > end_) {
      if (const auto found = take_larger(units); found != none) return found;
      keep_rest();
      next_ = static_cast<reference>(chunks_.size() * chunk_units);
      end_ = next_ + chunk_units;
      // Not value-initialised: a page that is never used is never touched.
      chunks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[chunk_units * Unit]));
    }
    const auto found = next_;
    next_ += static_cast<reference>(units);
    return found;
  }

  void release(reference where, std::size_t units) {
    used_ -= units;
    if (used_ == 0) return clear();
    keep(where, units);
  }

  void clear() {
    chunks_.clear();
    chunks_.shrink_to_fit();
    free_.clear();
    large_.clear();
    next_ = end_ = 0;
    used_ = 0;
  }

  [[nodiscard]] std::size_t used_units() const noexcept { return used_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return chunks_.size() * chunk_units * Unit + chunks_.capacity() * sizeof(void*) +
           free_.capacity() * sizeof(reference);
  }

 private:
  static constexpr reference none = 0xFFFFFFFF;

  void keep(reference where, std::size_t units) {
    if (units >= free_.size()) free_.resize(units + 1, none);
    if (free_[units] == none) large_[units] = 0;
    std::memcpy(at(where), &free_[units], sizeof(reference));
    free_[units] = where;
  }

  reference take(std::size_t units) {
    const auto found = free_[units];
    std::memcpy(&free_[units], at(found), sizeof(reference));
    if (free_[units] == none) large_.erase(units);
    return found;
  }

  /// Out of a block so much larger that its rest is a block again.
  reference take_larger(std::size_t units) {
    const auto larger = large_.lower_bound(units * 2 + units_min);
    if (larger == large_.end()) return none;
    const auto whole = larger->first;
    const auto found = take(whole);
    keep(found + static_cast<reference>(units), whole - units);
    return found;
  }

  void keep_rest() {
    const std::size_t rest = end_ - next_;
    if (rest >= units_min) keep(next_, rest);
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::vector<reference> free_;       ///< By size in units: the first of a list.
  std::map<std::size_t, int> large_;  ///< The sizes whose lists are not empty.
  reference next_ = 0;
  reference end_ = 0;
  std::size_t used_ = 0;
};

}  // namespace velo::rules::index
