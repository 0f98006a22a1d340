// The collections by id, and the index of their names.

#pragma once

#include "storage/collection.hpp"
#include "storage/transaction.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace velo::storage {

/// A plain value; safe for use from any thread, as its transactions allow.
class collection_table {
 public:
  static constexpr const char* name = "collections";
  static constexpr const char* names_name = "collection_names";

  collection_table() = default;
  collection_table(table by_id, table names) : by_id_(by_id), names_(names) {}

  result<std::optional<collection>> get(const transaction& txn, std::string_view id) const;
  result<std::optional<collection>> find(const transaction& txn, std::string_view name_or_id) const;

  /// Writes or replaces by id; a changed name is reindexed. errc::name_taken
  /// if the name is another collection's name or id, or the id another's name.
  result<void> put(write_transaction& txn, const collection& c) const;

  /// Erases the collection's own entry only; see database::drop_collection.
  result<bool> erase(write_transaction& txn, std::string_view id) const;

  /// In order of ids, until the callback returns false.
  result<void> for_each(const transaction& txn,
                        const std::function<bool(collection&&)>& callback) const;

 private:
  table by_id_;
  table names_;
};

}  // namespace velo::storage
