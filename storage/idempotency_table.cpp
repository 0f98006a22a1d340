#include "storage/idempotency_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <utility>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t key_bytes = 32;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t entry_items = 3;

std::string age_key(std::int64_t created_ms, std::string_view key) {
  std::string out;
  append_ordered(out, created_ms);
  return out.append(key);
}

/// An answer is any bytes, which CBOR text is not.
json to_binary(std::string_view bytes) {
  return json::binary({bytes.begin(), bytes.end()});
}

std::string take_binary(const json& item, bool& ok) {
  const auto* bytes = item.get_ptr<const json::binary_t*>();
  ok = ok && bytes != nullptr;
  return bytes != nullptr ? std::string(bytes->begin(), bytes->end()) : std::string();
}

}  // namespace

result<std::optional<idempotency_table::entry>> idempotency_table::get(const transaction& txn,
                                                                       std::string_view key) const {
  if (key.size() != key_bytes) return errc::invalid_key;
  const auto bytes = txn.get(entries_, key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return std::optional<entry>();
  const auto items = array_from_cbor(**bytes, entry_items);
  if (!items) return fail(items.error());
  bool ok = true;
  entry e;
  e.created_ms = take_int((*items)[0], ok);
  e.body_hash = take_binary((*items)[1], ok);
  e.answer = take_binary((*items)[2], ok);
  if (!ok) return errc::corrupt;
  return std::optional(std::move(e));
}

result<void> idempotency_table::put(write_transaction& txn, std::string_view key,
                                    const entry& e) const {
  const auto before = get(txn, key);
  if (!before) return fail(before.error());
  if (*before)
    if (auto done = txn.erase(by_age_, age_key((*before)->created_ms, key)); !done)
      return fail(done.error());
  const auto bytes =
      to_cbor(json::array({e.created_ms, to_binary(e.body_hash), to_binary(e.answer)}));
  if (!bytes) return fail(bytes.error());
  if (auto done = txn.put(entries_, key, *bytes); !done) return done;
  return txn.put(by_age_, age_key(e.created_ms, key), {});
}

result<std::size_t> idempotency_table::trim(write_transaction& txn, std::int64_t older_than_ms,
                                            std::size_t limit) const {
  return erase_prefix(txn, by_age_, {}, limit,
                      [&](std::string_view key, std::string_view) -> result<bool> {
                        if (key.size() != time_bytes + key_bytes) return errc::corrupt;
                        if (read_ordered(key.substr(0, time_bytes)) >= older_than_ms) return false;
                        if (auto done = txn.erase(entries_, key.substr(time_bytes)); !done)
                          return done;
                        return true;
                      });
}

}  // namespace velo::storage
