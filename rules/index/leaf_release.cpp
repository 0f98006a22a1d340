// The end of a leaf that no predicate has any more.

#include "rules/index/leaf_store.hpp"

namespace velo::rules::index {

using sort = equality_key::sort;

void leaf_store::retain(leaf_number leaf) {
  if (is_range(leaf)) {
    ++ranges_.uses(leaf);
    return;
  }
  auto& kept = leaf_record(leaf);
  ++kept.uses;
  count_use(kept, 1);
}

void leaf_store::remove(reference where) {
  table_.erase(hash_of_entry(where), where);
  store_.release(where, units_of(at(where)));
}

void leaf_store::remove_odd(const record& leaf) {
  if (leaf.mode >= leaf_mode::gram || leaf.kind != sort::text) return;
  const auto value = parse_number(text_of(leaf));
  if (!value) return;
  const auto key = number_key(sort::odd_number_text, *value, key_);
  const auto wanted = leaf.leaf;
  const auto found =
      table_.find(key_hash(leaf.mode, leaf.slot, key.hash), [&](std::uint32_t other) {
        return (other & range_bit) == 0 && at(other).kind == sort::odd_number_text &&
               at(other).leaf == wanted;
      });
  if (found == linear_table::none) return;
  count_key(leaf.mode, leaf.slot, sort::odd_number_text, -1);
  remove(found);
}

void leaf_store::release(leaf_number leaf) {
  if (is_range(leaf)) {
    if (--ranges_.uses(leaf) > 0) return;
    const auto slot = ranges_.slot_of(leaf);
    table_.erase(range_hash(slot, range_of(leaf)), leaf | range_bit);
    ranges_.remove(leaf);
    unwatch_number(slot);
    slots_.release(slot);
    reset_if_empty();
    return;
  }
  auto& gone = leaf_record(leaf);
  count_use(gone, -1);
  if (--gone.uses > 0) return;
  const auto slot = gone.slot;
  if (gone.mode == leaf_mode::general) {
    const auto number = gone.length;
    remove(references_[leaf - range_end_]);
    auto& general = general_[number];
    const auto drop = [&](const operand& side, slot_number of) {
      if (std::holds_alternative<path>(side)) slots_.release(of);
    };
    if (general.leaf == nullptr) {
      slots_.release(general.left);
    } else {
      drop(general.leaf->left, general.left);
      drop(general.leaf->right, general.right);
    }
    general = general_leaf();
    free_general_.push_back(number);
  } else {
    remove_odd(gone);
    count_key(gone.mode, slot, gone.kind, -1);
    remove(references_[leaf - range_end_]);
    slots_.release(slot);
  }
  free_leaves_.push_back(leaf);
  reset_if_empty();
}

/// Without a leaf, the numbers and the tables by them begin anew.
void leaf_store::reset_if_empty() {
  if (table_.size() > 0) return;
  references_.clear();
  leaf_end_ = range_end_;
  // Not `= {}`, which keeps the memory.
  free_leaves_ = std::vector<leaf_number>();
  general_.clear();
  general_end_ = 0;
  free_general_ = std::vector<std::uint32_t>();
  ranges_.clear();
  ranges_known_ = false;
  truths_ = std::vector<std::uint8_t>{yes, no};
}

void leaf_store::watch_number(slot_number slot) {
  auto& use = use_of(slot);
  ++use.numbers;
  ++use.total;
}

void leaf_store::unwatch_number(slot_number slot) {
  auto& use = use_of(slot);
  --use.numbers;
  --use.total;
}

slot_number leaf_store::slot_of(leaf_number leaf) const noexcept {
  return is_range(leaf) ? ranges_.slot_of(leaf) : leaf_record(leaf).slot;
}

leaf_mode leaf_store::mode_of(leaf_number leaf) const noexcept {
  return leaf_record(leaf).mode;
}

const comparison* leaf_store::comparison_of(leaf_number leaf) const noexcept {
  return general_[leaf_record(leaf).length].leaf;
}

}  // namespace velo::rules::index
