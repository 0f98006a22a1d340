// The comparisons of all predicates, each kept and judged once.
//
// A leaf is a comparison without its negation. A literal is a leaf or its
// complement. For one state of a record every literal has a truth: false, true,
// or not yet known. Leaves that are equalities of keys (`=`, `?=`, IN a path, and
// "contains these three characters") are false unless the record's values, looked up in one
// table, say that they hold; ranges of numbers are compared all at once when many
// are asked for; what is left is judged when first asked for, by the very
// functions of the sequential evaluator.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rules/index/arena.hpp"
#include "rules/index/chunked.hpp"
#include "rules/index/equality_key.hpp"
#include "rules/index/grams.hpp"
#include "rules/index/linear_table.hpp"
#include "rules/index/range_leaves.hpp"
#include "rules/index/record_slots.hpp"

namespace velo::rules::index {

using literal = std::uint32_t;  ///< leaf * 2, plus one for the complement.

/// Leaf 0 always holds.
inline constexpr literal always_true = 0;

inline constexpr literal literal_of(leaf_number leaf, bool negated) noexcept {
  return leaf << 1U | (negated ? 1U : 0U);
}

enum class leaf_mode : std::uint8_t {
  equal,        ///< `x = c`
  any_equal,    ///< `x ?= c`
  member,       ///< `c IN x`
  gram,         ///< x contains three characters; implied by a LIKE
  folded_gram,  ///< the same of an ILIKE
  general,      ///< judged as it is
};

[[nodiscard]] inline constexpr bool is_gram(leaf_mode mode) noexcept {
  return mode == leaf_mode::gram || mode == leaf_mode::folded_gram;
}

class leaf_store {
 public:
  /// Literals below this fit a 16-bit word, and their truths one small array.
  static constexpr literal short_literals = 1U << 16U;

  leaf_store(const hash_key& key, record_slots& slots);

  // -- leaves: each call counts one use, release() takes one back ---------------

  [[nodiscard]] leaf_number acquire(leaf_mode mode, slot_number slot, const constant_keys& keys);
  [[nodiscard]] leaf_number acquire_gram(slot_number slot, gram wanted, bool fold);
  /// Nothing where there are too many ranges already: the caller keeps it.
  [[nodiscard]] std::optional<leaf_number> acquire_range(slot_number slot, interval range);
  /// `leaf` is not negated, but inside a `?op`.
  [[nodiscard]] leaf_number acquire_general(const comparison& leaf);
  /// A tree as one leaf: what is too large to be taken apart.
  [[nodiscard]] leaf_number acquire_whole(const expression& tree);
  void retain(leaf_number leaf);
  void release(leaf_number leaf);

  /// A range that somebody keeps outside: its slot's number is wanted.
  void watch_number(slot_number slot);
  void unwatch_number(slot_number slot);

  [[nodiscard]] bool is_range(leaf_number leaf) const noexcept { return leaf < range_end_; }
  [[nodiscard]] interval range_of(leaf_number leaf) const noexcept {
    return ranges_.range_of(leaf);
  }
  [[nodiscard]] slot_number slot_of(leaf_number leaf) const noexcept;
  [[nodiscard]] leaf_mode mode_of(leaf_number leaf) const noexcept;
  /// Whether the truth of the leaf comes from looking up keys.
  [[nodiscard]] bool is_keyed(leaf_number leaf) const noexcept {
    return leaf != 0 && !is_range(leaf) && mode_of(leaf) < leaf_mode::general;
  }
  /// The leaf's comparison, where mode_of is general; null for a whole tree.
  [[nodiscard]] const comparison* comparison_of(leaf_number leaf) const noexcept;
  [[nodiscard]] slot_number left_slot_of(leaf_number leaf) const noexcept {
    return leaf_record(leaf).slot;
  }
  /// Whether no value satisfies both of two keyed leaves.
  [[nodiscard]] bool exclude(leaf_number left, leaf_number right) const noexcept;

  /// How often it has held lately, or what is likely.
  [[nodiscard]] double probability(leaf_number leaf) const noexcept;
  [[nodiscard]] double probability(slot_number slot, interval range) const noexcept;

  /// Whether satisfied() shall name the leaf: counted.
  void lead(leaf_number leaf);
  void unlead(leaf_number leaf);

  // -- one state of a record ---------------------------------------------------

  struct satisfied_leaf {
    leaf_number leaf;
    std::uint64_t slot_bit;
  };

  /// Sets all truths for `values`, which must live until end().
  void begin(const record_values& values);
  void end();

  /// The keyed leaves that hold and lead somewhere, each once.
  [[nodiscard]] const std::vector<satisfied_leaf>& satisfied() const noexcept { return satisfied_; }
  [[nodiscard]] const record_values& values() const noexcept { return *values_; }
  /// The number in a watched slot, NaN where there is none.
  [[nodiscard]] double number_at(slot_number slot) const noexcept { return numbers_[slot]; }

  /// False for certain; only of short literals.
  [[nodiscard]] bool refuted(std::uint16_t wanted) const noexcept { return truths_[wanted] == no; }
  /// 0: one of the tests fails; 1: all hold; more: some is not known yet.
  [[nodiscard]] unsigned known(std::uint16_t a, std::uint16_t b) const noexcept {
    return static_cast<unsigned>(truths_[a]) * truths_[b];
  }
  [[nodiscard]] bool holds(literal wanted) {
    if (wanted < truths_.size()) {
      const auto known = truths_[wanted];
      return known == unknown ? judge(wanted) : known == yes;
    }
    return holds_far(wanted);
  }

  [[nodiscard]] static constexpr std::uint64_t slot_bit(slot_number slot) noexcept {
    return std::uint64_t{1} << (slot % 64U);
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  using reference = arena<4>::reference;

  enum truth : std::uint8_t { no = 0, yes = 1, unknown = 2 };

  static constexpr std::size_t gram_filter_bits = 1U << 14U;
  static constexpr leaf_number range_end_ = range_leaves::max;
  static constexpr std::uint32_t range_bit = 1U << 31U;

  /// A leaf that is no range, in the arena; the bytes of a text key follow.
  struct record {
    leaf_number leaf;
    std::uint32_t uses;
    slot_number slot;
    std::uint32_t leads;
    std::uint32_t hits;
    std::uint16_t hits_epoch;
    leaf_mode mode;
    equality_key::sort kind;
    std::uint32_t length;  ///< Of the text; of a general leaf: its number in general_.
    bool integral;
    std::uint8_t truth;  ///< Of a leaf whose literals are not short.
    std::uint16_t unused;
    std::array<std::uint32_t, 2> halves;  ///< Of the bits of keys that are no texts.

    [[nodiscard]] std::uint64_t bits() const noexcept {
      return static_cast<std::uint64_t>(halves[1]) << 32U | halves[0];
    }
  };
  static constexpr std::size_t text_offset = offsetof(record, halves);

  struct general_leaf {
    expression kept;  ///< Holds the comparison.
    const comparison* leaf = nullptr;
    slot_number left = 0;
    slot_number right = 0;
    std::uint64_t hash = 0;
    std::string needle;  ///< Of a LIKE that is a search for these bytes.
  };

  /// What is asked of a slot's value, counted.
  struct slot_use {
    std::array<std::array<std::uint32_t, equality_key::sorts>, 3> keys{};
    std::array<std::uint32_t, 3> leaves{};
    std::array<std::uint32_t, 3> leaf_uses{};  ///< Of all of them together.
    std::array<std::uint32_t, 2> grams{};
    std::uint32_t numbers = 0;
    std::uint32_t total = 0;
    std::uint32_t sampled = 0;
    std::array<float, 32> samples{};  ///< Numbers seen lately.
  };

  struct hash_of {
    const leaf_store& owner;
    std::uint64_t operator()(std::uint32_t value) const { return owner.hash_of_entry(value); }
    void prefetch(std::uint32_t value) const {
      if ((value & range_bit) == 0) __builtin_prefetch(owner.store_.at(value));
    }
  };

  [[nodiscard]] record& at(reference where) noexcept {
    return *reinterpret_cast<record*>(store_.at(where));
  }
  [[nodiscard]] const record& at(reference where) const noexcept {
    return *reinterpret_cast<const record*>(store_.at(where));
  }
  [[nodiscard]] record& leaf_record(leaf_number leaf) noexcept {
    return at(references_[leaf - range_end_]);
  }
  [[nodiscard]] const record& leaf_record(leaf_number leaf) const noexcept {
    return at(references_[leaf - range_end_]);
  }
  [[nodiscard]] static std::size_t units_of(const record& leaf) noexcept;
  [[nodiscard]] static std::string_view text_of(const record& leaf) noexcept;
  [[nodiscard]] static bool same_key(const record& leaf, const equality_key& key) noexcept;

  [[nodiscard]] std::uint64_t hash_of_entry(std::uint32_t value) const noexcept;
  [[nodiscard]] std::uint64_t key_hash(leaf_mode mode, slot_number slot,
                                       std::uint64_t hash) const noexcept;
  [[nodiscard]] std::uint64_t range_hash(slot_number slot, interval range) const noexcept;

  slot_use& use_of(slot_number slot);
  void count_use(const record& leaf, int by);
  void count_key(leaf_mode mode, slot_number slot, equality_key::sort kind, int by);
  leaf_number new_leaf(truth before);
  [[nodiscard]] reference find_keyed(leaf_mode mode, slot_number slot, const equality_key& key,
                                     std::uint64_t hash) const;
  reference add(leaf_number leaf, leaf_mode mode, slot_number slot, const equality_key& key,
                std::uint64_t hash, std::size_t length);
  void remove(reference where);
  void reset_if_empty();
  void remove_odd(const record& leaf);
  void set(leaf_number leaf, truth value);
  [[nodiscard]] bool is_held(const record& leaf) const noexcept;

  void look_up(slot_number slot, const value_view& value);
  void look_up_keys(leaf_mode mode, slot_number slot, const value_view& value);
  void look_up_elements(leaf_mode mode, slot_number slot, const value_view& value);
  void look_up_grams(leaf_mode mode, slot_number slot, const value_view& value);
  void hold(reference where);
  void hold_later(leaf_mode mode, slot_number slot, const equality_key& key);
  void look_up_pending();
  void compare_ranges();
  [[nodiscard]] bool judge(literal wanted);
  [[nodiscard]] bool holds_far(literal wanted);
  [[nodiscard]] bool judge_general(const general_leaf& leaf) const;
  void count_event();

  const hash_key& key_;
  record_slots& slots_;
  arena<4> store_;
  linear_table table_;
  chunked<reference> references_;  ///< By leaf, from range_end_ on.
  leaf_number leaf_end_ = range_end_;
  std::vector<leaf_number> free_leaves_;
  chunked<general_leaf, 4> general_;
  std::uint32_t general_end_ = 0;
  std::vector<std::uint32_t> free_general_;

  range_leaves ranges_;

  std::vector<slot_use> uses_;              ///< By slot.
  std::vector<std::uint64_t> gram_filter_;  ///< Bits of grams that may be leaves.

  // Of the state that is being matched.
  const record_values* values_ = nullptr;
  std::vector<std::uint8_t> truths_;  ///< Of short literals, as far as there are any.
  std::vector<double> numbers_;
  std::vector<satisfied_leaf> satisfied_;
  std::vector<reference> held_;
  std::vector<leaf_number> judged_;
  asked_keys asked_;
  struct pending {
    std::uint64_t hash;
    leaf_mode mode;
    slot_number slot;
    equality_key key;
  };
  std::vector<pending> pending_;

  // Ranges: all at once, or each when asked for.
  bool ranges_known_ = false;
  double ranges_asked_ = 0;  ///< Per event, lately.
  std::uint32_t ranges_judged_ = 0;

  // Statistics.
  std::uint32_t events_ = 0;
  std::uint16_t epoch_ = 0;
  double window_ = 0;  ///< Events that `hits` are counted over.
};

}  // namespace velo::rules::index
