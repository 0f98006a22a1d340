#include "storage/shown_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <utility>

namespace velo::storage {

using nlohmann::json;

namespace {

result<bool> any_with_prefix(const transaction& txn, table shown, std::string_view prefix) {
  bool any = false;
  auto scanned = scan_prefix(txn, shown, prefix, {},
                             [&any](std::string_view, std::string_view) -> result<bool> {
                               any = true;
                               return false;
                             });
  if (!scanned) return fail(scanned.error());
  return any;
}

}  // namespace

result<bool> shown_table::any(const transaction& txn) const {
  return any_with_prefix(txn, shown_, {});
}

result<bool> shown_table::any(const transaction& txn, std::string_view collection_id) const {
  const auto prefix = collection_prefix(collection_id);
  return prefix ? any_with_prefix(txn, shown_, *prefix) : result<bool>(false);
}

result<std::optional<shown_record>> shown_table::get(const transaction& txn,
                                                     std::string_view collection_id,
                                                     std::string_view record_id) const {
  using found = std::optional<shown_record>;
  const auto key = record_key(collection_id, record_id);
  if (!key) return result<found>(boost::system::in_place_value);
  const auto bytes = txn.get(shown_, *key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return result<found>(boost::system::in_place_value);
  auto value = from_cbor(**bytes);
  if (!value) return fail(value.error());
  shown_record shown;
  shown.suppressed = !value->is_object();
  if (!shown.suppressed) shown.record = std::move(*value);
  return result<found>(boost::system::in_place_value, std::move(shown));
}

result<void> shown_table::put(write_transaction& txn, std::string_view collection_id,
                              std::string_view record_id, const shown_record& shown) const {
  const auto key = record_key(collection_id, record_id);
  if (!key) return fail(key.error());
  const auto bytes = to_cbor(shown.suppressed ? json() : shown.record);
  if (!bytes) return fail(bytes.error());
  return txn.put(shown_, *key, *bytes);
}

result<bool> shown_table::erase(write_transaction& txn, std::string_view collection_id,
                                std::string_view record_id) const {
  const auto key = record_key(collection_id, record_id);
  if (!key) return false;
  return txn.erase(shown_, *key);
}

result<std::size_t> shown_table::erase_all(write_transaction& txn,
                                           std::string_view collection_id) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return std::size_t{0};
  return erase_prefix(txn, shown_, *prefix, static_cast<std::size_t>(-1));
}

}  // namespace velo::storage
