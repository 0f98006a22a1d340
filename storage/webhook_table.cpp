#include "storage/webhook_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <utility>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t number_bytes = 8;
constexpr std::size_t entry_items = 3;

result<std::string> key_of(std::string_view app_id, std::uint64_t number) {
  auto key = collection_prefix(app_id);
  if (key) append_big_endian(*key, number);
  return key;
}

}  // namespace

result<void> webhook_table::put(write_transaction& txn, std::string_view app_id,
                                const webhook_entry& e) const {
  const auto key = key_of(app_id, e.number);
  if (!key) return fail(key.error());
  const auto bytes = to_cbor(json::array({e.target, e.channel, e.event}));
  if (!bytes) return fail(bytes.error());
  return txn.put(entries_, *key, *bytes);
}

result<bool> webhook_table::erase(write_transaction& txn, std::string_view app_id,
                                  std::uint64_t number) const {
  const auto key = key_of(app_id, number);
  if (!key) return fail(key.error());
  return txn.erase(entries_, *key);
}

result<void> webhook_table::for_each(const transaction& txn, std::string_view app_id,
                                     const std::function<bool(webhook_entry&&)>& visit) const {
  const auto prefix = collection_prefix(app_id);
  if (!prefix) return fail(prefix.error());
  return scan_prefix(txn, entries_, *prefix, {},
                     [&](std::string_view number, std::string_view bytes) -> result<bool> {
                       if (number.size() != number_bytes) return errc::corrupt;
                       auto items = array_from_cbor(bytes, entry_items);
                       if (!items) return fail(items.error());
                       bool ok = true;
                       webhook_entry e;
                       e.number = read_big_endian(number);
                       e.target = take_string((*items)[0], ok);
                       e.channel = take_string((*items)[1], ok);
                       e.event = take_string((*items)[2], ok);
                       if (!ok) return errc::corrupt;
                       return visit(std::move(e));
                     });
}

}  // namespace velo::storage
