#include "storage/database.hpp"

#include "storage/random.hpp"

#include <utility>
#include <vector>

namespace velo::storage {

namespace {

// The boot in which commits that did not wait for the disk began; erased at a clean end.
constexpr std::string_view unsynced_key = "unsynced_since_boot";

/// Judges an existing database by its meta table. One without any table was
/// made by a start of ours that was cut off.
result<void> check_schema(const transaction& txn) {
  const auto unused = txn.empty();
  if (!unused) return fail(unused.error());
  if (*unused) return {};
  const auto meta = txn.open_table(meta_table::name);
  if (!meta) {
    // Without such a table it is no database of ours.
    return meta.error() == errc::not_found ? make_error_code(errc::foreign_schema) : meta.error();
  }
  return meta_table(*meta).check(txn);
}

}  // namespace

result<std::unique_ptr<database>> database::open(const std::filesystem::path& directory,
                                                 const database_options& options) {
  auto env = environment::open(
      directory, {.map_bytes = options.map_bytes, .durable = options.durable}, check_schema);
  if (!env) return fail(env.error());
  std::unique_ptr<database> opened(new database(std::move(*env), options.durable));
  if (auto done = opened->open_tables(); !done) return fail(done.error());
  if (auto done = opened->note_start(options.boot); !done) return fail(done.error());
  return opened;
}

database::database(std::unique_ptr<environment> env, bool durable)
    : env_(std::move(env)), run_id_(random_hex_id()), durable_(durable) {}

database::~database() {
  if (durable_) return;
  // First all of it on disk, then the word that it is.
  if (!env_->sync()) return;
  const auto clean = env_->write([this](write_transaction& txn) -> result<void> {
    const auto erased = meta.erase(txn, unsynced_key);
    return erased ? result<void>() : fail(erased.error());
  });
  if (clean) static_cast<void>(env_->sync());
}

result<void> database::note_start(const std::string& boot) {
  auto noted = env_->write([&](write_transaction& txn) -> result<void> {
    const auto before = meta.get(txn, unsynced_key);
    if (!before) return fail(before.error());
    renewed_epochs_ = *before && (boot.empty() || **before != boot);
    if (renewed_epochs_)
      if (auto done = renew_epochs(txn); !done) return done;
    if (!durable_) return meta.put(txn, unsynced_key, boot);
    if (!*before) return {};
    const auto erased = meta.erase(txn, unsynced_key);
    return erased ? result<void>() : fail(erased.error());
  });
  return noted && !durable_ ? env_->sync() : noted;
}

result<void> database::renew_epochs(write_transaction& txn) const {
  std::vector<std::string> ids;
  auto done = collections.for_each(txn, [&](collection&& c) {
    ids.push_back(std::move(c.id));
    return true;
  });
  for (auto id = ids.begin(); done && id != ids.end(); ++id) done = changes.renew_epoch(txn, *id);
  return done;
}

result<void> database::open_tables() {
  return env_->write([this](write_transaction& txn) -> result<void> {
    boost::system::error_code failed;
    const auto named = [&](const char* name) {
      const auto opened = txn.create_table(name);
      if (!opened && !failed) failed = opened.error();
      return opened ? *opened : table();
    };
    const auto fresh = txn.empty();
    if (!fresh) return fail(fresh.error());
    meta = meta_table(named(meta_table::name));
    collections =
        collection_table(named(collection_table::name), named(collection_table::names_name));
    records = record_table(named(record_table::name));
    changes = change_log(named(change_log::name), named(change_log::states_name));
    connections =
        connection_table(named(connection_table::name), named(connection_table::by_seen_name));
    idempotency =
        idempotency_table(named(idempotency_table::name), named(idempotency_table::by_age_name));
    revocations =
        revocation_table(named(revocation_table::name), named(revocation_table::by_end_name));
    tombstones = tombstone_table(named(tombstone_table::name));
    webhooks = webhook_table(named(webhook_table::name));
    shown = shown_table(named(shown_table::name));
    if (failed) return failed;
    return *fresh ? meta.initialise(txn) : meta.migrate(txn);
  });
}

result<void> database::put_collection(write_transaction& txn, const collection& c) const {
  if (auto done = collections.put(txn, c); !done) return done;
  return changes.create(txn, c.id);
}

result<bool> database::drop_collection(write_transaction& txn, std::string_view id,
                                       const std::function<void(const connection&)>& ended) const {
  if (auto done = records.erase_all(txn, id); !done) return fail(done.error());
  if (auto done = changes.drop(txn, id); !done) return fail(done.error());
  constexpr auto all = static_cast<std::size_t>(-1);
  if (auto done = connections.erase_of_collection(txn, id, all, ended); !done)
    return fail(done.error());
  if (auto done = tombstones.erase_all(txn, id); !done) return fail(done.error());
  if (auto done = shown.erase_all(txn, id); !done) return fail(done.error());
  return collections.erase(txn, id);
}

}  // namespace velo::storage
