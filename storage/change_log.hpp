// The change log: every change of a collection by its sequence, and the state
// of each log (its epoch and last sequence), which outlives the entries.
//
// The epoch names one log: it is random and made with the log, so that a
// client that comes back to a recreated or restored log is told so and never
// given a wrong continuation.

#pragma once

#include "storage/change.hpp"
#include "storage/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace velo::storage {

/// What is known of a log besides its entries.
struct log_state {
  std::string epoch;                ///< 16 hexadecimal digits.
  std::uint64_t last_sequence = 0;  ///< Ever given out; 0: none yet.
  std::uint64_t lost_through = 0;   ///< A replay after any lower sequence has a gap.
  std::uint64_t count = 0;          ///< Entries held now.
  std::uint64_t bytes = 0;          ///< Their keys and values.

  bool operator==(const log_state&) const = default;
};

/// What a log keeps; whatever is beyond one of the three goes, oldest first.
struct retention {
  std::uint64_t count_max = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max();
  std::int64_t older_than_ms = std::numeric_limits<std::int64_t>::min();  ///< Committed before it.
};

/// A plain value; safe for use from any thread, as its transactions allow.
class change_log {
 public:
  static constexpr const char* name = "changes";
  static constexpr const char* states_name = "change_logs";

  change_log() = default;
  change_log(table changes, table states) : changes_(changes), states_(states) {}

  /// Makes the log with a new epoch, unless it exists.
  result<void> create(write_transaction& txn, std::string_view collection_id) const;

  /// Nothing when the collection has no log yet.
  result<std::optional<log_state>> state(const transaction& txn,
                                         std::string_view collection_id) const;

  /// 0 when there is none yet.
  result<std::uint64_t> last_sequence(const transaction& txn, std::string_view collection_id) const;

  /// Empty when the collection has no log yet.
  result<std::string> epoch(const transaction& txn, std::string_view collection_id) const;

  /// Gives the log a new epoch: whoever comes back to it is told `reset`.
  result<void> renew_epoch(write_transaction& txn, std::string_view collection_id) const;

  /// Appends, creating the log if need be. errc::out_of_order unless the
  /// change's sequence is above the last.
  result<void> append(write_transaction& txn, const change& c) const;

  /// Gives out sequences up to `sequence` without keeping entries for them
  /// (history memory or none). errc::out_of_order as with append.
  result<void> advance(write_transaction& txn, std::string_view collection_id,
                       std::uint64_t sequence) const;

  /// Changes after a sequence, in order, until the callback returns false. The
  /// callback must not write to the same transaction.
  result<void> for_each(const transaction& txn, std::string_view collection_id,
                        std::uint64_t after_sequence,
                        const std::function<bool(change&&)>& callback) const;

  /// Erases from the oldest on what is beyond `keep`; at most `limit` a call,
  /// so that writers are never held up. Returns how many.
  result<std::size_t> trim(write_transaction& txn, std::string_view collection_id,
                           const retention& keep, std::size_t limit) const;

  /// Whether trim() would erase anything; looks at the state and the oldest entry alone.
  result<bool> exceeds(const transaction& txn, std::string_view collection_id,
                       const retention& keep) const;

  /// Erases up to `limit` entries; the state stays. Returns how many.
  result<std::size_t> erase_all(write_transaction& txn, std::string_view collection_id,
                                std::size_t limit = static_cast<std::size_t>(-1)) const;

  /// Erases all entries and the state: the log is gone.
  result<void> drop(write_transaction& txn, std::string_view collection_id) const;

 private:
  result<log_state> state_or_new(write_transaction& txn, std::string_view collection_id) const;
  result<void> put_state(write_transaction& txn, std::string_view collection_id,
                         const log_state& state) const;

  table changes_;
  table states_;
};

}  // namespace velo::storage
