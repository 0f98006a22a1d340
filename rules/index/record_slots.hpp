// A record read once, into the fields that somebody asks about.
//
// Every path that occurs in a predicate has a slot, a small number, as long as
// it occurs. A change fills the slots and the JSON is not looked at again.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/action.hpp"
#include "rules/index/hash.hpp"
#include "rules/index/linear_table.hpp"
#include "rules/operand.hpp"
#include "rules/value.hpp"

namespace velo::rules::index {

using slot_number = std::uint32_t;

/// The values of one state of a record, by slot. They point into the record.
struct record_values {
  std::vector<value_view> at;
  const nlohmann::json* record = nullptr;
  action act = action::created;
  std::string_view now;
};

class record_slots {
 public:
  explicit record_slots(const hash_key& key) : key_(key) {}

  /// Returns the slot of `where`, new if need be, and counts one use more.
  slot_number acquire(const path& where);
  /// One use less; a slot that nobody uses is free for another path.
  void release(slot_number slot);
  void retain(slot_number slot) { ++slots_[slot].uses; }

  /// One more than the highest slot ever used.
  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool used(slot_number slot) const noexcept { return slots_[slot].uses > 0; }

  void read(const nlohmann::json& record, action act, std::string_view now,
            record_values& into) const;

  /// Whether every used slot has the same value in both.
  [[nodiscard]] bool same(const record_values& left, const record_values& right) const noexcept;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct entry {
    path where;
    std::uint64_t hash = 0;
    std::uint32_t uses = 0;
  };

  struct hash_of {
    const record_slots& owner;
    std::uint64_t operator()(std::uint32_t slot) const { return owner.slots_[slot].hash; }
    void prefetch(std::uint32_t) const {}
  };

  [[nodiscard]] std::uint64_t hash(const path& where) const noexcept;

  const hash_key& key_;
  std::vector<entry> slots_;
  std::vector<slot_number> free_;
  linear_table by_path_;
};

}  // namespace velo::rules::index
