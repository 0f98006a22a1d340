#include "rules/index/record_slots.hpp"

#include <algorithm>
#include <bit>

namespace velo::rules::index {

namespace {

bool same_bits(double left, double right) noexcept {
  return std::bit_cast<std::uint64_t>(left) == std::bit_cast<std::uint64_t>(right);
}

/// Whether nothing can tell the two apart: LIKE tells 1 from 1.0, and 0.0 from -0.0.
bool same_json(const nlohmann::json& left, const nlohmann::json& right) noexcept {
  if (&left == &right) return true;
  if (left.type() != right.type()) return false;
  if (const auto* real = left.get_ptr<const double*>()) {
    return same_bits(*real, *right.get_ptr<const double*>());
  }
  if (left.is_array()) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), same_json);
  }
  if (left.is_object()) {
    const auto& a = *left.get_ptr<const nlohmann::json::object_t*>();
    const auto& b = *right.get_ptr<const nlohmann::json::object_t*>();
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
      return x.first == y.first && same_json(x.second, y.second);
    });
  }
  return left == right;
}

bool same_value(const value_view& left, const value_view& right) noexcept {
  using type = value_view::type;
  if (left.kind != right.kind) return false;
  switch (left.kind) {
    case type::null:
      return true;
    case type::boolean:
      return left.truth == right.truth;
    case type::number:
      return left.number.integral == right.number.integral &&
             left.number.integer == right.number.integer &&
             same_bits(left.number.real, right.number.real);
    case type::text:
      return left.text == right.text;
    default:
      return same_json(*left.json, *right.json);
  }
}

}  // namespace

std::uint64_t record_slots::hash(const path& where) const noexcept {
  auto state = static_cast<std::uint64_t>(where.from);
  for (const auto& step : where.steps) {
    state = combine(state, hash_bytes(step.name, 1, key_), key_);
  }
  return combine(state, where.steps.size(), key_);
}

slot_number record_slots::acquire(const path& where) {
  const auto by = hash(where);
  const auto found =
      by_path_.find(by, [&](std::uint32_t slot) { return slots_[slot].where == where; });
  if (found != linear_table::none) {
    ++slots_[found].uses;
    return found;
  }
  slot_number slot = 0;
  if (free_.empty()) {
    slot = static_cast<slot_number>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot] = {where, by, 1};
  by_path_.insert(by, slot, hash_of{*this});
  return slot;
}

void record_slots::release(slot_number slot) {
  auto& gone = slots_[slot];
  if (--gone.uses > 0) return;
  by_path_.erase(gone.hash, slot);
  gone.where = path();
  free_.push_back(slot);
}

void record_slots::read(const nlohmann::json& record, action act, std::string_view now,
                        record_values& into) const {
  into.at.resize(slots_.size());
  into.record = &record;
  into.act = act;
  into.now = now;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto& slot = slots_[i];
    if (slot.uses == 0) continue;
    auto& value = into.at[i];
    switch (slot.where.from) {
      case root::record: {
        const auto* found = lookup(record, slot.where.steps);
        value = found != nullptr ? value_view(*found) : value_view();
        break;
      }
      case root::action:
        value = value_view(to_string(act));
        break;
      case root::now:
        value = value_view(now);
        break;
      default:
        value = value_view();  // Bound predicates have no such paths.
    }
  }
}

bool record_slots::same(const record_values& left, const record_values& right) const noexcept {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].uses > 0 && !same_value(left.at[i], right.at[i])) return false;
  }
  return true;
}

std::size_t record_slots::memory_bytes() const noexcept {
  auto bytes = slots_.capacity() * sizeof(entry) + free_.capacity() * sizeof(slot_number) +
               by_path_.memory_bytes();
  for (const auto& slot : slots_) bytes += slot.where.steps.capacity() * sizeof(step);
  return bytes;
}

}  // namespace velo::rules::index
