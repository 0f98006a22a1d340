// Facts about the database itself, by name: whose it is, its schema version,
// the id of this node.

#pragma once

#include "storage/transaction.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::storage {

/// The layout of all tables as this program writes them. Any change of a key or
/// of an encoding raises it.
inline constexpr std::uint64_t schema_version = 3;

/// A plain value; safe for use from any thread, as its transactions allow.
class meta_table {
 public:
  static constexpr const char* name = "meta";

  meta_table() = default;
  explicit meta_table(table meta) : meta_(meta) {}

  result<std::optional<nlohmann::json>> get(const transaction& txn, std::string_view key) const;
  result<void> put(write_transaction& txn, std::string_view key, const nlohmann::json& value) const;
  result<bool> erase(write_transaction& txn, std::string_view key) const;

  /// Random, made with the database: 16 hexadecimal digits.
  result<std::string> node_id(const transaction& txn) const;

  /// Marks a new database as ours, with this schema version and a node id.
  result<void> initialise(write_transaction& txn) const;

  /// errc::foreign_schema or errc::newer_schema unless initialise wrote this
  /// database in a version that we read.
  result<void> check(const transaction& txn) const;

  /// Raises an older version, once check() was satisfied. Older versions are
  /// refused by the programs that wrote them.
  result<void> migrate(write_transaction& txn) const;

 private:
  table meta_;
};

}  // namespace velo::storage
