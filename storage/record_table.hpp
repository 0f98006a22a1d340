// The current state of every record, by collection and id.

#pragma once

#include "storage/transaction.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
class record_table {
 public:
  static constexpr const char* name = "records";

  record_table() = default;
  explicit record_table(table records) : records_(records) {}

  /// Nothing for an id that could not be stored.
  result<std::optional<nlohmann::json>> get(const transaction& txn, std::string_view collection_id,
                                            std::string_view id) const;

  /// Writes or replaces. errc::invalid_key if an id is empty or longer than 64
  /// bytes, errc::invalid_value if the record is nested too deeply.
  result<void> put(write_transaction& txn, std::string_view collection_id, std::string_view id,
                   const nlohmann::json& record) const;

  /// Returns whether there was such a record.
  result<bool> erase(write_transaction& txn, std::string_view collection_id,
                     std::string_view id) const;

  /// Erases up to `limit` records of a collection; returns how many.
  result<std::size_t> erase_all(write_transaction& txn, std::string_view collection_id,
                                std::size_t limit = static_cast<std::size_t>(-1)) const;

  /// The records whose id is above `after_id` (all, if empty) in order of ids'
  /// bytes, until the callback returns false. The callback must not write to
  /// the same transaction; `id` holds during the call.
  result<void> for_each(
      const transaction& txn, std::string_view collection_id, std::string_view after_id,
      const std::function<bool(std::string_view id, nlohmann::json&&)>& callback) const;

 private:
  table records_;
};

}  // namespace velo::storage
