// A hash table of small numbers. The keys stand with whoever gives the numbers
// out, so a key is held once, and an entry costs 8 bytes and some air.
//
// It is made of many small tables that grow by themselves: the longest pause of
// an insert is the move of one of them, well under a millisecond for a million
// entries.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace velo::actors {

class id_table {
 public:
  static constexpr std::uint32_t none = 0xffffffffU;

  /// The number under `hash` for which `same(number)` holds, or none.
  template <class Same>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, Same&& same) const {
    if (parts_.empty()) return none;
    const auto& part = parts_[hash % parts];
    if (part.cells.empty()) return none;
    const auto tag = tag_of(hash);
    for (auto i = part.home(tag);; i = part.after(i)) {
      const auto& c = part.cells[i];
      if (c.id == none || (c.tag == tag && same(c.id))) return c.id;
    }
  }

  /// `id` must not be there yet.
  void insert(std::uint64_t hash, std::uint32_t id) {
    if (parts_.empty()) parts_.resize(parts);
    auto& part = parts_[hash % parts];
    if (part.used * 4 >= part.cells.size() * 3) part.grow();
    part.place({tag_of(hash), id});
    ++part.used;
    ++size_;
  }

  /// Forgets it; what is not there is no error.
  void erase(std::uint64_t hash, std::uint32_t id) {
    if (parts_.empty()) return;
    auto& part = parts_[hash % parts];
    if (part.cells.empty()) return;
    auto hole = part.home(tag_of(hash));
    while (part.cells[hole].id != id) {
      if (part.cells[hole].id == none) return;
      hole = part.after(hole);
    }
    // What was pushed past the hole moves back, so that no mark is left behind.
    for (auto i = part.after(hole); part.cells[i].id != none; i = part.after(i)) {
      const auto home = part.home(part.cells[i].tag);
      if (((i - home) & part.mask()) < ((i - hole) & part.mask())) continue;
      part.cells[hole] = part.cells[i];
      hole = i;
    }
    part.cells[hole].id = none;
    --part.used;
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = parts_.capacity() * sizeof(table);
    for (const auto& part : parts_) bytes += part.cells.capacity() * sizeof(cell);
    return bytes;
  }

 private:
  static constexpr std::size_t parts = 64;

  struct cell {
    std::uint32_t tag = 0;
    std::uint32_t id = none;
  };

  struct table {
    std::vector<cell> cells;  // a power of two of them, or none; never full
    std::size_t used = 0;

    [[nodiscard]] std::size_t mask() const { return cells.size() - 1; }
    [[nodiscard]] std::size_t home(std::uint32_t tag) const { return tag & mask(); }
    [[nodiscard]] std::size_t after(std::size_t i) const { return (i + 1) & mask(); }

    void place(cell c) {
      auto i = home(c.tag);
      while (cells[i].id != none) i = after(i);
      cells[i] = c;
    }
    void grow() {
      auto before = std::exchange(cells, std::vector<cell>(cells.empty() ? 8 : cells.size() * 2));
      for (const auto& c : before)
        if (c.id != none) place(c);
    }
  };

  static std::uint32_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 16U);
  }

  std::vector<table> parts_;
  std::size_t size_ = 0;
};

}  // namespace velo::actors
