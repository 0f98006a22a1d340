// Records that subscribers are shown otherwise than they are stored: a broadcast
// hook changed, or suppressed, the last change of each. Those that are not here
// are shown as they are.

#pragma once

#include "storage/transaction.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace velo::storage {

/// How a record is shown.
struct shown_record {
  bool suppressed = false;  ///< Not at all.
  nlohmann::json record;    ///< In its place, where it is not suppressed.
};

/// A plain value; safe for use from any thread, as its transactions allow.
class shown_table {
 public:
  static constexpr const char* name = "shown_records";

  shown_table() = default;
  explicit shown_table(table shown) : shown_(shown) {}

  /// Whether it has an entry of any collection.
  result<bool> any(const transaction& txn) const;
  /// Whether it has an entry of this one.
  result<bool> any(const transaction& txn, std::string_view collection_id) const;

  /// Nothing where the record is shown as it is stored.
  result<std::optional<shown_record>> get(const transaction& txn, std::string_view collection_id,
                                          std::string_view record_id) const;

  /// Writes or replaces; errors as those of record_table::put.
  result<void> put(write_transaction& txn, std::string_view collection_id,
                   std::string_view record_id, const shown_record& shown) const;

  /// Returns whether it was there.
  result<bool> erase(write_transaction& txn, std::string_view collection_id,
                     std::string_view record_id) const;

  /// Erases those of a collection; returns how many.
  result<std::size_t> erase_all(write_transaction& txn, std::string_view collection_id) const;

 private:
  table shown_;
};

}  // namespace velo::storage
