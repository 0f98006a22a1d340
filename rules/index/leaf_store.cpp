#include "rules/index/leaf_store.hpp"

#include <algorithm>
#include <new>

#include "rules/evaluate.hpp"

namespace velo::rules::index {

namespace {

using sort = equality_key::sort;

}  // namespace

leaf_store::leaf_store(const hash_key& key, record_slots& slots)
    : key_(key), slots_(slots), truths_{yes, no} {}

std::size_t leaf_store::units_of(const record& leaf) noexcept {
  const bool has_text = leaf.mode < leaf_mode::gram && leaf.kind == sort::text;
  return has_text ? (text_offset + leaf.length + 3) / 4 : sizeof(record) / 4;
}

std::string_view leaf_store::text_of(const record& leaf) noexcept {
  return {reinterpret_cast<const char*>(&leaf) + text_offset, leaf.length};
}

bool leaf_store::same_key(const record& leaf, const equality_key& key) noexcept {
  if (leaf.kind != key.kind) return false;
  if (key.kind == sort::text) return text_of(leaf) == key.text;
  return leaf.integral == key.integral && leaf.bits() == key.bits;
}

std::uint64_t leaf_store::key_hash(leaf_mode mode, slot_number slot,
                                   std::uint64_t hash) const noexcept {
  return combine(hash, static_cast<std::uint64_t>(mode) << 32U | slot, key_);
}

std::uint64_t leaf_store::range_hash(slot_number slot, interval range) const noexcept {
  return hash_word(load<std::uint64_t>(&range.lo),
                   hash_word(load<std::uint64_t>(&range.hi), slot, key_), key_);
}

std::uint64_t leaf_store::hash_of_entry(std::uint32_t value) const noexcept {
  if ((value & range_bit) != 0) {
    const auto leaf = value & ~range_bit;
    return range_hash(ranges_.slot_of(leaf), range_of(leaf));
  }
  const auto& leaf = at(value);
  if (leaf.mode == leaf_mode::general) return general_[leaf.length].hash;
  if (is_gram(leaf.mode)) {
    return key_hash(leaf.mode, leaf.slot, hash_word(leaf.bits(), 99, key_));
  }
  const auto key = leaf.kind == sort::text ? text_key(text_of(leaf), key_)
                                           : bits_key(leaf.kind, leaf.integral, leaf.bits(), key_);
  return key_hash(leaf.mode, leaf.slot, key.hash);
}

leaf_store::slot_use& leaf_store::use_of(slot_number slot) {
  if (uses_.size() <= slot) uses_.resize(slot + 1);
  return uses_[slot];
}

void leaf_store::count_key(leaf_mode mode, slot_number slot, sort kind, int by) {
  auto& use = use_of(slot);
  use.total += static_cast<std::uint32_t>(by);
  if (is_gram(mode)) {
    use.grams[mode == leaf_mode::folded_gram ? 1 : 0] += static_cast<std::uint32_t>(by);
    return;
  }
  const auto m = static_cast<std::size_t>(mode);
  use.keys[m][static_cast<std::size_t>(kind)] += static_cast<std::uint32_t>(by);
  if (kind != sort::odd_number_text) use.leaves[m] += static_cast<std::uint32_t>(by);
}

void leaf_store::count_use(const record& leaf, int by) {
  if (leaf.mode < leaf_mode::gram) {
    uses_[leaf.slot].leaf_uses[static_cast<std::size_t>(leaf.mode)] +=
        static_cast<std::uint32_t>(by);
  }
}

leaf_number leaf_store::new_leaf(truth before) {
  leaf_number leaf = 0;
  if (free_leaves_.empty()) {
    leaf = leaf_end_++;
    references_.reach(leaf - range_end_);
  } else {
    leaf = free_leaves_.back();
    free_leaves_.pop_back();
  }
  set(leaf, before);
  return leaf;
}

void leaf_store::set(leaf_number leaf, truth value) {
  const auto positive = literal_of(leaf, false);
  if (positive >= short_literals) return;
  if (truths_.size() < positive + 2) {
    if (truths_.capacity() < positive + 2) {
      truths_.reserve(std::min<std::size_t>(short_literals, (positive + 2) * 2));
    }
    truths_.resize(positive + 2, unknown);
  }
  truths_[positive] = value;
  truths_[positive + 1] = value == unknown ? unknown : value == yes ? no : yes;
}

leaf_store::reference leaf_store::find_keyed(leaf_mode mode, slot_number slot,
                                             const equality_key& key, std::uint64_t hash) const {
  return table_.find(hash, [&](std::uint32_t value) {
    if ((value & range_bit) != 0) return false;
    const auto& leaf = at(value);
    return leaf.mode == mode && leaf.slot == slot && same_key(leaf, key);
  });
}

leaf_store::reference leaf_store::add(leaf_number leaf, leaf_mode mode, slot_number slot,
                                      const equality_key& key, std::uint64_t hash,
                                      std::size_t length) {
  record made{};
  made.leaf = leaf;
  made.uses = 1;
  made.slot = slot;
  made.hits_epoch = epoch_;
  made.mode = mode;
  made.kind = key.kind;
  made.length = static_cast<std::uint32_t>(length);
  made.integral = key.integral;
  made.truth = mode == leaf_mode::general ? unknown : no;
  made.halves = {static_cast<std::uint32_t>(key.bits), static_cast<std::uint32_t>(key.bits >> 32U)};
  const bool has_text = mode < leaf_mode::gram && key.kind == sort::text;
  const auto where = store_.allocate(units_of(made));
  if (has_text) {
    std::memcpy(store_.at(where), &made, text_offset);
    std::memcpy(store_.at(where) + text_offset, key.text.data(), key.text.size());
  } else {
    std::memcpy(store_.at(where), &made, sizeof made);
  }
  table_.insert(hash, where, hash_of{*this});
  return where;
}

leaf_number leaf_store::acquire(leaf_mode mode, slot_number slot, const constant_keys& keys) {
  const auto hash = key_hash(mode, slot, keys.main.hash);
  const auto found = find_keyed(mode, slot, keys.main, hash);
  if (found != linear_table::none) {
    auto& leaf = at(found);
    ++leaf.uses;
    count_use(leaf, 1);
    return leaf.leaf;
  }
  const auto leaf = new_leaf(no);
  slots_.retain(slot);
  references_[leaf - range_end_] = add(leaf, mode, slot, keys.main, hash, keys.main.text.size());
  count_key(mode, slot, keys.main.kind, 1);
  count_use(leaf_record(leaf), 1);
  if (keys.odd) {
    add(leaf, mode, slot, *keys.odd, key_hash(mode, slot, keys.odd->hash), 0);
    count_key(mode, slot, keys.odd->kind, 1);
  }
  return leaf;
}

leaf_number leaf_store::acquire_gram(slot_number slot, gram wanted, bool fold) {
  const auto mode = fold ? leaf_mode::folded_gram : leaf_mode::gram;
  equality_key key;
  key.bits = wanted;
  key.hash = hash_word(wanted, 99, key_);
  const auto hash = key_hash(mode, slot, key.hash);
  const auto found = find_keyed(mode, slot, key, hash);
  if (found != linear_table::none) {
    auto& leaf = at(found);
    ++leaf.uses;
    return leaf.leaf;
  }
  const auto leaf = new_leaf(no);
  slots_.retain(slot);
  references_[leaf - range_end_] = add(leaf, mode, slot, key, hash, 0);
  count_key(mode, slot, key.kind, 1);
  if (gram_filter_.empty()) gram_filter_.resize(gram_filter_bits / 64);
  const auto place = hash % gram_filter_bits;
  gram_filter_[place / 64] |= std::uint64_t{1} << (place % 64);
  return leaf;
}

std::optional<leaf_number> leaf_store::acquire_range(slot_number slot, interval range) {
  const auto hash = range_hash(slot, range);
  const auto found = table_.find(hash, [&](std::uint32_t value) {
    if ((value & range_bit) == 0) return false;
    const auto leaf = value & ~range_bit;
    const auto known = range_of(leaf);
    return ranges_.slot_of(leaf) == slot && known.lo == range.lo && known.hi == range.hi;
  });
  if (found != linear_table::none) {
    const auto leaf = found & ~range_bit;
    ++ranges_.uses(leaf);
    return leaf;
  }
  const auto made = ranges_.add(slot, range);
  if (!made) return std::nullopt;
  const auto leaf = *made;
  // They are judged in groups: all of them have a truth.
  set(static_cast<leaf_number>(ranges_.end() - 1), unknown);
  set(leaf, unknown);
  slots_.retain(slot);
  watch_number(slot);
  table_.insert(hash, leaf | range_bit, hash_of{*this});
  return leaf;
}

leaf_number leaf_store::acquire_general(const comparison& leaf) {
  const auto hash = hash_bytes(to_string(leaf), 7, key_);
  const auto found = table_.find(hash, [&](std::uint32_t value) {
    if ((value & range_bit) != 0) return false;
    const auto& other = at(value);
    return other.mode == leaf_mode::general && general_[other.length].leaf != nullptr &&
           *general_[other.length].leaf == leaf;
  });
  if (found != linear_table::none) {
    auto& known = at(found);
    ++known.uses;
    return known.leaf;
  }
  std::uint32_t number = 0;
  if (free_general_.empty()) {
    number = general_end_++;
    general_.reach_empty(number);
  } else {
    number = free_general_.back();
    free_general_.pop_back();
  }
  auto& made = general_[number];
  made.kept = expression(leaf);
  made.leaf = std::get_if<comparison>(&made.kept.node());
  made.hash = hash;
  const auto slot_of_side = [&](const operand& side) {
    const auto* where = std::get_if<path>(&side);
    return where != nullptr ? slots_.acquire(*where) : slot_number{0};
  };
  made.left = slot_of_side(leaf.left);
  made.right = slot_of_side(leaf.right);
  if (leaf.op == relation::like && !leaf.any && std::holds_alternative<path>(leaf.left)) {
    const auto* pattern = std::get_if<constant>(&leaf.right);
    const auto* text =
        pattern != nullptr ? pattern->value().get_ptr<const std::string*>() : nullptr;
    if (text != nullptr && is_plain_contains(*text)) made.needle = *text;
  }
  const auto fresh = new_leaf(unknown);
  references_[fresh - range_end_] =
      add(fresh, leaf_mode::general, made.left, equality_key(), hash, number);
  return fresh;
}

leaf_number leaf_store::acquire_whole(const expression& tree) {
  std::uint32_t number = 0;
  if (free_general_.empty()) {
    number = general_end_++;
    general_.reach_empty(number);
  } else {
    number = free_general_.back();
    free_general_.pop_back();
  }
  auto& made = general_[number];
  made.kept = tree;
  made.hash = hash_bytes(to_string(tree), 8, key_);
  made.left = slots_.acquire(path());
  const auto fresh = new_leaf(unknown);
  references_[fresh - range_end_] =
      add(fresh, leaf_mode::general, made.left, equality_key(), made.hash, number);
  return fresh;
}

bool leaf_store::exclude(leaf_number left, leaf_number right) const noexcept {
  const auto& a = leaf_record(left);
  const auto& b = leaf_record(right);
  if (left == right || a.mode != leaf_mode::equal || b.mode != a.mode || a.slot != b.slot ||
      a.kind != b.kind) {
    return false;
  }
  if (a.kind == sort::number || a.kind == sort::boolean) return true;
  // true equals both 'true' and '1', the number 10 both '1e1' and '10.0'.
  const auto lonely = [](const record& leaf) {
    const auto text = text_of(leaf);
    return text != "true" && text != "false" && !is_number_text(text);
  };
  return a.kind == sort::text && lonely(a) && lonely(b);
}

std::size_t leaf_store::memory_bytes() const noexcept {
  std::size_t bytes = store_.memory_bytes() + table_.memory_bytes() + references_.memory_bytes() +
                      free_leaves_.capacity() * sizeof(leaf_number) + general_.memory_bytes() +
                      truths_.capacity() + ranges_.memory_bytes() +
                      uses_.capacity() * sizeof(slot_use) + numbers_.capacity() * sizeof(double) +
                      gram_filter_.capacity() * 8;
  // A tree node with a path, a constant and a pattern, as a rule of thumb.
  bytes += (general_end_ - free_general_.size()) * 900;
  return bytes;
}

}  // namespace velo::rules::index
