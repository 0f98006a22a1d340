// Taking filters out of the tree; what they leave empty goes as well.

#include <cmath>

#include "rules/index/filter_tree.hpp"

namespace velo::rules::index {

void filter_tree::erase(filter_handle handle, filter_reference where) {
  terms left;
  for (unsigned i = 0; i < filters_.conjunctions(where); ++i) {
    filters_.terms_of(where, i, left);
    static_cast<void>(remove(0, handle, i, left));
  }
}

bool filter_tree::remove_from(block_reference& block, filter_handle handle, unsigned conjunction) {
  if (block == none) return false;
  const auto& in = blocks_.at(block);
  for (std::size_t i = 0; i < in.count; ++i) {
    if (in.tails()[i].handle != handle || !in.at(i).is(handle, conjunction)) continue;
    block = blocks_.erase(block, i);
    return true;
  }
  return false;
}

bool filter_tree::remove(node_number number, filter_handle handle, unsigned conjunction,
                         const terms& left) {
  if (remove_from(nodes_[number].pending, handle, conjunction) ||
      remove_from(nodes_[number].crowd, handle, conjunction)) {
    return true;
  }
  for (const auto& one : left) {
    if (one.way != term::access::keyed) break;
    if ((nodes_[number].slots & leaf_store::slot_bit(one.slot)) == 0) continue;
    const auto leaf = one.test >> 1U;
    const auto child = find_child(number, leaf);
    if (child == none) continue;
    if ((child & node_bit) != 0) {
      auto fewer = left;
      without(fewer, leaf);
      if (!remove(child & ~node_bit, handle, conjunction, fewer)) continue;
      drop_if_empty(child & ~node_bit);
      return true;
    }
    auto block = child;
    const auto hash = child_hash(number, leaf);
    // The last entry takes the block with it, and the table reads the block.
    if (blocks_.at(child).count == 1 && blocks_.at(child).at(0).is(handle, conjunction)) {
      children_.erase(hash, child);
      static_cast<void>(remove_from(block, handle, conjunction));
      leaves_.unlead(leaf);
      if (--nodes_[number].children == 0) nodes_[number].slots = 0;
      return true;
    }
    if (!remove_from(block, handle, conjunction)) continue;
    if (block != child) children_.replace(hash, child, block);
    return true;
  }
  auto& at = nodes_[number];
  for (const auto& one : left) {
    if (one.way != term::access::range) continue;
    auto* const index = range_at(at, one.slot);
    if (index == nullptr) continue;
    const auto [lo, hi] = one.range;
    const auto same_handle = [&](filter_handle other) { return other == handle; };
    const auto same_entry = [&](const entry& other) { return other.is(handle, conjunction); };
    bool gone = false;
    bool bare = false;
    if (std::isinf(hi)) {
      bare = index->at_least.erase(lo, same_handle);
      gone = bare || index->at_least_and.erase(lo, same_entry);
    } else if (std::isinf(lo)) {
      bare = index->at_most.erase(-hi, same_handle);
      gone = bare || index->at_most_and.erase(-hi, same_entry);
    } else {
      const auto place =
          places_.find(index->list, range_index::place_of(range_index::level_of(lo, hi), lo));
      if (place != interval_places::none && places_[place].by_lo.erase(lo, same_entry)) {
        gone = places_[place].by_hi.erase(-hi, same_entry);
        if (places_[place].by_lo.empty()) places_.drop(place);
      }
    }
    if (!gone) continue;
    if (bare && (handle & group_bit) != 0) --index->groups;
    if (--index->count == 0) {
      std::erase_if(at.ranges, [&](const auto& other) { return other.get() == index; });
    }
    return true;
  }
  if (at.rest_count == 0 || !remove_from(at.rest[rest_home(at, handle)], handle, conjunction)) {
    return false;
  }
  --at.rest_count;
  constexpr std::size_t fill_min = 24;
  if (at.rest_count == 0) {
    at.rest.clear();
    at.rest.shrink_to_fit();
  } else if (at.rest.size() > 1 && at.rest_count < (at.rest.size() - 1) * fill_min) {
    const auto last = at.rest.back();
    at.rest.pop_back();
    if (last != none) {
      std::vector<entry> moved;
      for_each_entry(last, [&](const entry& one) { moved.push_back(one); });
      blocks_.release(last);
      for (const auto& one : moved) {
        auto& block = at.rest[rest_home(at, one.handle)];
        if (block == none) block = blocks_.create(number, 0);
        block = blocks_.push(block, one);
      }
    }
  }
  return true;
}

}  // namespace velo::rules::index
