// Tokens that are refused although their signature is good: of a user, all that
// were issued up to a moment, or one, by its id. And the index by when each
// entry is no longer needed, which pruning follows.

#pragma once

#include "storage/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
class revocation_table {
 public:
  static constexpr const char* name = "revocations";
  static constexpr const char* by_end_name = "revocations_by_end";

  struct entry {
    std::int64_t issued_until_s = 0;  ///< Refuses what was issued at or before, in Unix seconds.
    std::int64_t until_ms = 0;        ///< Needed until then: by then its tokens have expired.

    bool operator==(const entry&) const = default;
  };

  revocation_table() = default;
  revocation_table(table entries, table by_end) : entries_(entries), by_end_(by_end) {}

  /// `key` is a hash of 32 bytes; anything else is errc::invalid_key.
  result<std::optional<entry>> get(const transaction& txn, std::string_view key) const;

  /// Writes; of an entry that is there the later moments stay.
  result<void> put(write_transaction& txn, std::string_view key, entry e) const;

  /// Erases up to `limit` that are needed no longer at `now_ms`; returns how many.
  result<std::size_t> prune(write_transaction& txn, std::int64_t now_ms, std::size_t limit) const;

  result<std::uint64_t> count(const transaction& txn) const { return txn.count(entries_); }

 private:
  table entries_;
  table by_end_;
};

}  // namespace velo::storage
