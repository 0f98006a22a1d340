// Filters that have come to the same place of the tree, and what is left of them
// to be tested.
//
// The first two tests of all entries stand together, sixteen bits each: most
// entries are rejected by reading two bytes.

#pragma once

#include <cstdint>

#include "rules/index/arena.hpp"
#include "rules/index/leaf_store.hpp"
#include "rules/index/subscriber_table.hpp"

namespace velo::rules::index {

/// A literal that fits sixteen bits, with room for more meanings; 0 always holds.
using short_literal = std::uint16_t;

/// One conjunction of one filter.
struct entry {
  /// From here on no test, but what else is to be known of the entry.
  static constexpr short_literal tests_end = 0xE000;
  static constexpr short_literal by_code = 0x1000;  ///< Its tests are not all: ask the code.
  static constexpr short_literal shared = 0x0800;   ///< May be found in another place as well.
  static constexpr short_literal number_mask = 0x07FF;

  filter_handle handle = 0;
  short_literal test0 = 0;
  short_literal test1 = 0;
  short_literal test2 = 0;
  /// The fourth test; or from `tests_end` on `by_code`, `shared` and the number of
  /// the conjunction.
  short_literal test3 = 0;

  [[nodiscard]] unsigned number() const noexcept {
    return test3 >= tests_end ? test3 & number_mask : 0U;
  }
  [[nodiscard]] bool is(filter_handle wanted, unsigned conjunction) const noexcept {
    return handle == wanted && number() == conjunction;
  }
};

using block_reference = std::uint32_t;

class entry_blocks {
 public:
  static constexpr block_reference none = 0xFFFFFFFF;

  struct tail {
    filter_handle handle;
    short_literal test2;
    short_literal test3;
  };

  /// A block as it lies in memory, its tests and tails behind it.
  struct header {
    std::uint32_t node;
    leaf_number via;
    std::uint16_t count;
    std::uint16_t room;

    [[nodiscard]] const short_literal* test0() const noexcept {
      return reinterpret_cast<const short_literal*>(this + 1);
    }
    [[nodiscard]] const short_literal* test1() const noexcept { return test0() + room; }
    [[nodiscard]] const tail* tails() const noexcept {
      return reinterpret_cast<const tail*>(test1() + room);
    }
    [[nodiscard]] entry at(std::size_t i) const noexcept {
      const auto& rest = tails()[i];
      return {rest.handle, test0()[i], test1()[i], rest.test2, rest.test3};
    }
  };

  [[nodiscard]] const header& at(block_reference where) const noexcept {
    return *reinterpret_cast<const header*>(store_.at(where));
  }
  void prefetch(block_reference where) const noexcept { __builtin_prefetch(store_.at(where)); }

  /// The tests of all its entries, too.
  void prefetch_all(block_reference where) const noexcept {
    constexpr std::size_t line = 64;
    const auto* const from = store_.at(where);
    const auto bytes = sizeof(header) + 2 * sizeof(short_literal) * at(where).count;
    for (std::size_t i = line; i < bytes; i += line) __builtin_prefetch(from + i);
  }

  [[nodiscard]] block_reference create(std::uint32_t node, leaf_number via) {
    const auto where = store_.allocate(units(1));
    *reinterpret_cast<header*>(store_.at(where)) = {node, via, 0, 1};
    return where;
  }
  /// Returns where the block is now.
  [[nodiscard]] block_reference push(block_reference where, const entry& added);
  /// Returns where the block is now, or `none` if that was the last entry.
  [[nodiscard]] block_reference erase(block_reference where, std::size_t i);
  /// Belongs to `node` itself from now on.
  void move_to(block_reference where, std::uint32_t node) noexcept {
    mutable_at(where).node = node;
    mutable_at(where).via = 0;
  }
  void release(block_reference where) { store_.release(where, units(at(where).room)); }

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return store_.memory_bytes(); }

 private:
  [[nodiscard]] static std::size_t units(std::size_t room) noexcept {
    return (sizeof(header) + room * (2 * sizeof(short_literal) + sizeof(tail))) / 4;
  }
  [[nodiscard]] header& mutable_at(block_reference where) noexcept {
    return *reinterpret_cast<header*>(store_.at(where));
  }
  static void put(header& into, std::size_t i, const entry& added) noexcept;
  [[nodiscard]] block_reference resize(block_reference where, std::size_t room);

  arena<4> store_;
};

}  // namespace velo::rules::index
