// The whole database: one environment and every table in it.

#pragma once

#include "storage/change_log.hpp"
#include "storage/collection_table.hpp"
#include "storage/connection_table.hpp"
#include "storage/environment.hpp"
#include "storage/idempotency_table.hpp"
#include "storage/meta_table.hpp"
#include "storage/record_table.hpp"
#include "storage/tombstone_table.hpp"
#include "storage/webhook_table.hpp"

#include <filesystem>
#include <memory>
#include <string_view>

namespace velo::storage {

/// Safe for use from any thread; writing is for one at a time (the store).
class database {
 public:
  /// Opens or creates. Besides what environment::open returns:
  /// errc::foreign_schema or errc::newer_schema for a database that is not
  /// ours to write; the directory is then as it was.
  static result<std::unique_ptr<database>> open(const std::filesystem::path& directory,
                                                const environment_options& options = {});

  environment& env() { return *env_; }
  const environment& env() const { return *env_; }

  result<read_transaction> begin_read() const { return env_->begin_read(); }
  result<write_transaction> begin_write() { return env_->begin_write(); }

  /// Writes a collection and makes its log, with its epoch, if it has none.
  result<void> put_collection(write_transaction& txn, const collection& c) const;

  /// Erases a collection with its records, log, connections and tombstones.
  /// Returns whether there was one.
  result<bool> drop_collection(write_transaction& txn, std::string_view id) const;

  // Handles only, set once by open.
  collection_table collections;
  record_table records;
  change_log changes;
  connection_table connections;
  idempotency_table idempotency;
  tombstone_table tombstones;
  meta_table meta;
  webhook_table webhooks;

 private:
  explicit database(std::unique_ptr<environment> env) : env_(std::move(env)) {}
  result<void> open_tables();

  std::unique_ptr<environment> env_;
};

}  // namespace velo::storage
