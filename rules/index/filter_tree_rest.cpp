// Filters that have no equality left at their node: ranges, and the rest.

#include <algorithm>
#include <bit>
#include <cmath>

#include "rules/index/filter_tree.hpp"

namespace velo::rules::index {

std::size_t filter_tree::rest_home(const node& at, filter_handle handle) const noexcept {
  const auto homes = at.rest.size();
  const auto wide = std::bit_ceil(homes);
  const auto hash = hash_word(handle, 4, key_);
  const auto home = hash & (wide - 1);
  return home < homes ? home : home & (wide / 2 - 1);
}

void filter_tree::push_rest(node_number number, const entry& added) {
  constexpr std::size_t fill = 64;
  auto& at = nodes_[number];
  const auto put = [&](const entry& one) {
    auto& block = at.rest[rest_home(at, one.handle)];
    if (block == none) block = blocks_.create(number, 0);
    block = blocks_.push(block, one);
  };
  if (at.rest_count >= at.rest.size() * fill) {
    at.rest.push_back(none);
    const auto fresh = at.rest.size() - 1;
    if (fresh > 0) {
      auto& old = at.rest[fresh & (std::bit_ceil(at.rest.size()) / 2 - 1)];
      std::vector<entry> moved;
      if (old != none) {
        for_each_entry(old, [&](const entry& one) { moved.push_back(one); });
        blocks_.release(old);
        old = none;
      }
      for (const auto& one : moved) put(one);
    }
  }
  put(added);
  ++at.rest_count;
}

void filter_tree::place_rest(node_number at, filter_handle handle, unsigned conjunction,
                             const terms& left, standing how) {
  if (place_range(at, handle, conjunction, left, how)) return;
  push_rest(at, entry_of(handle, conjunction, left, how));
  const std::size_t count = nodes_[at].rest_count;
  if (count == range_min || (count > range_min && std::has_single_bit(count))) index_ranges(at);
}

range_index* filter_tree::range_at(const node& at, slot_number slot) const noexcept {
  for (const auto& one : at.ranges) {
    if (one->slot == slot) return one.get();
  }
  return nullptr;
}

bool filter_tree::place_range(node_number number, filter_handle handle, unsigned conjunction,
                              const terms& left, standing how) {
  const auto& at = nodes_[number];
  if (at.ranges.empty()) return false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i].way != term::access::range) continue;
    auto* const index = range_at(at, left[i].slot);
    if (index == nullptr) continue;
    auto others = left;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const auto made = entry_of(handle, conjunction, others, how);
    const bool bare = others.empty() && how.exact && !how.shared && how.one;
    const auto [lo, hi] = left[i].range;
    ++index->count;
    if (std::isinf(hi)) {
      if (bare)
        index->at_least.insert(lo, handle);
      else
        index->at_least_and.insert(lo, made);
    } else if (std::isinf(lo)) {
      if (bare)
        index->at_most.insert(-hi, handle);
      else
        index->at_most_and.insert(-hi, made);
    } else {
      const auto level = range_index::level_of(lo, hi);
      index->levels |= std::uint64_t{1} << level;
      auto& into = places_.reach(index->list, range_index::place_of(level, lo));
      into.by_lo.insert(lo, made);
      into.by_hi.insert(-hi, made);
      return true;
    }
    if (bare && (handle & group_bit) != 0) ++index->groups;
    return true;
  }
  return false;
}

/// Makes range indexes of fields that many entries without equalities share.
void filter_tree::index_ranges(node_number number) {
  // Of a multitude a part tells which fields; those that are there stay.
  constexpr std::size_t multitude = 2'048;
  const bool move = nodes_[number].rest_count <= multitude;
  std::vector<entry> entries;
  for (const auto block : nodes_[number].rest) {
    if (block != none) for_each_entry(block, [&](const entry& one) { entries.push_back(one); });
    if (!move && entries.size() >= range_min * 2) break;
  }
  std::vector<std::pair<slot_number, std::size_t>> fields;
  terms theirs;
  for (const auto& one : entries) {
    terms_at(number, one, theirs);
    if (theirs.empty() || theirs.front().way != term::access::range) continue;
    const auto slot = theirs.front().slot;
    const auto known = std::find_if(fields.begin(), fields.end(),
                                    [&](const auto& field) { return field.first == slot; });
    if (known == fields.end())
      fields.emplace_back(slot, 1);
    else
      ++known->second;
  }
  bool some = false;
  for (const auto& [slot, count] : fields) {
    const bool many = count >= range_min || (count >= range_min / 2 && count * 4 >= entries.size());
    if (!many || range_at(nodes_[number], slot) != nullptr) continue;
    nodes_[number].ranges.push_back(std::make_unique<range_index>(slot, ++lists_));
    some = true;
  }
  if (!some || !move) return;
  for (auto& block : nodes_[number].rest) {
    if (block != none) blocks_.release(block);
  }
  nodes_[number].rest.clear();
  nodes_[number].rest_count = 0;
  for (const auto& one : entries) {
    terms_at(number, one, theirs);
    const auto how = filters_.standing_of(owners_.reference_of(one.handle));
    if (!place_range(number, one.handle, one.number(), theirs, how)) push_rest(number, one);
  }
}

}  // namespace velo::rules::index
