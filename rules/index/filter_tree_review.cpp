// Filters that were put somewhere before it was known what records come: looked at again, where
// they are found in vain.

#include <algorithm>

#include "rules/index/filter_tree.hpp"

namespace velo::rules::index {

std::optional<filter_handle> filter_tree::suspect() {
  reviewed_ = !placed_.empty() ? &placed_ : !asked_in_vain_.empty() ? &asked_in_vain_ : nullptr;
  if (reviewed_ == nullptr) return std::nullopt;
  return reviewed_->take();
}

void filter_tree::looked_at(bool moved) {
  reviewed_->looked_at(moved);
  ++effort_.reviewed;
  effort_.moved += moved ? 1 : 0;
}

bool filter_tree::improve(filter_handle handle, filter_reference where) {
  bool moved = false;
  for (unsigned i = 0; i < filters_.conjunctions(where); ++i) {
    moved = improve(handle, where, i) || moved;
  }
  return moved;
}

bool filter_tree::improve(filter_handle handle, filter_reference where, unsigned conjunction) {
  // Rarity is in powers of two. One of them may be chance, and would be taken back and forth.
  constexpr int worth_it = 2;
  terms all;
  filters_.terms_of(where, conjunction, all);
  if (all.empty() || all.front().way != term::access::keyed) return false;
  std::vector<leaf_number> path;
  if (!locate(0, handle, conjunction, all, path) || path.empty()) return false;
  const auto is_on_path = [&](const term& one) {
    return one.way == term::access::keyed &&
           std::find(path.begin(), path.end(), one.test >> 1U) != path.end();
  };
  // The rarest come first: the best way not taken against the worst that was.
  const auto unused = std::find_if_not(all.begin(), all.end(), is_on_path);
  if (unused == all.end() || unused->way != term::access::keyed) return false;
  const auto worst = std::find_if(all.rbegin(), all.rend(), is_on_path);
  if (worst == all.rend() || unused->rarity < worst->rarity + worth_it) return false;
  static_cast<void>(remove(0, handle, conjunction, all));
  place(0, handle, conjunction, all, filters_.standing_of(where));
  return true;
}

bool filter_tree::is_in(block_reference block, filter_handle handle, unsigned conjunction) const {
  if (block == none) return false;
  const auto& in = blocks_.at(block);
  for (std::size_t i = 0; i < in.count; ++i) {
    if (in.tails()[i].handle == handle && in.at(i).is(handle, conjunction)) return true;
  }
  return false;
}

/// Only of entries in blocks that equalities led to: what is left without one has taken all.
bool filter_tree::locate(node_number number, filter_handle handle, unsigned conjunction,
                         const terms& left, std::vector<leaf_number>& path) const {
  const auto& at = nodes_[number];
  if (is_in(at.pending, handle, conjunction) || is_in(at.crowd, handle, conjunction)) return true;
  for (const auto& one : left) {
    if (one.way != term::access::keyed) break;
    if ((at.slots & leaf_store::slot_bit(one.slot)) == 0) continue;
    const auto leaf = one.test >> 1U;
    const auto child = find_child(number, leaf);
    if (child == none) continue;
    path.push_back(leaf);
    if ((child & node_bit) != 0) {
      auto fewer = left;
      without(fewer, leaf);
      if (locate(child & ~node_bit, handle, conjunction, fewer, path)) return true;
    } else if (is_in(child, handle, conjunction)) {
      return true;
    }
    path.pop_back();
  }
  return false;
}

}  // namespace velo::rules::index
