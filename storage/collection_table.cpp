#include "storage/collection_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <utility>

namespace velo::storage {

namespace {

constexpr std::size_t name_bytes_max = 255;

bool is_storable_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max;
}

result<collection> decode(std::string_view bytes) {
  const auto value = from_cbor(bytes);
  if (!value) return fail(value.error());
  auto c = collection_from_json(*value);
  if (!c) return errc::corrupt;
  return c;
}

}  // namespace

result<std::optional<collection>> collection_table::get(const transaction& txn,
                                                        std::string_view id) const {
  if (!is_storable_id(id)) return std::optional<collection>();
  const auto bytes = txn.get(by_id_, id);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return std::optional<collection>();
  auto c = decode(**bytes);
  if (!c) return fail(c.error());
  return std::optional(std::move(*c));
}

result<std::optional<collection>> collection_table::find(const transaction& txn,
                                                         std::string_view name_or_id) const {
  if (!is_storable_name(name_or_id)) return std::optional<collection>();
  const auto id = txn.get(names_, name_or_id);
  if (!id) return fail(id.error());
  return get(txn, *id ? **id : name_or_id);
}

result<void> collection_table::put(write_transaction& txn, const collection& c) const {
  if (!is_storable_id(c.id) || !is_storable_name(c.name)) return errc::invalid_key;
  // A name that is another's id, or the reverse, would make "name or id" ambiguous.
  for (const auto& word : {c.name, c.id}) {
    const auto owner = find(txn, word);
    if (!owner) return fail(owner.error());
    if (*owner && (*owner)->id != c.id) return errc::name_taken;
  }

  const auto before = get(txn, c.id);
  if (!before) return fail(before.error());
  if (*before && (*before)->name != c.name)
    if (auto done = txn.erase(names_, (*before)->name); !done) return fail(done.error());
  const auto bytes = to_cbor(to_json_value(c));
  if (!bytes) return fail(bytes.error());
  if (auto done = txn.put(by_id_, c.id, *bytes); !done) return done;
  return txn.put(names_, c.name, c.id);
}

result<bool> collection_table::erase(write_transaction& txn, std::string_view id) const {
  const auto before = get(txn, id);
  if (!before) return fail(before.error());
  if (!*before) return false;
  if (auto done = txn.erase(names_, (*before)->name); !done) return done;
  return txn.erase(by_id_, id);
}

result<void> collection_table::for_each(const transaction& txn,
                                        const std::function<bool(collection&&)>& callback) const {
  return scan_prefix(txn, by_id_, {}, {},
                     [&](std::string_view, std::string_view bytes) -> result<bool> {
                       auto c = decode(bytes);
                       if (!c) return fail(c.error());
                       return callback(std::move(*c));
                     });
}

}  // namespace velo::storage
