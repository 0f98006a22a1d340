// The whole database: one environment and every table in it.

#pragma once

#include "storage/boot_id.hpp"
#include "storage/change_log.hpp"
#include "storage/collection_table.hpp"
#include "storage/connection_table.hpp"
#include "storage/environment.hpp"
#include "storage/idempotency_table.hpp"
#include "storage/meta_table.hpp"
#include "storage/record_table.hpp"
#include "storage/revocation_table.hpp"
#include "storage/shown_table.hpp"
#include "storage/tombstone_table.hpp"
#include "storage/webhook_table.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace velo::storage {

struct database_options {
  std::size_t map_bytes = environment_options{}.map_bytes;
  /// True (sync = always): a commit waits for the disk, nothing committed is lost.
  /// False (sync = interval): it does not. When the process dies nothing is lost
  /// either; when the machine does, up to what was written since the last sync(),
  /// and perhaps the whole file, which is then refused as corrupt.
  bool durable = true;
  std::string boot = boot_id();
};

/// Safe for use from any thread; writing is for one at a time (the store).
class database {
 public:
  /// Opens or creates. Besides what environment::open returns:
  /// errc::foreign_schema or errc::newer_schema for a database that is not
  /// ours to write; the directory is then as it was.
  static result<std::unique_ptr<database>> open(const std::filesystem::path& directory,
                                                const database_options& options = {});
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  /// A clean end: what was committed is on disk.
  ~database();

  /// Whether open() found that the machine went down while commits did not wait
  /// for the disk: the logs have new epochs then, so whoever comes back is told.
  [[nodiscard]] bool renewed_epochs() const { return renewed_epochs_; }

  /// Names this run; the epoch of logs that are kept in memory.
  [[nodiscard]] const std::string& run_id() const { return run_id_; }

  /// Gives every log a new epoch.
  result<void> renew_epochs(write_transaction& txn) const;

  environment& env() { return *env_; }
  const environment& env() const { return *env_; }

  result<read_transaction> begin_read() const { return env_->begin_read(); }
  result<write_transaction> begin_write() { return env_->begin_write(); }

  /// Writes a collection and makes its log, with its epoch, if it has none.
  result<void> put_collection(write_transaction& txn, const collection& c) const;

  /// Erases a collection with its records, log, connections and tombstones.
  /// Returns whether there was one. `ended`, where there is one, is told of each
  /// connection.
  result<bool> drop_collection(write_transaction& txn, std::string_view id,
                               const std::function<void(const connection&)>& ended = nullptr) const;

  // Handles only, set once by open.
  collection_table collections;
  record_table records;
  change_log changes;
  connection_table connections;
  idempotency_table idempotency;
  tombstone_table tombstones;
  revocation_table revocations;
  meta_table meta;
  webhook_table webhooks;
  shown_table shown;

 private:
  database(std::unique_ptr<environment> env, bool durable);
  result<void> open_tables();
  result<void> note_start(const std::string& boot);

  std::unique_ptr<environment> env_;
  std::string run_id_;
  bool durable_;
  bool renewed_epochs_ = false;
};

}  // namespace velo::storage
