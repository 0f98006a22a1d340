#include "rules/index/subscriber_table.hpp"

#include <algorithm>
#include <cstring>

namespace velo::rules::index {

void id_list::grow(std::size_t wanted) {
  const auto room = std::max(wanted, std::max<std::size_t>(1'024, room_ * 2));
  std::unique_ptr<subscriber_id[]> fresh(new subscriber_id[room]);
  std::copy_n(items_.get(), size_, fresh.get());
  items_ = std::move(fresh);
  room_ = room;
}

filter_handle subscriber_table::handle_of(subscriber_id id) const noexcept {
  if (id >= end_) return none;
  const auto where = where_[id];
  if (where == absent) return none;
  return (where & group_bit) != 0 ? where : id;
}

void subscriber_table::reach(subscriber_id id) {
  where_.reach(id, absent);
  end_ = std::max<std::size_t>(end_, std::size_t{id} + 1);
}

void subscriber_table::add_single(subscriber_id id, filter_reference where) {
  reach(id);
  where_[id] = where;
  ++size_;
}

filter_handle subscriber_table::add_group(filter_reference where) {
  std::uint32_t number = 0;
  if (free_groups_.empty()) {
    number = groups_end_++;
    groups_.reach_empty(number);
  } else {
    number = free_groups_.back();
    free_groups_.pop_back();
  }
  groups_[number].where = where;
  return number | group_bit;
}

void subscriber_table::join(filter_handle handle, subscriber_id id) {
  reach(id);
  place_.reach(id);
  auto& into = groups_[handle & ~group_bit];
  const auto at = into.count % block;
  if (at == 0 && into.count / block == into.blocks.size()) {
    into.blocks.emplace_back();
    into.room = 0;
  }
  auto& last = into.blocks[into.count / block];
  if (into.count / block + 1 == into.blocks.size() && at == into.room) {
    const auto room = std::min(block, into.room + std::max(4U, into.room / 4));
    std::unique_ptr<subscriber_id[]> fresh(new subscriber_id[room]);
    std::copy_n(last.get(), at, fresh.get());
    last = std::move(fresh);
    into.room = room;
  }
  last[at] = id;
  place_[id] = into.count++;
  where_[id] = handle;
  ++size_;
}

bool subscriber_table::leave(subscriber_id id) {
  --size_;
  const auto handle = where_[id];
  where_[id] = absent;
  if ((handle & group_bit) == 0) return true;
  auto& from = groups_[handle & ~group_bit];
  const auto at = place_[id];
  --from.count;
  const auto moved = from.blocks[from.count / block][from.count % block];
  from.blocks[at / block][at % block] = moved;
  if (moved != id) place_[moved] = at;
  // One block beyond the last is kept: who comes next may need it.
  const auto needed = from.count / block + 2;
  if (from.blocks.size() > needed) {
    from.blocks.resize(needed);
    from.room = block;
  }
  return from.count == 0;
}

void subscriber_table::drop_group(filter_handle handle) {
  const auto number = handle & ~group_bit;
  groups_[number] = group();
  free_groups_.push_back(number);
}

void subscriber_table::append(filter_handle handle, id_list& into) const {
  const auto& from = groups_[handle & ~group_bit];
  auto* out = into.extend(from.count);
  std::uint32_t left = from.count;
  for (const auto& one : from.blocks) {
    const auto count = std::min(left, block);
    if (count == 0) break;
    std::memcpy(out, one.get(), count * sizeof(subscriber_id));
    out += count;
    left -= count;
  }
}

std::size_t subscriber_table::memory_bytes() const noexcept {
  auto bytes = where_.memory_bytes() + place_.memory_bytes() + groups_.memory_bytes() +
               free_groups_.capacity() * sizeof(std::uint32_t);
  for (std::uint32_t number = 0; number < groups_end_; ++number) {
    const auto& one = groups_[number];
    if (one.blocks.empty()) continue;
    bytes += one.blocks.capacity() * sizeof(void*) +
             ((one.blocks.size() - 1) * block + one.room) * sizeof(subscriber_id);
  }
  return bytes;
}

}  // namespace velo::rules::index
