#include "storage/record_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <utility>

namespace velo::storage {

using nlohmann::json;

result<std::optional<json>> record_table::get(const transaction& txn,
                                              std::string_view collection_id,
                                              std::string_view id) const {
  using found = std::optional<json>;
  const auto key = record_key(collection_id, id);
  if (!key) return result<found>(boost::system::in_place_value);
  const auto bytes = txn.get(records_, *key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return result<found>(boost::system::in_place_value);
  auto record = from_cbor(**bytes);
  if (!record) return fail(record.error());
  return result<found>(boost::system::in_place_value, std::move(*record));
}

result<void> record_table::put(write_transaction& txn, std::string_view collection_id,
                               std::string_view id, const json& record) const {
  const auto key = record_key(collection_id, id);
  if (!key) return fail(key.error());
  const auto bytes = to_cbor(record);
  if (!bytes) return fail(bytes.error());
  return txn.put(records_, *key, *bytes);
}

result<bool> record_table::erase(write_transaction& txn, std::string_view collection_id,
                                 std::string_view id) const {
  const auto key = record_key(collection_id, id);
  if (!key) return false;
  return txn.erase(records_, *key);
}

result<std::size_t> record_table::erase_all(write_transaction& txn, std::string_view collection_id,
                                            std::size_t limit) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return std::size_t{0};
  return erase_prefix(txn, records_, *prefix, limit);
}

result<void> record_table::for_each(
    const transaction& txn, std::string_view collection_id, std::string_view after_id,
    const std::function<bool(std::string_view id, json&&)>& callback) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return {};
  return scan_prefix(txn, records_, *prefix, after_id,
                     [&](std::string_view id, std::string_view bytes) -> result<bool> {
                       if (id == after_id) return true;
                       auto record = from_cbor(bytes);
                       if (!record) return fail(record.error());
                       return callback(id, std::move(*record));
                     });
}

}  // namespace velo::storage
