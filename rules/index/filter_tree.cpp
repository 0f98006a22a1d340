#include "rules/index/filter_tree.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace velo::rules::index {

filter_tree::filter_tree(const hash_key& key, leaf_store& leaves, filter_store& filters,
                         const subscriber_table& owners)
    : key_(key), leaves_(leaves), filters_(filters), owners_(owners), places_(key) {
  nodes_.reach_empty(0);
}

// -- children ------------------------------------------------------------------------

std::uint64_t filter_tree::hash_of::operator()(std::uint32_t child) const {
  if ((child & node_bit) != 0) {
    const auto& at = owner.nodes_[child & ~node_bit];
    return owner.child_hash(at.parent, at.via);
  }
  const auto& at = owner.blocks_.at(child);
  return owner.child_hash(at.node, at.via);
}

void filter_tree::hash_of::prefetch(std::uint32_t child) const {
  if ((child & node_bit) == 0) owner.blocks_.prefetch(child);
}

bool filter_tree::is_child(std::uint32_t child, node_number parent, leaf_number via) const {
  if ((child & node_bit) != 0) {
    const auto& at = nodes_[child & ~node_bit];
    return at.parent == parent && at.via == via;
  }
  const auto& at = blocks_.at(child);
  return at.node == parent && at.via == via;
}

std::uint32_t filter_tree::find_child(std::uint64_t hash, node_number parent,
                                      leaf_number via) const {
  return children_.find(hash, [&](std::uint32_t child) { return is_child(child, parent, via); });
}

filter_tree::node_number filter_tree::add_node(node_number parent, leaf_number via) {
  node_number fresh = 0;
  if (free_nodes_.empty()) {
    fresh = nodes_end_++;
    nodes_.reach_empty(fresh);
  } else {
    fresh = free_nodes_.back();
    free_nodes_.pop_back();
  }
  nodes_[fresh].parent = parent;
  nodes_[fresh].via = via;
  return fresh;
}

void filter_tree::drop_if_empty(node_number at) {
  auto& gone = nodes_[at];
  if (gone.parent == none || gone.pending != none || gone.rest_count > 0 || gone.children > 0 ||
      !gone.ranges.empty()) {
    return;
  }
  children_.erase(child_hash(gone.parent, gone.via), at | node_bit);
  leaves_.unlead(gone.via);
  auto& parent = nodes_[gone.parent];
  if (--parent.children == 0) parent.slots = 0;
  gone = node();
  free_nodes_.push_back(at);
}

// -- entries -------------------------------------------------------------------------

entry filter_tree::entry_of(filter_handle handle, unsigned conjunction, const terms& left,
                            standing how) {
  entry made;
  made.handle = handle;
  short_literal* const tests[] = {&made.test0, &made.test1, &made.test2, &made.test3};
  const auto fits = [](const term& one) { return !one.in_code && one.test < entry::tests_end; };
  const bool all = how.exact && std::all_of(left.begin(), left.end(), fits);
  const bool four = all && how.one && left.size() <= 4;
  const std::size_t room = four ? 4 : 3;
  std::size_t used = 0;
  for (const auto& one : left) {
    if (fits(one) && used < room) *tests[used++] = static_cast<short_literal>(one.test);
  }
  if (!four) {
    const bool code = !all || left.size() > room;
    made.test3 = static_cast<short_literal>(entry::tests_end | (code ? entry::by_code : 0U) |
                                            (how.shared ? entry::shared : 0U) | conjunction);
  }
  return made;
}

void filter_tree::without(terms& from, leaf_number leaf) {
  const auto wanted = literal_of(leaf, false);
  std::erase_if(from, [&](const term& one) { return !one.in_code && one.test == wanted; });
}

void filter_tree::terms_at(node_number at, const entry& of, terms& into) const {
  filters_.terms_of(owners_.reference_of(of.handle), of.number(), into);
  for (; nodes_[at].parent != none; at = nodes_[at].parent) without(into, nodes_[at].via);
}

template <class Visit>
void filter_tree::for_each_entry(block_reference where, Visit&& visit) const {
  const auto& block = blocks_.at(where);
  for (std::size_t i = 0; i < block.count; ++i) visit(block.at(i));
}

// -- putting ---------------------------------------------------------------------------

void filter_tree::insert(filter_handle handle, filter_reference where) {
  const auto how = filters_.standing_of(where);
  terms left;
  for (unsigned i = 0; i < filters_.conjunctions(where); ++i) {
    filters_.terms_of(where, i, left);
    place(0, handle, i, left, how);
  }
}

void filter_tree::place(node_number at, filter_handle handle, unsigned conjunction, terms& left,
                        standing how) {
  while (!left.empty() && left.front().way == term::access::keyed) {
    if (nodes_[at].slots == 0) {
      auto& pending = nodes_[at].pending;
      if (pending == none || blocks_.at(pending).count < block_max) {
        if (pending == none) pending = blocks_.create(at, 0);
        pending = blocks_.push(pending, entry_of(handle, conjunction, left, how));
        return;
      }
      split_pending(at);
    }
    const auto leaf = left.front().test >> 1U;
    nodes_[at].slots |= leaf_store::slot_bit(left.front().slot);
    without(left, leaf);
    const auto hash = child_hash(at, leaf);
    const auto child = find_child(at, leaf);
    if (child == none) {
      auto block = blocks_.create(at, leaf);
      block = blocks_.push(block, entry_of(handle, conjunction, left, how));
      leaves_.lead(leaf);
      ++nodes_[at].children;
      children_.insert(hash, block, hash_of{*this});
      return;
    }
    if ((child & node_bit) != 0) {
      at = child & ~node_bit;
      continue;
    }
    if (blocks_.at(child).count < block_max) {
      const auto now = blocks_.push(child, entry_of(handle, conjunction, left, how));
      if (now != child) children_.replace(hash, child, now);
      return;
    }
    const auto fresh = add_node(at, leaf);
    std::vector<entry> moved;
    for_each_entry(child, [&](const entry& one) { moved.push_back(one); });
    children_.replace(hash, child, fresh | node_bit);
    blocks_.release(child);
    terms theirs;
    for (const auto& one : moved) {
      terms_at(fresh, one, theirs);
      place(fresh, one.handle, one.number(), theirs,
            filters_.standing_of(owners_.reference_of(one.handle)));
    }
    at = fresh;
  }
  place_rest(at, handle, conjunction, left, how);
}

void filter_tree::split_pending(node_number at) {
  std::vector<entry> moved;
  const auto pending = nodes_[at].pending;
  for_each_entry(pending, [&](const entry& one) { moved.push_back(one); });
  blocks_.release(pending);
  nodes_[at].pending = none;
  terms theirs;
  for (const auto& one : moved) {
    terms_at(at, one, theirs);
    // From the first on, the node has children.
    if (!theirs.empty()) nodes_[at].slots |= leaf_store::slot_bit(theirs.front().slot);
    place(at, one.handle, one.number(), theirs,
          filters_.standing_of(owners_.reference_of(one.handle)));
  }
}

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

// -- removing ----------------------------------------------------------------------------

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
  if (remove_from(nodes_[number].pending, handle, conjunction)) return true;
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

// -- matching --------------------------------------------------------------------------------

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
    asked_.push_back(handle);
  } else {
    emit_once(handle);
  }
}

/// The filters are all over the memory: each is fetched while others are tested.
void filter_tree::ask_code() {
  constexpr std::size_t near = 4;
  constexpr std::size_t far = 8;
  const auto count = asked_.size();
  for (std::size_t i = 0; i < count + far; ++i) {
    if (i < count) owners_.prefetch(asked_[i]);
    if (i >= near && i - near < count) filters_.prefetch(owners_.reference_of(asked_[i - near]));
    if (i < far) continue;
    const auto handle = asked_[i - far];
    const auto where = owners_.reference_of(handle);
    if (!filters_.holds(where)) continue;
    if (filters_.standing_of(where).shared)
      emit_once(handle);
    else
      emit(handle);
  }
  asked_.clear();
}

void filter_tree::visit_block(block_reference where) {
  const auto& block = blocks_.at(where);
  const auto* const test0 = block.test0();
  const auto* const test1 = block.test1();
  const auto* const tails = block.tails();
  std::array<std::uint16_t, 256> left;
  for (std::size_t from = 0; from < block.count; from += left.size()) {
    const auto to = std::min<std::size_t>(block.count, from + left.size());
    std::size_t count = 0;
    for (auto i = from; i < to; ++i) {
      left[count] = static_cast<std::uint16_t>(i);
      count += leaves_.known(test0[i], test1[i]) != 0 ? 1 : 0;
    }
    for (std::size_t k = 0; k < count; ++k) {
      const auto i = left[k];
      const auto& rest = tails[i];
      test({rest.handle, test0[i], test1[i], rest.test2, rest.test3});
    }
  }
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
  for (const auto& index : at.ranges) visit_ranges(*index);
}

/// Visits all nodes that the record comes to, many together: what one of them has in
/// memory is fetched while others are looked at.
void filter_tree::go_down() {
  constexpr std::size_t together = 128;  ///< Probes, about.
  for (std::size_t next = 0; next < frontier_.size();) {
    probes_.clear();
    while (next < frontier_.size() && probes_.size() < together) enter(frontier_[next++]);
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
  go_down();
  for (std::size_t i = 0; i < found_blocks_.size(); ++i) {
    if (i + 8 < found_blocks_.size()) blocks_.prefetch(found_blocks_[i + 8]);
    if (i + 4 < found_blocks_.size()) blocks_.prefetch_all(found_blocks_[i + 4]);
    visit_block(found_blocks_[i]);
  }
  ask_code();
  for (auto* const word : seen_) *word = 0;
  seen_.clear();
}

std::size_t filter_tree::memory_bytes() const noexcept {
  auto bytes = blocks_.memory_bytes() + places_.memory_bytes() + children_.memory_bytes() +
               nodes_.memory_bytes() + free_nodes_.capacity() * sizeof(node_number) +
               (seen_ids_.capacity() + seen_groups_.capacity()) * sizeof(std::uint64_t);
  for (node_number number = 0; number < nodes_end_; ++number) {
    const auto& at = nodes_[number];
    bytes += at.rest.capacity() * sizeof(block_reference) + at.ranges.capacity() * sizeof(void*);
    for (const auto& index : at.ranges) bytes += index->memory_bytes();
  }
  return bytes;
}

}  // namespace velo::rules::index
