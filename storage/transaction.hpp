// Transactions and cursors over one environment: keys and values are bytes.
//
// A transaction sees one state of the whole database. Views returned by get,
// key and value point into the memory map: they hold until the transaction
// ends or, inside a write transaction, until its next write. Nothing here
// knows what the bytes mean; the table classes do.

#pragma once

#include "storage/error.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

struct MDB_cursor;
struct MDB_txn;

namespace velo::storage {

class environment;
class transaction_gate;

/// A named table of an environment. A plain value; valid as long as the environment.
struct table {
  unsigned int handle = 0;
};

/// A position in one table. Must be destroyed before its transaction ends.
class cursor {
 public:
  cursor(cursor&& other) noexcept;
  cursor& operator=(cursor&&) = delete;
  ~cursor();

  /// Each moves and returns whether it stands on an entry: the first whose key
  /// is not below `key`, the table's last, the next, the previous.
  result<bool> seek(std::string_view key);
  result<bool> last();
  result<bool> next();
  result<bool> previous();

  /// The entry under the cursor; only after a move that returned true.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  friend class transaction;
  explicit cursor(MDB_cursor* handle) : handle_(handle) {}
  result<bool> move(int operation, std::string_view key);

  MDB_cursor* handle_;
  std::string_view key_;
  std::string_view value_;
};

/// What reading and writing transactions have in common: reading.
class transaction {
 public:
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;

  result<std::optional<std::string_view>> get(table where, std::string_view key) const;
  result<cursor> open_cursor(table where) const;

  /// The number of entries, without counting them.
  result<std::uint64_t> count(table where) const;

  /// Opens a table that exists, or errc::not_found. Only while a database is
  /// being opened: LMDB wants no other transaction meanwhile.
  result<table> open_table(const char* name) const;

  /// Whether the environment has no table at all: it was just created.
  result<bool> empty() const;

 protected:
  transaction(MDB_txn* handle, transaction_gate* gate) : handle_(handle), gate_(gate) {}
  transaction(transaction&& other) noexcept;
  transaction& operator=(transaction&& other) noexcept;
  ~transaction();

  void abort() noexcept;  ///< Idempotent.

  MDB_txn* handle_;         ///< Null once ended.
  transaction_gate* gate_;  ///< Entered; left when the transaction ends.
};

/// A consistent state to read from. Ends with its scope. May be opened on any
/// thread and should end there. Keep it short: pages freed meanwhile cannot be
/// used again, so the file grows.
class read_transaction : public transaction {
 public:
  read_transaction(read_transaction&&) noexcept = default;
  read_transaction& operator=(read_transaction&&) noexcept = default;
  ~read_transaction() = default;

 private:
  friend class environment;
  using transaction::transaction;
};

/// The one writer at a time; a second begin_write waits for it. Must begin and
/// end on one thread. Sees its own writes. Without commit nothing happened.
class write_transaction : public transaction {
 public:
  write_transaction(write_transaction&&) noexcept = default;
  write_transaction& operator=(write_transaction&&) noexcept = default;
  ~write_transaction() = default;

  /// Writes or replaces. After errc::map_full or any disk error the whole
  /// transaction is lost; commit then returns that error again.
  result<void> put(table where, std::string_view key, std::string_view value);

  /// Returns whether there was such an entry.
  result<bool> erase(table where, std::string_view key);

  /// Opens a table and creates it if need be. See open_table.
  result<table> create_table(const char* name);

  /// Makes everything written visible and, if the environment is durable,
  /// returns only when it is on disk. The transaction has ended either way.
  result<void> commit();

 private:
  friend class environment;
  write_transaction(MDB_txn* handle, transaction_gate* gate, const environment* owner)
      : transaction(handle, gate), owner_(owner) {}
  result<void> keep_failure(int code);

  const environment* owner_;
  boost::system::error_code failure_;
};

}  // namespace velo::storage
