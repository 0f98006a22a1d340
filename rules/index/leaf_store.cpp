#include "rules/index/leaf_store.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>

#include "rules/comparison_holds.hpp"
#include "rules/evaluate.hpp"

namespace velo::rules::index {

namespace {

using sort = equality_key::sort;
using type = value_view::type;

constexpr std::size_t gram_filter_bits = 1U << 14U;
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

bool is_gram(leaf_mode mode) {
  return mode == leaf_mode::gram || mode == leaf_mode::folded_gram;
}

}  // namespace

leaf_store::leaf_store(const hash_key& key, record_slots& slots)
    : key_(key), slots_(slots), truths_{yes, no} {}

// -- records ---------------------------------------------------------------------

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
    return range_hash(range_slot_[leaf], range_of(leaf));
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
    return range_slot_[leaf] == slot && range_lo_[leaf] == range.lo && range_hi_[leaf] == range.hi;
  });
  if (found != linear_table::none) {
    const auto leaf = found & ~range_bit;
    ++range_uses_[leaf];
    return leaf;
  }
  leaf_number leaf = 0;
  if (!free_ranges_.empty()) {
    leaf = free_ranges_.back();
    free_ranges_.pop_back();
  } else if (range_lo_.size() < range_end_) {
    leaf = std::max<leaf_number>(1, static_cast<leaf_number>(range_lo_.size()));
    range_lo_.resize(leaf + 1);
    range_hi_.resize(leaf + 1);
    range_slot_.resize(leaf + 1);
    range_uses_.resize(leaf + 1);
  } else {
    return std::nullopt;
  }
  range_lo_[leaf] = range.lo;
  range_hi_[leaf] = range.hi;
  range_slot_[leaf] = slot;
  range_uses_[leaf] = 1;
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

// -- the life of a leaf --------------------------------------------------------------

void leaf_store::retain(leaf_number leaf) {
  if (is_range(leaf)) {
    ++range_uses_[leaf];
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
    if (--range_uses_[leaf] > 0) return;
    const auto slot = range_slot_[leaf];
    table_.erase(range_hash(slot, range_of(leaf)), leaf | range_bit);
    range_lo_[leaf] = std::numeric_limits<double>::infinity();
    range_hi_[leaf] = -std::numeric_limits<double>::infinity();
    range_slot_[leaf] = 0;
    free_ranges_.push_back(leaf);
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
  range_lo_ = std::vector<double>();
  range_hi_ = std::vector<double>();
  range_slot_ = std::vector<slot_number>();
  range_uses_ = std::vector<std::uint32_t>();
  free_ranges_ = std::vector<leaf_number>();
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
  return is_range(leaf) ? range_slot_[leaf] : leaf_record(leaf).slot;
}

leaf_mode leaf_store::mode_of(leaf_number leaf) const noexcept {
  return leaf_record(leaf).mode;
}

const comparison* leaf_store::comparison_of(leaf_number leaf) const noexcept {
  return general_[leaf_record(leaf).length].leaf;
}

// -- statistics ------------------------------------------------------------------------

double leaf_store::probability(leaf_number leaf) const noexcept {
  constexpr double weight = 20;  ///< Of what is likely, in events.
  if (is_range(leaf)) return probability(range_slot_[leaf], range_of(leaf));
  const auto& known = leaf_record(leaf);
  if (known.mode == leaf_mode::general) return 0.5;
  const auto& use = uses_[known.slot];
  double prior = 0.05;
  if (!is_gram(known.mode)) {
    // What many ask for is likely to come; what few ask for is as likely as any.
    const auto m = static_cast<std::size_t>(known.mode);
    prior = std::max(static_cast<double>(known.uses) / std::max(1U, use.leaf_uses[m]),
                     1.0 / std::max(1U, use.leaves[m]));
  }
  const auto age = std::min<unsigned>(31, static_cast<std::uint16_t>(epoch_ - known.hits_epoch));
  const double hits = known.hits >> age;
  return std::min(1.0, (hits + weight * prior) / (window_ + weight));
}

double leaf_store::probability(slot_number slot, interval range) const noexcept {
  const auto& use = uses_[slot];
  const auto count = std::min<std::size_t>(use.sampled, use.samples.size());
  if (count < 8) return std::isinf(range.lo) || std::isinf(range.hi) ? 0.5 : 0.1;
  const auto inside =
      std::count_if(use.samples.begin(), use.samples.begin() + static_cast<std::ptrdiff_t>(count),
                    [&](float sample) { return range.holds(sample); });
  return (static_cast<double>(inside) + 0.5) / static_cast<double>(count + 1);
}

void leaf_store::lead(leaf_number leaf) {
  ++leaf_record(leaf).leads;
}
void leaf_store::unlead(leaf_number leaf) {
  --leaf_record(leaf).leads;
}

void leaf_store::count_event() {
  ++events_;
  window_ += 1;
  if (events_ % 4096 == 0) {
    ++epoch_;
    window_ /= 2;
  }
}

// -- one state of a record -----------------------------------------------------------------

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
  const auto count = range_lo_.size();
  // Comparing all costs about a nanosecond each, asking for one a few.
  const bool all = count > 1 && ranges_asked_ * 6 > static_cast<double>(count) && events_ % 64 != 0;
  if (all) {
    for (std::size_t i = 1; i < count; ++i) {
      const auto value = numbers_[range_slot_[i]];
      const bool inside = (value >= range_lo_[i]) & (value <= range_hi_[i]);
      truths_[i * 2] = static_cast<std::uint8_t>(inside);
      truths_[i * 2 + 1] = static_cast<std::uint8_t>(!inside);
    }
  } else if (ranges_known_ && count > 1) {
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
    return range_of(leaf).holds(numbers_[range_slot_[leaf]]) != ((wanted & 1U) != 0);
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

std::size_t leaf_store::memory_bytes() const noexcept {
  std::size_t bytes = store_.memory_bytes() + table_.memory_bytes() + references_.memory_bytes() +
                      free_leaves_.capacity() * sizeof(leaf_number) + general_.memory_bytes() +
                      truths_.capacity() + range_lo_.capacity() * 24 +
                      uses_.capacity() * sizeof(slot_use) + numbers_.capacity() * sizeof(double) +
                      gram_filter_.capacity() * 8;
  // A tree node with a path, a constant and a pattern, as a rule of thumb.
  bytes += (general_end_ - free_general_.size()) * 900;
  return bytes;
}

}  // namespace velo::rules::index
