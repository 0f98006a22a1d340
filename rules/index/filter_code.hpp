// A predicate as a run of 32-bit words over leaves.
//
//   0… literal                a leaf or its complement
//   01 slot, complement       a range that is no leaf: two doubles follow
//   10 length                 AND of what stands in the next `length` words
//   11 length                 OR of them
//
// The words of a conjunction of literals and ranges stand without the AND.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rules/bind.hpp"
#include "rules/index/leaf_store.hpp"

namespace velo::rules::index {

using word = std::uint32_t;

inline constexpr word range_word = 1U << 30U;
inline constexpr word and_word = 2U << 30U;
inline constexpr word or_word = 3U << 30U;
inline constexpr word payload_mask = range_word - 1;
inline constexpr std::size_t range_words = 5;

[[nodiscard]] constexpr bool is_literal(word w) noexcept {
  return w < range_word;
}
[[nodiscard]] constexpr bool is_inline_range(word w) noexcept {
  return w >> 30U == 1;
}
[[nodiscard]] constexpr std::size_t words_at(word w) noexcept {
  return is_literal(w) ? 1 : is_inline_range(w) ? range_words : 1 + (w & payload_mask);
}

struct inline_range {
  slot_number slot;
  bool negated;
  interval range;
};
[[nodiscard]] inline inline_range range_at(const word* at) noexcept {
  return {
      (*at & payload_mask) >> 1U, (*at & 1U) != 0, {load<double>(at + 1), load<double>(at + 3)}};
}

struct filter_code {
  enum class verdict : std::uint8_t { never, always, depends };

  verdict kind = verdict::never;
  bool conjunction = false;  ///< Words of literals and ranges, all of which must hold.
  std::vector<word> words;
};

/// Takes predicates apart. The leaves in the result are acquired, one use for
/// each time that they stand there.
class filter_compiler {
 public:
  filter_compiler(const hash_key& key, record_slots& slots, leaf_store& leaves)
      : key_(key), slots_(slots), leaves_(leaves) {}

  /// The result is valid until the next call.
  const filter_code& compile(const predicate& bound);
  /// Gives back what the words hold.
  void release(std::span<const word> words);

 private:
  static constexpr std::size_t words_max = 8'192;
  static constexpr std::size_t list_max = 1'024;  ///< Values of an IN that become leaves.
  using verdict = filter_code::verdict;

  struct pending_range {
    slot_number slot;
    interval range;
  };

  verdict add(const expression& tree);
  verdict add_all(const std::vector<expression>& terms, bool all);
  verdict add_leaf(const comparison& leaf, bool inverted);
  bool add_list(const comparison& leaf, bool negated);
  void add_range(slot_number slot, interval range, bool negated);
  bool settled(std::size_t from, bool all) const;
  void drop_from(std::size_t from);

  const hash_key& key_;
  record_slots& slots_;
  leaf_store& leaves_;
  filter_code made_;
};

/// The interval that an ordering with a number stands for, where it has one that
/// doubles are exact for.
[[nodiscard]] std::optional<interval> interval_of(const comparison& leaf) noexcept;

/// Whether the code holds for the state that `leaves` was begun with.
[[nodiscard]] bool holds(std::span<const word> words, bool conjunction, leaf_store& leaves);

}  // namespace velo::rules::index
