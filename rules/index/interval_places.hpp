// Where intervals stand that contain the same dyadic number: all of them sorted
// by where they begin and by where they end, under the list that they are of and
// that number.
//
// A number on the left of the dyadic one is in the intervals that begin before it,
// one on the right in those that end after it: no other is looked at. The table
// of all places grows a bucket at a time.

#pragma once

#include <cstdint>
#include <vector>

#include "rules/index/chunked.hpp"
#include "rules/index/entry_block.hpp"
#include "rules/index/hash.hpp"
#include "rules/index/linear_table.hpp"
#include "rules/index/sorted_list.hpp"

namespace velo::rules::index {

struct interval_place {
  std::uint64_t list = 0;
  std::uint64_t number = 0;
  sorted_list<entry> by_lo;  ///< By the lower bound.
  sorted_list<entry> by_hi;  ///< By the upper bound, negative.
};

class interval_places {
 public:
  using position = std::uint32_t;
  static constexpr position none = linear_table::none;

  explicit interval_places(const hash_key& key) : key_(key) {}

  [[nodiscard]] interval_place& operator[](position at) noexcept { return places_[at]; }
  [[nodiscard]] const interval_place& operator[](position at) const noexcept { return places_[at]; }

  [[nodiscard]] std::uint64_t hash(std::uint64_t list, std::uint64_t number) const noexcept {
    return hash_word(number, list, key_);
  }
  void prefetch(std::uint64_t hash) const noexcept { table_.prefetch(hash); }
  void prefetch_place(std::uint64_t hash) const noexcept {
    if (const auto at = table_.likely(hash); at != none) __builtin_prefetch(&places_[at]);
  }

  [[nodiscard]] position find(std::uint64_t list, std::uint64_t number) const {
    return table_.find(hash(list, number), [&](position at) {
      return places_[at].list == list && places_[at].number == number;
    });
  }

  [[nodiscard]] interval_place& reach(std::uint64_t list, std::uint64_t number) {
    if (const auto known = find(list, number); known != none) return places_[known];
    position fresh = end_;
    if (free_.empty()) {
      places_.reach_empty(end_++);
    } else {
      fresh = free_.back();
      free_.pop_back();
    }
    auto& made = places_[fresh];
    made.list = list;
    made.number = number;
    table_.insert(hash(list, number), fresh, hash_of{*this});
    return made;
  }

  /// Gives back a place without intervals.
  void drop(position at) {
    table_.erase(hash(places_[at].list, places_[at].number), at);
    places_[at] = interval_place();
    free_.push_back(at);
    if (table_.size() > 0) return;
    places_.clear();
    free_ = std::vector<position>();
    end_ = 0;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    auto bytes = table_.memory_bytes() + places_.memory_bytes() + free_.capacity() * 4;
    for (position at = 0; at < end_; ++at) {
      bytes += places_[at].by_lo.memory_bytes() + places_[at].by_hi.memory_bytes();
    }
    return bytes;
  }

 private:
  struct hash_of {
    const interval_places& owner;
    std::uint64_t operator()(position at) const {
      return owner.hash(owner.places_[at].list, owner.places_[at].number);
    }
    void prefetch(position at) const { __builtin_prefetch(&owner.places_[at]); }
  };

  const hash_key& key_;
  linear_table table_;
  chunked<interval_place, 6> places_;
  std::vector<position> free_;
  position end_ = 0;
};

}  // namespace velo::rules::index
