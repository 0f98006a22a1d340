// Items sorted by a number, in blocks of neighbours: a few sequential reads give
// all items up to a bound, an insertion moves one block.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace velo::rules::index {

template <class Item>
class sorted_list {
 public:
  [[nodiscard]] bool empty() const noexcept { return blocks_.empty(); }

  void insert(double key, const Item& item) {
    if (blocks_.empty()) {
      blocks_.emplace_back();
      firsts_.push_back(key);
    }
    auto at = place_of(key);
    if (blocks_[at].count == block_max) {
      split(at);
      if (key >= firsts_[at + 1]) ++at;
    }
    auto& into = blocks_[at];
    const double* const keys = into.keys();
    const auto i = static_cast<std::size_t>(std::upper_bound(keys, keys + into.count, key) - keys);
    into.insert(i, key, item);
    if (i == 0) firsts_[at] = key;
  }

  /// Removes the first item with that key for which `wanted(item)` holds.
  template <class Wanted>
  bool erase(double key, Wanted&& wanted) {
    if (blocks_.empty()) return false;
    // Equal keys may begin in a block before the one that a search finds.
    auto at = static_cast<std::size_t>(std::lower_bound(firsts_.begin(), firsts_.end(), key) -
                                       firsts_.begin());
    if (at > 0) --at;
    for (; at < blocks_.size() && firsts_[at] <= key; ++at) {
      auto& in = blocks_[at];
      const auto* const keys = in.keys();
      auto i = static_cast<std::size_t>(std::lower_bound(keys, keys + in.count, key) - keys);
      for (; i < in.count && keys[i] == key; ++i) {
        if (!wanted(in.items()[i])) continue;
        in.erase(i);
        if (in.count == 0) {
          blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at));
          firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(at));
        } else {
          firsts_[at] = in.keys()[0];
          join(at);
        }
        return true;
      }
    }
    return false;
  }

  /// Calls `visit(items, count)` until all with a key of at most `bound` are seen.
  template <class Visit>
  void up_to(double bound, Visit&& visit) const {
    for (std::size_t at = 0; at < blocks_.size() && firsts_[at] <= bound; ++at) {
      const auto& in = blocks_[at];
      if (at + 1 < blocks_.size()) __builtin_prefetch(blocks_[at + 1].items());
      const auto* const keys = in.keys();
      const auto count =
          keys[in.count - 1] <= bound
              ? std::size_t{in.count}
              : static_cast<std::size_t>(std::upper_bound(keys, keys + in.count, bound) - keys);
      visit(in.items(), count);
    }
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    auto bytes = blocks_.capacity() * sizeof(block) + firsts_.capacity() * sizeof(double);
    for (const auto& one : blocks_) bytes += one.room * (sizeof(double) + sizeof(Item)) + 16;
    return bytes;
  }

 private:
  static constexpr std::uint16_t block_max = 128;
  static constexpr std::uint16_t step = 8;

  /// Keys, then items, in one piece of memory.
  struct block {
    std::unique_ptr<std::byte[]> memory;
    std::uint16_t count = 0;
    std::uint16_t room = 0;

    [[nodiscard]] double* keys() const noexcept { return reinterpret_cast<double*>(memory.get()); }
    [[nodiscard]] Item* items() const noexcept {
      return reinterpret_cast<Item*>(memory.get() + room * sizeof(double));
    }

    void resize(std::uint16_t wanted) {
      block fresh;
      fresh.memory.reset(new std::byte[wanted * (sizeof(double) + sizeof(Item))]);
      fresh.room = wanted;
      std::copy_n(keys(), count, fresh.keys());
      std::copy_n(items(), count, fresh.items());
      memory = std::move(fresh.memory);
      room = wanted;
    }

    void insert(std::size_t i, double key, const Item& item) {
      if (count == room)
        resize(static_cast<std::uint16_t>(room < step ? room * 2 + 1 : room + step));
      std::copy_backward(keys() + i, keys() + count, keys() + count + 1);
      std::copy_backward(items() + i, items() + count, items() + count + 1);
      keys()[i] = key;
      items()[i] = item;
      ++count;
    }

    void erase(std::size_t i) {
      std::copy(keys() + i + 1, keys() + count, keys() + i);
      std::copy(items() + i + 1, items() + count, items() + i);
      --count;
      if (count + 2 * step < room) resize(static_cast<std::uint16_t>(count + step));
    }
  };

  [[nodiscard]] std::size_t place_of(double key) const noexcept {
    const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), key);
    return after == firsts_.begin() ? 0 : static_cast<std::size_t>(after - firsts_.begin() - 1);
  }

  void split(std::size_t at) {
    block right;
    auto& left = blocks_[at];
    const auto half = static_cast<std::uint16_t>(left.count / 2);
    right.resize(static_cast<std::uint16_t>(left.count - half + step));
    right.count = static_cast<std::uint16_t>(left.count - half);
    std::copy_n(left.keys() + half, right.count, right.keys());
    std::copy_n(left.items() + half, right.count, right.items());
    left.count = half;
    left.resize(static_cast<std::uint16_t>(half + step));
    firsts_.insert(firsts_.begin() + static_cast<std::ptrdiff_t>(at) + 1, right.keys()[0]);
    blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(right));
  }

  /// With its right neighbour, if both are small.
  void join(std::size_t at) {
    if (at + 1 == blocks_.size()) return;
    auto& left = blocks_[at];
    auto& right = blocks_[at + 1];
    const auto together = static_cast<std::uint16_t>(left.count + right.count);
    if (together > block_max / 3) return;
    left.resize(static_cast<std::uint16_t>(together + step));
    std::copy_n(right.keys(), right.count, left.keys() + left.count);
    std::copy_n(right.items(), right.count, left.items() + left.count);
    left.count = together;
    blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }

  std::vector<block> blocks_;
  std::vector<double> firsts_;
};

}  // namespace velo::rules::index
