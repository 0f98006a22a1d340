// Where a filter must stand so that it is found.
//
// A cover is a set of conjunctions of which at least one holds whenever the
// filter does. It says less than the filter (what is dropped is tested when the
// filter is found), so it never grows like a disjunctive normal form.

#pragma once

#include <optional>
#include <span>
#include <vector>

#include "rules/index/filter_code.hpp"

namespace velo::rules::index {

/// A test of a conjunction: where it stands in the code, or with the top bit a
/// literal that the cover holds itself.
using cover_item = std::uint32_t;
inline constexpr cover_item own_literal = 1U << 31U;

using cover_conjunction = std::vector<cover_item>;

struct filter_cover {
  /// The filter is one conjunction, all of its code; `conjunctions` is empty.
  bool plain = false;
  /// The filter holds whenever one of the conjunctions does.
  bool exact = true;
  /// A record may satisfy more than one of them.
  bool shared = false;
  std::vector<cover_conjunction> conjunctions;
};

class cover_maker {
 public:
  static constexpr std::size_t product_max = 32;          ///< Conjunctions from one AND.
  static constexpr std::size_t exact_max = 8;             ///< Of them only to be exact.
  static constexpr std::size_t conjunctions_max = 1'024;  ///< More: the filter is not indexed.
  static constexpr std::size_t items_max = 12;            ///< Of a conjunction.

  cover_maker(const hash_key& key, leaf_store& leaves) : key_(key), leaves_(leaves) {}

  /// The own literals in the result are acquired, one use for each.
  [[nodiscard]] filter_cover make(std::span<const word> words, bool conjunction);

  /// A cover that, by what is known now, is found in vain much less often than `now`; nothing
  /// where there is none, or it would take long to know.
  [[nodiscard]] std::optional<filter_cover> better(std::span<const word> words, bool conjunction,
                                                   std::vector<cover_conjunction> now);

 private:
  static constexpr std::size_t better_words_max = 256;
  static constexpr std::size_t better_conjunctions_max = 64;

  struct cover {
    std::vector<cover_conjunction> all;
    bool exact = true;
  };

  [[nodiscard]] cover of(std::size_t at);
  [[nodiscard]] cover of_all(std::size_t from, std::size_t to);
  [[nodiscard]] cover refined(cover_conjunction all);
  [[nodiscard]] cover product(const cover& left, const cover& right);
  [[nodiscard]] static std::size_t places_worth(double cost);
  [[nodiscard]] bool exclude(const cover_conjunction& left, const cover_conjunction& right) const;
  void drop(const cover& gone);
  void drop(cover_item item);
  void keep(cover_item item);

  [[nodiscard]] double access(cover_item item) const;
  [[nodiscard]] double best_access(const cover_conjunction& all) const;
  [[nodiscard]] double cost(const cover& of) const { return cost(of.all); }
  [[nodiscard]] double cost(const std::vector<cover_conjunction>& all) const;
  [[nodiscard]] bool has_choice(std::span<const word> words) const;
  [[nodiscard]] literal literal_at(cover_item item) const;
  [[nodiscard]] std::vector<leaf_number> values_of(cover_item item);
  [[nodiscard]] std::optional<leaf_number> gram_of(cover_item item);

  const hash_key& key_;
  leaf_store& leaves_;
  std::span<const word> words_;
};

}  // namespace velo::rules::index
