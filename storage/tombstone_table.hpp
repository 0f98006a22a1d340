// Ids of deleted auth records: their tokens stay refused although their
// signature is good.

#pragma once

#include "storage/transaction.hpp"

#include <cstddef>
#include <string_view>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
class tombstone_table {
 public:
  static constexpr const char* name = "tombstones";

  tombstone_table() = default;
  explicit tombstone_table(table tombstones) : tombstones_(tombstones) {}

  result<void> remember(write_transaction& txn, std::string_view collection_id,
                        std::string_view record_id) const;

  /// False for an id that could not be stored.
  result<bool> contains(const transaction& txn, std::string_view collection_id,
                        std::string_view record_id) const;

  /// Returns whether it was there.
  result<bool> forget(write_transaction& txn, std::string_view collection_id,
                      std::string_view record_id) const;

  /// Forgets up to `limit` of a collection; returns how many.
  result<std::size_t> erase_all(write_transaction& txn, std::string_view collection_id,
                                std::size_t limit = static_cast<std::size_t>(-1)) const;

 private:
  table tombstones_;
};

}  // namespace velo::storage
