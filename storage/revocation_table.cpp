#include "storage/revocation_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <algorithm>

namespace velo::storage {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t entry_items = 2;

std::string end_key(std::int64_t until_ms, std::string_view key) {
  std::string out;
  append_ordered(out, until_ms);
  return out.append(key);
}

}  // namespace

result<std::optional<revocation_table::entry>> revocation_table::get(const transaction& txn,
                                                                     std::string_view key) const {
  if (key.size() != key_bytes) return errc::invalid_key;
  const auto bytes = txn.get(entries_, key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return std::optional<entry>();
  const auto items = array_from_cbor(**bytes, entry_items);
  if (!items) return fail(items.error());
  bool ok = true;
  entry e;
  e.issued_until_s = take_int((*items)[0], ok);
  e.until_ms = take_int((*items)[1], ok);
  if (!ok) return errc::corrupt;
  return std::optional(e);
}

result<void> revocation_table::put(write_transaction& txn, std::string_view key, entry e) const {
  const auto before = get(txn, key);
  if (!before) return fail(before.error());
  if (*before) {
    e.issued_until_s = std::max(e.issued_until_s, (*before)->issued_until_s);
    e.until_ms = std::max(e.until_ms, (*before)->until_ms);
    if (auto done = txn.erase(by_end_, end_key((*before)->until_ms, key)); !done)
      return fail(done.error());
  }
  const auto bytes = to_cbor(nlohmann::json::array({e.issued_until_s, e.until_ms}));
  if (!bytes) return fail(bytes.error());
  if (auto done = txn.put(entries_, key, *bytes); !done) return done;
  return txn.put(by_end_, end_key(e.until_ms, key), {});
}

result<std::size_t> revocation_table::prune(write_transaction& txn, std::int64_t now_ms,
                                            std::size_t limit) const {
  return erase_prefix(txn, by_end_, {}, limit,
                      [&](std::string_view key, std::string_view) -> result<bool> {
                        if (key.size() != time_bytes + key_bytes) return errc::corrupt;
                        if (read_ordered(key.substr(0, time_bytes)) > now_ms) return false;
                        if (auto done = txn.erase(entries_, key.substr(time_bytes)); !done)
                          return done;
                        return true;
                      });
}

}  // namespace velo::storage
