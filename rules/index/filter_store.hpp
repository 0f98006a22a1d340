// All filters, each once, as bytes.

#pragma once

#include <span>

#include "rules/index/arena.hpp"
#include "rules/index/cover.hpp"
#include "rules/index/exact_key.hpp"
#include "rules/index/filter_code.hpp"
#include "rules/index/subscriber_table.hpp"

namespace velo::rules::index {

/// What stands for one test while a filter is being put somewhere.
struct term {
  enum class access : std::uint8_t { keyed, range, none };

  literal test = always_true;  ///< Not of a range that is kept in the code.
  access way = access::none;
  bool in_code = false;  ///< Such a range.
  slot_number slot = 0;
  interval range{0, 0};
  int rarity = 0;  ///< Binary places of its probability.
};

/// How a filter stands in the tree.
struct standing {
  bool one = true;      ///< In one place, with one conjunction.
  bool exact = true;    ///< Its code need not be asked where a conjunction holds.
  bool shared = false;  ///< A record may find it in more than one place.
};

class filter_store {
 public:
  static constexpr filter_reference always = 0x7FFFFFFE;
  static constexpr filter_reference never = 0x7FFFFFFD;
  static constexpr filter_reference none = 0xFFFFFFFF;

  filter_store(leaf_store& leaves, exact_shapes& shapes, filter_compiler& compiler)
      : leaves_(leaves), shapes_(shapes), compiler_(compiler) {}

  [[nodiscard]] static bool is_key(filter_reference where) noexcept {
    return (where & key_bit) != 0 && where < never;
  }
  [[nodiscard]] static bool is_constant(filter_reference where) noexcept { return where >= never; }

  [[nodiscard]] filter_reference add_key(std::string_view bytes);
  /// Takes over the uses of leaves in the code and the cover.
  [[nodiscard]] filter_reference add_code(const filter_code& code, const filter_cover& cover);
  /// Gives code another cover, whose uses of leaves it takes over; returns where it is now.
  [[nodiscard]] filter_reference cover_anew(filter_reference where, const filter_cover& cover);
  void remove(filter_reference where);

  [[nodiscard]] const std::byte* key_at(filter_reference where) const noexcept {
    return keys_.at(where & ~key_bit);
  }
  [[nodiscard]] std::span<const word> code_at(filter_reference where) const noexcept;
  [[nodiscard]] bool is_conjunction(filter_reference where) const noexcept;
  /// The conjunctions that it stands in the tree with: one or more.
  [[nodiscard]] unsigned conjunctions(filter_reference where) const noexcept;
  /// Empty where the code itself is the only one.
  [[nodiscard]] std::vector<cover_conjunction> cover_of(filter_reference where) const;
  [[nodiscard]] standing standing_of(filter_reference where) const noexcept;

  [[nodiscard]] std::uint64_t hash(filter_reference where) const noexcept;
  [[nodiscard]] std::uint64_t hash_of(std::span<const word> code, bool conjunction) const noexcept;
  void prefetch(filter_reference where) const noexcept {
    if (is_constant(where)) return;
    __builtin_prefetch(is_key(where) ? keys_.at(where & ~key_bit) : codes_.at(where));
  }

  /// The tests of one of its conjunctions, the best way in first.
  void terms_of(filter_reference where, unsigned conjunction, std::vector<term>& into) const;

  [[nodiscard]] bool holds(filter_reference where);

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return keys_.memory_bytes() + codes_.memory_bytes();
  }

 private:
  static constexpr filter_reference key_bit = 1U << 30U;

  struct header {
    std::uint32_t words : 15;
    std::uint32_t conjunctions : 14;  ///< 0: the code itself is the only one.
    std::uint32_t conjunction : 1;
    std::uint32_t exact : 1;
    std::uint32_t shared : 1;
  };

  [[nodiscard]] const word* at(filter_reference where) const noexcept {
    return reinterpret_cast<const word*>(codes_.at(where));
  }
  [[nodiscard]] header header_at(filter_reference where) const noexcept {
    return load<header>(codes_.at(where));
  }
  [[nodiscard]] filter_reference add_code(std::span<const word> words, bool conjunction,
                                          const filter_cover& cover);
  void release_cover(filter_reference where);
  [[nodiscard]] std::size_t units_of(filter_reference where) const noexcept;
  [[nodiscard]] std::span<const cover_item> cover_at(filter_reference where, unsigned number) const;
  [[nodiscard]] term term_of(const word* code, cover_item item) const;

  leaf_store& leaves_;
  exact_shapes& shapes_;
  filter_compiler& compiler_;
  arena<1> keys_;
  arena<4> codes_;
};

}  // namespace velo::rules::index
