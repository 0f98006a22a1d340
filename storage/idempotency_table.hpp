// First answers of writing requests that carried an Idempotency-Key, by a hash
// of identity, route and key, and the index by age that trimming follows.

#pragma once

#include "storage/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
class idempotency_table {
 public:
  static constexpr const char* name = "idempotency";
  static constexpr const char* by_age_name = "idempotency_by_age";

  struct entry {
    std::string body_hash;  ///< Tells a repetition from another request with the same key.
    std::string answer;     ///< Any bytes.
    std::int64_t created_ms = 0;

    bool operator==(const entry&) const = default;
  };

  idempotency_table() = default;
  idempotency_table(table entries, table by_age) : entries_(entries), by_age_(by_age) {}

  /// `key` is a hash of 32 bytes; anything else is errc::invalid_key.
  result<std::optional<entry>> get(const transaction& txn, std::string_view key) const;
  result<void> put(write_transaction& txn, std::string_view key, const entry& e) const;

  /// Erases entries created before `older_than_ms`, the oldest first, at most
  /// `limit` a call; returns how many.
  result<std::size_t> trim(write_transaction& txn, std::int64_t older_than_ms,
                           std::size_t limit) const;

 private:
  table entries_;
  table by_age_;
};

}  // namespace velo::storage
