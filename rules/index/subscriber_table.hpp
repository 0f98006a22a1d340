// Who belongs to which filter.
//
// A filter of one subscriber goes by that subscriber's number wherever it
// stands, so that a match is the answer itself. A filter of several is a group:
// the numbers of its subscribers in blocks, each knowing its place.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rules/index/chunked.hpp"
#include "rules/predicate_index.hpp"

namespace velo::rules::index {

/// What stands for a filter: a subscriber, or with the top bit a group.
using filter_handle = std::uint32_t;
inline constexpr filter_handle group_bit = 1U << 31U;

/// Where a filter is written down; its meaning is the caller's.
using filter_reference = std::uint32_t;

/// Numbers written without being initialised first.
class id_list {
 public:
  [[nodiscard]] const subscriber_id* data() const noexcept { return items_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void clear() noexcept { size_ = 0; }

  /// Room for `more` behind the last; size() grows by it.
  subscriber_id* extend(std::size_t more) {
    if (size_ + more > room_) grow(size_ + more);
    auto* const at = items_.get() + size_;
    size_ += more;
    return at;
  }
  void shrink(std::size_t size) noexcept { size_ = size; }
  void push(subscriber_id id) { *extend(1) = id; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return room_ * sizeof(subscriber_id); }

 private:
  void grow(std::size_t wanted);

  std::unique_ptr<subscriber_id[]> items_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;
};

class subscriber_table {
 public:
  static constexpr filter_reference nowhere = 0x7FFFFFFF;

  /// The filter of `id`: its handle, or `none`.
  static constexpr filter_handle none = 0xFFFFFFFF;
  [[nodiscard]] filter_handle handle_of(subscriber_id id) const noexcept;
  [[nodiscard]] filter_reference reference_of(filter_handle handle) const noexcept {
    return (handle & group_bit) != 0 ? groups_[handle & ~group_bit].where : where_[handle];
  }

  /// The filter of a handle that may be out of use; nothing if it is.
  [[nodiscard]] std::optional<filter_reference> filter_of(filter_handle handle) const noexcept {
    const auto number = handle & ~group_bit;
    if (number >= ((handle & group_bit) != 0 ? groups_end_ : end_)) return std::nullopt;
    const auto where = reference_of(handle);
    if (where == nowhere || (where & group_bit) != 0) return std::nullopt;
    return where;
  }
  /// The filter is written down elsewhere from now on.
  void set_reference(filter_handle handle, filter_reference where) noexcept {
    ((handle & group_bit) != 0 ? groups_[handle & ~group_bit].where : where_[handle]) = where;
  }

  void prefetch(filter_handle handle) const noexcept {
    if ((handle & group_bit) == 0) __builtin_prefetch(&where_[handle]);
  }

  /// A filter that nobody has yet, for `id`.
  void add_single(subscriber_id id, filter_reference where);
  /// An empty group for a filter.
  [[nodiscard]] filter_handle add_group(filter_reference where);
  void join(filter_handle group, subscriber_id id);
  /// Takes `id` out of its filter; returns whether that has nobody any more.
  /// A group that is empty stays until drop_group().
  bool leave(subscriber_id id);
  void drop_group(filter_handle group);

  [[nodiscard]] std::size_t count(filter_handle group) const noexcept {
    return groups_[group & ~group_bit].count;
  }
  void append(filter_handle group, id_list& into) const;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// One more than the highest number so far.
  [[nodiscard]] std::size_t end() const noexcept { return end_; }
  [[nodiscard]] std::size_t groups_end() const noexcept { return groups_end_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  static constexpr std::uint32_t absent = 0xFFFFFFFF;
  static constexpr std::uint32_t block = 1'024;

  struct group {
    filter_reference where = nowhere;
    std::uint32_t count = 0;
    std::uint32_t room = 0;  ///< Of the last block.
    std::vector<std::unique_ptr<subscriber_id[]>> blocks;
  };

  void reach(subscriber_id id);

  /// By subscriber: a reference, or a group with the top bit.
  chunked<std::uint32_t> where_;
  chunked<std::uint32_t> place_;  ///< In the group; only if there are groups.
  chunked<group, 6> groups_;
  std::uint32_t groups_end_ = 0;
  std::vector<std::uint32_t> free_groups_;
  std::size_t size_ = 0;
  std::size_t end_ = 0;
};

}  // namespace velo::rules::index
