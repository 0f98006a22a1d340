#include "rules/index/filter_tree.hpp"

#include <algorithm>

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
  if (gone.parent == none || gone.pending != none || gone.crowd != none || gone.rest_count > 0 ||
      gone.children > 0 || !gone.ranges.empty()) {
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
  lower(at);
  while (!left.empty() && left.front().way == term::access::keyed) {
    auto& pending = nodes_[at].pending;
    const bool has_room = pending == none || blocks_.at(pending).count < block_max;
    if (nodes_[at].slots == 0 && has_room) {
      if (pending == none) pending = blocks_.create(at, 0);
      pending = blocks_.push(pending, entry_of(handle, conjunction, left, how));
      return;
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
      lower(at);
      continue;
    }
    if (blocks_.at(child).count < block_max) {
      const auto now = blocks_.push(child, entry_of(handle, conjunction, left, how));
      if (now != child) children_.replace(hash, child, now);
      return;
    }
    const auto fresh = add_node(at, leaf);
    children_.replace(hash, child, fresh | node_bit);
    blocks_.move_to(child, fresh);
    nodes_[fresh].crowd = child;
    at = fresh;
    lower(at);
  }
  place_rest(at, handle, conjunction, left, how);
}

void filter_tree::lower(node_number at) {
  if (lowering_) return;
  lowering_ = true;
  terms theirs;
  for (std::size_t n = 0; n < lowered_at_once; ++n) {
    auto& here = nodes_[at];
    const bool has_crowd = here.crowd != none;
    auto& from = has_crowd ? here.crowd : here.pending;
    if (from == none || (!has_crowd && here.slots == 0)) break;
    const auto last = blocks_.at(from).count - 1U;
    const auto one = blocks_.at(from).at(last);
    from = blocks_.erase(from, last);
    terms_at(at, one, theirs);
    place(at, one.handle, one.number(), theirs,
          filters_.standing_of(owners_.reference_of(one.handle)));
  }
  lowering_ = false;
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
