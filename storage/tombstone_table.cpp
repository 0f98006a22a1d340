#include "storage/tombstone_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

namespace velo::storage {

result<void> tombstone_table::remember(write_transaction& txn, std::string_view collection_id,
                                       std::string_view record_id) const {
  const auto key = record_key(collection_id, record_id);
  if (!key) return fail(key.error());
  const auto value = to_cbor(true);
  if (!value) return fail(value.error());
  return txn.put(tombstones_, *key, *value);
}

result<bool> tombstone_table::contains(const transaction& txn, std::string_view collection_id,
                                       std::string_view record_id) const {
  const auto key = record_key(collection_id, record_id);
  if (!key) return false;
  const auto value = txn.get(tombstones_, *key);
  if (!value) return fail(value.error());
  return value->has_value();
}

result<bool> tombstone_table::forget(write_transaction& txn, std::string_view collection_id,
                                     std::string_view record_id) const {
  const auto key = record_key(collection_id, record_id);
  if (!key) return false;
  return txn.erase(tombstones_, *key);
}

result<std::size_t> tombstone_table::erase_all(write_transaction& txn,
                                               std::string_view collection_id,
                                               std::size_t limit) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return std::size_t{0};
  return erase_prefix(txn, tombstones_, *prefix, limit);
}

}  // namespace velo::storage
