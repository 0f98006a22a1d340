#include "storage/connection_table.hpp"

#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <string>
#include <utility>

namespace velo::storage {

namespace {

constexpr std::size_t time_bytes = 8;

std::string seen_key(std::int64_t last_seen_ms, std::string_view packed_uuid) {
  std::string key;
  append_ordered(key, last_seen_ms);
  return key.append(packed_uuid);
}

/// The least key above `key`.
std::string just_after(std::string key) {
  key += '\0';
  return key;
}

}  // namespace

result<std::optional<connection>> connection_table::get(const transaction& txn,
                                                        std::string_view uuid) const {
  const auto key = pack_uuid(uuid);
  if (!key) return std::optional<connection>();
  const auto bytes = txn.get(by_uuid_, *key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return std::optional<connection>();
  auto c = decode_connection(unpack_uuid(*key), **bytes);
  if (!c) return fail(c.error());
  return std::optional(std::move(*c));
}

result<void> connection_table::put(write_transaction& txn, const connection& c) const {
  const auto key = pack_uuid(c.uuid);
  if (!key) return fail(key.error());
  const auto bytes = encode(c);
  if (!bytes) return fail(bytes.error());
  if (auto done = erase(txn, c.uuid); !done) return fail(done.error());
  if (auto done = txn.put(by_uuid_, *key, *bytes); !done) return done;
  return txn.put(by_seen_, seen_key(c.last_seen_ms, *key), {});
}

result<bool> connection_table::touch(write_transaction& txn, std::string_view uuid,
                                     std::int64_t last_seen_ms) const {
  const auto key = pack_uuid(uuid);
  if (!key) return false;
  const auto found = txn.get(by_uuid_, *key);
  if (!found) return fail(found.error());
  if (!*found) return false;
  std::string bytes(**found);
  const auto before = decode_last_seen_ms(bytes);
  if (!before) return fail(before.error());
  if (*before == last_seen_ms) return true;
  if (auto done = replace_last_seen_ms(bytes, last_seen_ms); !done) return fail(done.error());
  if (auto done = txn.put(by_uuid_, *key, bytes); !done) return fail(done.error());
  if (auto done = txn.erase(by_seen_, seen_key(*before, *key)); !done) return fail(done.error());
  if (auto done = txn.put(by_seen_, seen_key(last_seen_ms, *key), {}); !done)
    return fail(done.error());
  return true;
}

result<bool> connection_table::erase(write_transaction& txn, std::string_view uuid) const {
  const auto key = pack_uuid(uuid);
  if (!key) return false;
  const auto bytes = txn.get(by_uuid_, *key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return false;
  const auto seen = decode_last_seen_ms(**bytes);
  if (!seen) return fail(seen.error());
  if (auto done = txn.erase(by_seen_, seen_key(*seen, *key)); !done) return done;
  return txn.erase(by_uuid_, *key);
}

result<void> connection_table::for_each_seen_before(
    const transaction& txn, std::int64_t cutoff_ms, std::size_t limit,
    const std::function<bool(std::string_view uuid, std::int64_t last_seen_ms)>& callback) const {
  if (limit == 0) return {};
  std::size_t visited = 0;
  return scan_prefix(txn, by_seen_, {}, {},
                     [&](std::string_view key, std::string_view) -> result<bool> {
                       if (key.size() != time_bytes + uuid_bytes) return errc::corrupt;
                       const auto seen = read_ordered(key.substr(0, time_bytes));
                       if (seen >= cutoff_ms) return false;
                       const auto uuid = unpack_uuid(key.substr(time_bytes));
                       return callback(uuid, seen) && ++visited < limit;
                     });
}

result<std::vector<connection>> connection_table::list(const transaction& txn,
                                                       std::string_view after_uuid,
                                                       std::size_t limit) const {
  std::vector<connection> page;
  std::string from;
  if (!after_uuid.empty()) {
    auto key = pack_uuid(after_uuid);
    if (!key) return fail(key.error());
    from = just_after(std::move(*key));
  }
  if (limit == 0) return page;
  auto done = scan_prefix(txn, by_uuid_, {}, from,
                          [&](std::string_view key, std::string_view bytes) -> result<bool> {
                            if (key.size() != uuid_bytes) return errc::corrupt;
                            auto c = decode_connection(unpack_uuid(key), bytes);
                            if (!c) return fail(c.error());
                            page.push_back(std::move(*c));
                            return page.size() < limit;
                          });
  if (!done) return fail(done.error());
  return page;
}

result<void> connection_table::for_each_owner(
    const transaction& txn, const std::function<void(const connection_owner&)>& callback) const {
  return scan_prefix(txn, by_uuid_, {}, {},
                     [&](std::string_view, std::string_view bytes) -> result<bool> {
                       if (const auto owner = decode_owner(bytes)) callback(*owner);
                       return true;
                     });
}

result<std::size_t> connection_table::erase_of_collection(
    write_transaction& txn, std::string_view collection_id, std::size_t limit,
    const std::function<void(const connection&)>& erased) const {
  // First found, then erased: a cursor is not carried across a write.
  std::vector<std::string> doomed;
  auto done = scan_prefix(txn, by_uuid_, {}, {},
                          [&](std::string_view key, std::string_view bytes) -> result<bool> {
                            if (doomed.size() >= limit) return false;
                            if (key.size() != uuid_bytes) return errc::corrupt;
                            auto uuid = unpack_uuid(key);
                            const auto c = decode_connection(uuid, bytes);
                            if (!c) return fail(c.error());
                            if (c->collection_id != collection_id) return true;
                            if (erased) erased(*c);
                            doomed.push_back(std::move(uuid));
                            return true;
                          });
  if (!done) return fail(done.error());
  for (const auto& uuid : doomed)
    if (auto done_one = erase(txn, uuid); !done_one) return fail(done_one.error());
  return doomed.size();
}

result<bool> connection_table::consistent(const transaction& txn) const {
  const auto connections = txn.count(by_uuid_);
  if (!connections) return fail(connections.error());
  const auto index_entries = txn.count(by_seen_);
  if (!index_entries) return fail(index_entries.error());
  // As many of one as of the other, and one of the other for each of one.
  bool agree = *connections == *index_entries;
  auto done = scan_prefix(txn, by_uuid_, {}, {},
                          [&](std::string_view key, std::string_view bytes) -> result<bool> {
                            const auto seen = decode_last_seen_ms(bytes);
                            if (!seen) return fail(seen.error());
                            const auto indexed = txn.get(by_seen_, seen_key(*seen, key));
                            if (!indexed) return fail(indexed.error());
                            agree = agree && indexed->has_value();
                            return agree;
                          });
  if (!done) return fail(done.error());
  return agree;
}

}  // namespace velo::storage
