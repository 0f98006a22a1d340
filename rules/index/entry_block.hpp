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

/// A literal that fits sixteen bits; 0 always holds.
using short_literal = std::uint16_t;

/// One conjunction of one filter.
struct entry {
  static constexpr short_literal by_code = 0xFFFF;

  filter_handle handle = 0;
  short_literal test0 = 0;
  short_literal test1 = 0;
  /// The third test; with `by_code`, the number of the conjunction.
  short_literal test2 = 0;
  /// The fourth; `by_code`: these tests are not all, ask the filter's code.
  short_literal test3 = 0;

  [[nodiscard]] bool needs_code() const noexcept { return test3 == by_code; }
  [[nodiscard]] unsigned number() const noexcept { return needs_code() ? test2 : 0; }
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

  [[nodiscard]] block_reference create(std::uint32_t node, leaf_number via) {
    const auto where = store_.allocate(units(1));
    *reinterpret_cast<header*>(store_.at(where)) = {node, via, 0, 1};
    return where;
  }
  /// Returns where the block is now.
  [[nodiscard]] block_reference push(block_reference where, const entry& added);
  /// Returns where the block is now, or `none` if that was the last entry.
  [[nodiscard]] block_reference erase(block_reference where, std::size_t i);
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
