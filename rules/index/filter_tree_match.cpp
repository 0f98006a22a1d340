// A record goes down the tree.

#include <algorithm>
#include <bit>
#include <cmath>

#include "rules/index/filter_tree.hpp"

namespace velo::rules::index {

void filter_tree::emit_once(filter_handle handle) {
  const bool group = (handle & group_bit) != 0;
  const auto number = handle & ~group_bit;
  auto& word = (group ? seen_groups_ : seen_ids_)[number / 64];
  const auto bit = std::uint64_t{1} << (number % 64);
  if ((word & bit) != 0) return;
  if (word == 0) seen_.push_back(&word);
  word |= bit;
  emit(handle);
}

void filter_tree::test(const entry& candidate) {
  const auto [handle, test0, test1, test2, test3] = candidate;
  const bool four = test3 < entry::tests_end;
  const auto known = leaves_.known(test0, test1) * leaves_.known(test2, four ? test3 : 0);
  if (known == 0) return;
  if (known != 1 && !(leaves_.holds(test0) && leaves_.holds(test1) && leaves_.holds(test2) &&
                      (!four || leaves_.holds(test3)))) {
    return;
  }
  if (four || (test3 & (entry::by_code | entry::shared)) == 0) {
    emit(handle);
  } else if ((test3 & entry::by_code) != 0) {
    asked_.push_back({handle, candidate.number()});
  } else {
    emit_once(handle);
  }
}

bool filter_tree::holds(filter_reference where, unsigned conjunction) {
  filters_.terms_of(where, conjunction, asked_terms_);
  return std::all_of(asked_terms_.begin(), asked_terms_.end(),
                     [&](const term& one) { return one.in_code || leaves_.holds(one.test); });
}

/// The filters are all over the memory: each is fetched while others are tested.
void filter_tree::ask_code() {
  constexpr std::size_t near = 4;
  constexpr std::size_t far = 8;
  const auto count = asked_.size();
  effort_.codes += count;
  for (std::size_t i = 0; i < count + far; ++i) {
    if (i < count) owners_.prefetch(asked_[i].handle);
    if (i >= near && i - near < count)
      filters_.prefetch(owners_.reference_of(asked_[i - near].handle));
    if (i < far) continue;
    const auto [handle, conjunction] = asked_[i - far];
    const auto where = owners_.reference_of(handle);
    const auto how = filters_.standing_of(where);
    // Of conjunctions that exclude each other one alone speaks for the filter: its own.
    const bool by_itself = how.one || how.shared || holds(where, conjunction);
    if (!by_itself || !filters_.holds(where)) {
      if (asked_in_vain_.found_in_vain(1)) asked_in_vain_.add(handle);
      continue;
    }
    if (how.shared)
      emit_once(handle);
    else
      emit(handle);
  }
  asked_.clear();
}

/// Notes the entries whose first tests do not fail. What is left to know of them lies elsewhere,
/// and is fetched meanwhile: a wrong guess of the processor would else wait for the memory.
void filter_tree::visit_block(block_reference where) {
  const auto& block = blocks_.at(where);
  const auto* const test0 = block.test0();
  const auto* const test1 = block.test1();
  const auto* const tails = block.tails();
  const auto before = passed_.size();
  passed_.resize(before + block.count);
  auto* out = passed_.data() + before;
  for (std::size_t i = 0; i < block.count; ++i) {
    *out = {&tails[i], test0[i], test1[i]};
    out += leaves_.known(test0[i], test1[i]) != 0 ? 1 : 0;
  }
  passed_.resize(static_cast<std::size_t>(out - passed_.data()));
  for (auto i = before; i < passed_.size(); ++i) __builtin_prefetch(passed_[i].rest);
  effort_.candidates += block.count;
  if (placed_.found_in_vain(block.count - (passed_.size() - before))) {
    for (std::size_t i = 0; i < block.count; ++i) placed_.add(tails[i].handle);
  }
}

void filter_tree::test_passed() {
  for (const auto& one : passed_) {
    test({one.rest->handle, one.test0, one.test1, one.rest->test2, one.rest->test3});
  }
  passed_.clear();
}

void filter_tree::visit_handles(const filter_handle* from, std::size_t count, bool groups) {
  if (!groups) {
    std::copy_n(from, count, ids_->extend(count));
    return;
  }
  for (std::size_t i = 0; i < count; ++i) emit(from[i]);
}

void filter_tree::visit_ranges(const range_index& index) {
  const auto value = leaves_.number_at(index.slot);
  if (std::isnan(value)) return;
  const auto handles = [&](const filter_handle* from, std::size_t count) {
    visit_handles(from, count, index.groups > 0);
  };
  const auto entries = [&](const entry* from, std::size_t count) {
    effort_.candidates += count;
    for (std::size_t i = 0; i < count; ++i) {
      if (!leaves_.refuted(from[i].test0)) test(from[i]);
    }
  };
  index.at_least.up_to(value, handles);
  index.at_most.up_to(-value, handles);
  index.at_least_and.up_to(value, entries);
  index.at_most_and.up_to(-value, entries);
  if (index.levels == 0) return;
  const auto for_each_level = [&](auto&& once) {
    for (auto levels = index.levels; levels != 0; levels &= levels - 1) {
      once(static_cast<unsigned>(std::countr_zero(levels)));
    }
  };
  place_hashes_.clear();
  for_each_level([&](unsigned level) {
    place_hashes_.push_back(places_.hash(index.list, range_index::place_of(level, value)));
    places_.prefetch(place_hashes_.back());
  });
  for (const auto hash : place_hashes_) places_.prefetch_place(hash);
  for_each_level([&](unsigned level) {
    const auto found = places_.find(index.list, range_index::place_of(level, value));
    if (found == interval_places::none) return;
    const auto& place = places_[found];
    if (range_index::is_right(level, value))
      place.by_hi.up_to(-value, entries);
    else
      place.by_lo.up_to(value, entries);
  });
}

/// Finds what stands at a node, and notes the children that are to be asked for.
void filter_tree::enter(node_number number) {
  const auto& at = nodes_[number];
  if (at.pending != none) found_blocks_.push_back(at.pending);
  if (at.crowd != none) found_blocks_.push_back(at.crowd);
  for (const auto block : at.rest) {
    if (block != none) found_blocks_.push_back(block);
  }
  if (at.slots != 0) {
    for (const auto& one : leaves_.satisfied()) {
      if ((at.slots & one.slot_bit) == 0) continue;
      const auto hash = child_hash(number, one.leaf);
      children_.prefetch(hash);
      probes_.push_back({hash, number, one.leaf, none});
    }
  }
  ++effort_.nodes;
  for (const auto& index : at.ranges) visit_ranges(*index);
}

/// Visits all nodes that the record comes to, many together: what one of them has in
/// memory is fetched while others are looked at.
void filter_tree::go_down() {
  constexpr std::size_t together = 128;  ///< Probes, about.
  for (std::size_t next = 0; next < frontier_.size();) {
    probes_.clear();
    while (next < frontier_.size() && probes_.size() < together) enter(frontier_[next++]);
    effort_.lookups += probes_.size();
    for (auto& one : probes_) {
      one.child = children_.likely(one.hash);
      if (one.child == none) continue;
      if ((one.child & node_bit) != 0) {
        __builtin_prefetch(&nodes_[one.child & ~node_bit]);
      } else {
        blocks_.prefetch(one.child);
      }
    }
    for (const auto& one : probes_) {
      if (one.child == none) continue;
      const auto child = is_child(one.child, one.parent, one.via)
                             ? one.child
                             : find_child(one.hash, one.parent, one.via);
      if (child == none) continue;
      if ((child & node_bit) != 0) {
        frontier_.push_back(child & ~node_bit);
      } else {
        found_blocks_.push_back(child);
      }
    }
  }
}

void filter_tree::match(id_list& ids, std::vector<filter_handle>& groups) {
  ids_ = &ids;
  groups_ = &groups;
  frontier_.assign(1, 0);
  found_blocks_.clear();
  if (seen_ids_.size() * 64 < owners_.end()) seen_ids_.resize(owners_.end() / 64 + 1);
  if (seen_groups_.size() * 64 < owners_.groups_end())
    seen_groups_.resize(owners_.groups_end() / 64 + 1);
  ++effort_.states;
  constexpr std::size_t together = 128;
  go_down();
  effort_.blocks += found_blocks_.size();
  for (std::size_t i = 0; i < found_blocks_.size(); ++i) {
    if (i + 8 < found_blocks_.size()) blocks_.prefetch(found_blocks_[i + 8]);
    if (i + 4 < found_blocks_.size()) blocks_.prefetch_all(found_blocks_[i + 4]);
    visit_block(found_blocks_[i]);
    if (passed_.size() >= together) test_passed();
  }
  test_passed();
  ask_code();
  for (auto* const word : seen_) *word = 0;
  seen_.clear();
}

}  // namespace velo::rules::index
