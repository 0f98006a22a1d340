// The stored subscriptions by uuid, and the index by when they were last seen.
//
// Both tables always agree: for each connection there is exactly one index
// entry, at its last_seen_ms.

#pragma once

#include "storage/connection.hpp"
#include "storage/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
/// Reads of anything that is no uuid find nothing; writes are errc::invalid_key.
class connection_table {
 public:
  static constexpr const char* name = "connections";
  static constexpr const char* by_seen_name = "connections_by_seen";

  connection_table() = default;
  connection_table(table by_uuid, table by_seen) : by_uuid_(by_uuid), by_seen_(by_seen) {}

  result<std::optional<connection>> get(const transaction& txn, std::string_view uuid) const;

  /// Writes or replaces by uuid.
  result<void> put(write_transaction& txn, const connection& c) const;

  /// Returns whether there was such a connection.
  result<bool> touch(write_transaction& txn, std::string_view uuid,
                     std::int64_t last_seen_ms) const;
  result<bool> erase(write_transaction& txn, std::string_view uuid) const;

  /// Up to `limit` connections last seen before `cutoff_ms`, the longest unseen
  /// first, until the callback returns false. The callback must not write to
  /// the same transaction.
  result<void> for_each_seen_before(
      const transaction& txn, std::int64_t cutoff_ms, std::size_t limit,
      const std::function<bool(std::string_view uuid, std::int64_t last_seen_ms)>& callback) const;

  /// Up to `limit` connections after a uuid (from the first, if empty), in
  /// order of uuids. errc::invalid_key if `after_uuid` is no uuid.
  result<std::vector<connection>> list(const transaction& txn, std::string_view after_uuid,
                                       std::size_t limit) const;

  /// Whose the connections are, one call each, guests' among them. What cannot be
  /// read is left out: one that is damaged must not hide the others.
  result<void> for_each_owner(const transaction& txn,
                              const std::function<void(const connection_owner&)>& callback) const;

  /// Erases up to `limit` connections of a collection, looking at all; returns
  /// how many. `erased`, where there is one, is told of each.
  result<std::size_t> erase_of_collection(
      write_transaction& txn, std::string_view collection_id,
      std::size_t limit = static_cast<std::size_t>(-1),
      const std::function<void(const connection&)>& erased = nullptr) const;

  result<std::uint64_t> count(const transaction& txn) const { return txn.count(by_uuid_); }

  /// Whether both tables agree, by looking at every entry. For tests.
  result<bool> consistent(const transaction& txn) const;

 private:
  table by_uuid_;
  table by_seen_;
};

}  // namespace velo::storage
