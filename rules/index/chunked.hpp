// An array that grows without moving what it holds: a list of blocks of equal
// size. Growing costs one block, so no insertion pays for the million before it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace velo::rules::index {

template <class Item, unsigned Bits = 12>
class chunked {
 public:
  static constexpr std::size_t block = std::size_t{1} << Bits;

  [[nodiscard]] std::size_t size() const noexcept { return blocks_.size() << Bits; }
  Item& operator[](std::size_t at) noexcept { return blocks_[at >> Bits][at & (block - 1)]; }
  const Item& operator[](std::size_t at) const noexcept {
    return blocks_[at >> Bits][at & (block - 1)];
  }

  /// Makes `at` valid; new items are copies of `fill`.
  void reach(std::size_t at, const Item& fill = Item()) {
    while (size() <= at) {
      auto fresh = std::make_unique_for_overwrite<Item[]>(block);
      for (std::size_t i = 0; i < block; ++i) fresh[i] = fill;
      blocks_.push_back(std::move(fresh));
    }
  }

  /// The same of items that cannot be copied, made by default.
  void reach_empty(std::size_t at) {
    while (size() <= at) blocks_.push_back(std::make_unique<Item[]>(block));
  }

  /// Gives back the blocks beyond the first `count` items, but one that a
  /// shrinking and growing array would ask for again.
  void shrink(std::size_t count) {
    const auto needed = ((count + block - 1) >> Bits) + 1;
    if (blocks_.size() > needed) blocks_.resize(needed);
  }

  void clear() noexcept {
    blocks_.clear();
    blocks_.shrink_to_fit();
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return size() * sizeof(Item) + blocks_.capacity() * sizeof(void*);
  }

 private:
  std::vector<std::unique_ptr<Item[]>> blocks_;
};

}  // namespace velo::rules::index
