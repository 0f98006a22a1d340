// The truths of all leaves for one state of a record.

#include <algorithm>
#include <cmath>
#include <limits>

#include "rules/comparison_holds.hpp"
#include "rules/evaluate.hpp"
#include "rules/index/leaf_store.hpp"

namespace velo::rules::index {

namespace {

using sort = equality_key::sort;
using type = value_view::type;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

std::optional<number> numeric(const value_view& value) noexcept {
  if (value.kind == type::number) return value.number;
  if (value.kind == type::text) return parse_number(value.text);
  return std::nullopt;
}

double as_double(const value_view& value) noexcept {
  const auto found = numeric(value);
  if (!found) return not_a_number;
  // Bounds of ranges are within 2^53, where no rounding passes them.
  return found->integral ? static_cast<double>(found->integer) : found->real;
}

}  // namespace

bool leaf_store::is_held(const record& leaf) const noexcept {
  const auto positive = literal_of(leaf.leaf, false);
  return positive < short_literals ? truths_[positive] == yes : leaf.truth == yes;
}

void leaf_store::hold(reference where) {
  auto& leaf = at(where);
  if (is_held(leaf)) return;
  const auto positive = literal_of(leaf.leaf, false);
  if (positive < short_literals) {
    truths_[positive] = yes;
    truths_[positive + 1] = no;
  } else {
    leaf.truth = yes;
  }
  held_.push_back(where);
  if (leaf.leads > 0) satisfied_.push_back({leaf.leaf, slot_bit(leaf.slot)});
  if (leaf.hits_epoch != epoch_) {
    leaf.hits >>= std::min<unsigned>(31, static_cast<std::uint16_t>(epoch_ - leaf.hits_epoch));
    leaf.hits_epoch = epoch_;
  }
  ++leaf.hits;
}

void leaf_store::hold_later(leaf_mode mode, slot_number slot, const equality_key& key) {
  const auto hash = key_hash(mode, slot, key.hash);
  table_.prefetch(hash);
  pending_.push_back({hash, mode, slot, key});
  if (pending_.size() >= 128) look_up_pending();
}

void leaf_store::look_up_pending() {
  for (const auto& one : pending_) {
    const auto value = table_.likely(one.hash);
    if (value != linear_table::none && (value & range_bit) == 0)
      __builtin_prefetch(store_.at(value));
  }
  for (const auto& one : pending_) {
    static_cast<void>(table_.find(one.hash, [&](std::uint32_t value) {
      if ((value & range_bit) != 0) return false;
      const auto& leaf = at(value);
      if (leaf.mode != one.mode || leaf.slot != one.slot || !same_key(leaf, one.key)) return false;
      if (leaf.kind != sort::odd_number_text) {
        hold(value);
        return true;
      }
      // '1e1' and '10.0' stand under the same number.
      hold(references_[leaf.leaf - range_end_]);
      return false;
    }));
  }
  pending_.clear();
}

void leaf_store::look_up_keys(leaf_mode mode, slot_number slot, const value_view& value) {
  const auto& counts = uses_[slot].keys[static_cast<std::size_t>(mode)];
  unsigned wanted = 0;
  for (unsigned i = 0; i < equality_key::sorts; ++i) wanted |= (counts[i] > 0 ? 1U : 0U) << i;
  ask(value, wanted, key_, asked_);
  for (const auto& key : asked_) hold_later(mode, slot, key);
}

void leaf_store::look_up_elements(leaf_mode mode, slot_number slot, const value_view& value) {
  for (const auto& element : *value.json) look_up_keys(mode, slot, value_view(element));
}

void leaf_store::look_up_grams(leaf_mode mode, slot_number slot, const value_view& value) {
  char buffer[number_text_max];
  const auto text = value.kind == type::text     ? value.text
                    : value.kind == type::number ? number_text(value.number, buffer)
                                                 : std::string_view();
  for_each_gram(text, mode == leaf_mode::folded_gram, [&](gram one) {
    equality_key key;
    key.bits = one;
    key.hash = hash_word(one, 99, key_);
    const auto place = key_hash(mode, slot, key.hash) % gram_filter_bits;
    if ((gram_filter_[place / 64] >> (place % 64) & 1U) != 0) hold_later(mode, slot, key);
  });
}

void leaf_store::look_up(slot_number slot, const value_view& value) {
  auto& use = uses_[slot];
  if (use.leaves[0] > 0) look_up_keys(leaf_mode::equal, slot, value);
  if (use.leaves[1] > 0) {
    if (value.kind == type::array) {
      look_up_elements(leaf_mode::any_equal, slot, value);
    } else {
      look_up_keys(leaf_mode::any_equal, slot, value);
    }
  }
  if (use.leaves[2] > 0 && value.kind == type::array) {
    look_up_elements(leaf_mode::member, slot, value);
  }
  if (use.grams[0] > 0) look_up_grams(leaf_mode::gram, slot, value);
  if (use.grams[1] > 0) look_up_grams(leaf_mode::folded_gram, slot, value);
  if (use.numbers > 0) {
    numbers_[slot] = as_double(value);
    if (!std::isnan(numbers_[slot])) {
      use.samples[use.sampled++ % use.samples.size()] = static_cast<float>(numbers_[slot]);
      if (use.sampled == 0) use.sampled = static_cast<std::uint32_t>(use.samples.size());
    }
  }
}

void leaf_store::begin(const record_values& values) {
  values_ = &values;
  count_event();
  if (numbers_.size() < values.at.size()) numbers_.resize(values.at.size(), not_a_number);
  for (slot_number slot = 0; slot < uses_.size(); ++slot) {
    if (uses_[slot].total > 0) look_up(slot, values.at[slot]);
  }
  look_up_pending();
  compare_ranges();
}

void leaf_store::compare_ranges() {
  const auto count = ranges_.end();
  if (count == 0) return;
  // Asking for one costs as much as comparing some of them together.
  constexpr double together = 12;
  const bool all = ranges_asked_ * together > static_cast<double>(count) && events_ % 64 != 0;
  if (all) {
    ranges_.judge(numbers_.data(), truths_.data());
  } else if (ranges_known_) {
    std::fill(truths_.begin() + 2, truths_.begin() + static_cast<std::ptrdiff_t>(count * 2),
              unknown);
  }
  ranges_known_ = all;
  ranges_judged_ = 0;
}

void leaf_store::end() {
  for (const auto where : held_) {
    auto& leaf = at(where);
    const auto positive = literal_of(leaf.leaf, false);
    if (positive < short_literals) {
      truths_[positive] = no;
      truths_[positive + 1] = yes;
    } else {
      leaf.truth = no;
    }
  }
  held_.clear();
  for (const auto leaf : judged_) {
    set(leaf, unknown);
    leaf_record(leaf).truth = unknown;
  }
  judged_.clear();
  satisfied_.clear();
  if (!ranges_known_) ranges_asked_ = ranges_asked_ * 0.75 + ranges_judged_ * 0.25;
  values_ = nullptr;
}

bool leaf_store::judge(literal wanted) {
  const auto leaf = wanted >> 1U;
  if (is_range(leaf)) {
    // Comparing again costs less than remembering, and forgetting afterwards.
    ++ranges_judged_;
    return range_of(leaf).holds(numbers_[ranges_.slot_of(leaf)]) != ((wanted & 1U) != 0);
  }
  const bool found = judge_general(general_[leaf_record(leaf).length]);
  judged_.push_back(leaf);
  set(leaf, found ? yes : no);
  return found != ((wanted & 1U) != 0);
}

bool leaf_store::holds_far(literal wanted) {
  auto& leaf = leaf_record(wanted >> 1U);
  if (leaf.truth == unknown) {
    leaf.truth = judge_general(general_[leaf.length]) ? yes : no;
    judged_.push_back(leaf.leaf);
  }
  return (leaf.truth == yes) != ((wanted & 1U) != 0);
}

bool leaf_store::judge_general(const general_leaf& leaf) const {
  if (leaf.leaf == nullptr) {
    return evaluate(leaf.kept, parameters{}, {*values_->record, values_->act, values_->now});
  }
  const auto& wanted = *leaf.leaf;
  if (!leaf.needle.empty()) {
    const auto& value = values_->at[leaf.left];
    if (value.kind == type::text) {
      return (value.text.find(leaf.needle) != std::string_view::npos) != wanted.negated;
    }
  }
  return comparison_holds(wanted, [&](const operand& side) {
    if (const auto* value = std::get_if<constant>(&side)) return value_view(*value);
    return values_->at[&side == &wanted.left ? leaf.left : leaf.right];
  });
}

}  // namespace velo::rules::index
