// A hash table of 32-bit values that grows one bucket at a time (linear
// hashing), so that no insertion ever stops to move all the others.
//
// A bucket is a cache line: ten values, sixteen bits of hash for each, and the
// number of an overflow bucket. Looking for what is absent costs one line, and
// so does finding the value; the full hash of a value is asked of the owner
// when its bucket is split or joined. Equality is the owner's as well.

#pragma once

#include <cstdint>

#include "rules/index/chunked.hpp"

namespace velo::rules::index {

class linear_table {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  linear_table() { clear(); }

  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&homes_[home(hash)]); }

  /// Returns the value for which `equal(value)` holds among those with this hash.
  template <class Equal>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Equal&& equal) const {
    const auto wanted = tag_of(hash);
    for (const auto* at = &homes_[home(hash)];; at = &overflow_[at->next]) {
      for (std::uint32_t i = 0; i < at->count; ++i) {
        if (at->tags[i] == wanted && equal(at->values[i])) return at->values[i];
      }
      if (at->next == 0) return none;
    }
  }

  /// Returns some value with this hash's tag: mostly the one, to be prefetched.
  [[nodiscard]] std::uint32_t likely(std::uint64_t hash) const noexcept {
    const auto wanted = tag_of(hash);
    const auto& at = homes_[home(hash)];
    for (std::uint32_t i = 0; i < at.count; ++i) {
      if (at.tags[i] == wanted) return at.values[i];
    }
    return at.next == 0 ? none : likely_in_overflow(at.next, wanted);
  }

  /// Adds a value that is not there; `hash_of(value)` is asked for some others.
  template <class HashOf>
  void insert(std::uint64_t hash, std::uint32_t value, HashOf&& hash_of) {
    push(homes_[home(hash)], tag_of(hash), value);
    ++size_;
    if (size_ > static_cast<std::size_t>(home_count_) * fill_max) split(hash_of);
  }

  /// Puts `value` in the place of `old`, whose hash is the same.
  void replace(std::uint64_t hash, std::uint32_t old, std::uint32_t value) {
    for (auto* at = &homes_[home(hash)];; at = &overflow_[at->next]) {
      for (std::uint32_t i = 0; i < at->count; ++i) {
        if (at->values[i] == old) {
          at->values[i] = value;
          return;
        }
      }
      if (at->next == 0) return;
    }
  }

  void erase(std::uint64_t hash, std::uint32_t value) {
    auto& first = homes_[home(hash)];
    for (auto* at = &first;; at = &overflow_[at->next]) {
      for (std::uint32_t i = 0; i < at->count; ++i) {
        if (at->values[i] != value) continue;
        fill_gap(first, *at, i);
        if (--size_ == 0) return clear();
        if (home_count_ > 1 && size_ < static_cast<std::size_t>(home_count_) * fill_min) join();
        return;
      }
      if (at->next == 0) return;
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return homes_.memory_bytes() + overflow_.memory_bytes();
  }

  void clear() {
    homes_.clear();
    homes_.reach(0);
    overflow_.clear();
    home_count_ = 1;
    mask_ = 0;
    overflow_end_ = 1;
    free_ = 0;
    size_ = 0;
  }

 private:
  static constexpr std::uint32_t slots = 10;
  static constexpr std::uint32_t fill_max = 8;  ///< Values per home bucket, on average.
  static constexpr std::uint32_t fill_min = 3;

  struct alignas(64) bucket {
    std::uint32_t values[slots];
    std::uint16_t tags[slots];
    std::uint32_t next : 28;  ///< In `overflow_`; 0: none.
    std::uint32_t count : 4;
  };
  static_assert(sizeof(bucket) == 64);

  /// Bits that no home number uses.
  static std::uint16_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint16_t>(hash >> 48U);
  }

  /// Homes up to `mask_` exist, and the first of the next doubling.
  [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
    const auto wide = static_cast<std::uint32_t>(hash) & (mask_ * 2 + 1);
    return wide < home_count_ ? wide : wide & mask_;
  }

  [[nodiscard]] std::uint32_t likely_in_overflow(std::uint32_t next,
                                                 std::uint16_t wanted) const noexcept {
    for (; next != 0; next = overflow_[next].next) {
      const auto& at = overflow_[next];
      for (std::uint32_t i = 0; i < at.count; ++i) {
        if (at.tags[i] == wanted) return at.values[i];
      }
    }
    return none;
  }

  void push(bucket& first, std::uint16_t tag, std::uint32_t value) {
    auto* at = &first;
    // Full buckets stand before the last, which alone may have room.
    while (at->count == slots && at->next != 0) at = &overflow_[at->next];
    if (at->count == slots) {
      const auto fresh = take_overflow();
      at->next = fresh;
      at = &overflow_[fresh];
    }
    at->values[at->count] = value;
    at->tags[at->count] = tag;
    ++at->count;
  }

  std::uint32_t take_overflow() {
    std::uint32_t fresh = free_;
    if (fresh != 0) {
      free_ = overflow_[fresh].next;
    } else {
      fresh = overflow_end_++;
      overflow_.reach(fresh);
    }
    overflow_[fresh].next = 0;
    overflow_[fresh].count = 0;
    return fresh;
  }

  /// Moves the last value of the chain into the gap.
  void fill_gap(bucket& first, bucket& gap, std::uint32_t i) {
    auto* before = &first;
    auto* last = &first;
    while (last->next != 0) {
      before = last;
      last = &overflow_[last->next];
    }
    const auto from = last->count - 1U;
    gap.values[i] = last->values[from];
    gap.tags[i] = last->tags[from];
    last->count = from & 0xFU;
    if (from == 0 && last != &first) {
      const std::uint32_t emptied = before->next;
      before->next = 0;
      last->next = free_ & 0xFFFFFFFU;
      free_ = emptied;
    }
  }

  template <class HashOf>
  void split(HashOf& hash_of) {
    const auto fresh = home_count_;
    if (fresh > mask_ * 2 + 1) mask_ = mask_ * 2 + 1;
    const auto old = fresh & mask_;
    homes_.reach(fresh);
    ++home_count_;
    auto moved = homes_[old];
    homes_[old] = bucket{};
    // Most values are somewhere in memory: ask for all before the first is read.
    for (std::uint32_t i = 0; i < moved.count; ++i) hash_of.prefetch(moved.values[i]);
    for (auto part = moved;;) {
      for (std::uint32_t i = 0; i < part.count; ++i) {
        push(homes_[home(hash_of(part.values[i]))], part.tags[i], part.values[i]);
      }
      const std::uint32_t next = part.next;
      if (next == 0) break;
      part = overflow_[next];
      overflow_[next].next = free_ & 0xFFFFFFFU;
      free_ = next;
    }
  }

  /// The inverse of a split; hashes are not needed.
  void join() {
    --home_count_;
    if (home_count_ == mask_ && mask_ > 0) mask_ /= 2;
    auto part = homes_[home_count_];
    homes_[home_count_] = bucket{};
    auto& into = homes_[home_count_ & mask_];
    for (;;) {
      for (std::uint32_t i = 0; i < part.count; ++i) push(into, part.tags[i], part.values[i]);
      const std::uint32_t next = part.next;
      if (next == 0) break;
      part = overflow_[next];
      overflow_[next].next = free_ & 0xFFFFFFFU;
      free_ = next;
    }
    homes_.shrink(home_count_);
  }

  chunked<bucket, 8> homes_;
  chunked<bucket, 6> overflow_;  ///< Number 0 is not used.
  std::uint32_t home_count_ = 1;
  std::uint32_t mask_ = 0;
  std::uint32_t overflow_end_ = 1;
  std::uint32_t free_ = 0;
  std::size_t size_ = 0;
};

}  // namespace velo::rules::index
