#include "storage/meta_table.hpp"

#include "storage/cbor.hpp"
#include "storage/random.hpp"

#include <utility>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::string_view application_key = "application";
constexpr std::string_view application = "velo realtime";
constexpr std::string_view schema_key = "schema";
constexpr std::string_view node_id_key = "node_id";

}  // namespace

result<std::optional<json>> meta_table::get(const transaction& txn, std::string_view key) const {
  using found = std::optional<json>;
  const auto bytes = txn.get(meta_, key);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return result<found>(boost::system::in_place_value);
  auto value = from_cbor(**bytes);
  if (!value) return fail(value.error());
  return result<found>(boost::system::in_place_value, std::move(*value));
}

result<void> meta_table::put(write_transaction& txn, std::string_view key,
                             const json& value) const {
  const auto bytes = to_cbor(value);
  if (!bytes) return fail(bytes.error());
  return txn.put(meta_, key, *bytes);
}

result<bool> meta_table::erase(write_transaction& txn, std::string_view key) const {
  return txn.erase(meta_, key);
}

result<std::string> meta_table::node_id(const transaction& txn) const {
  const auto value = get(txn, node_id_key);
  if (!value) return fail(value.error());
  if (!*value || !(*value)->is_string()) return errc::corrupt;
  return (*value)->get<std::string>();
}

result<void> meta_table::initialise(write_transaction& txn) const {
  if (auto done = put(txn, application_key, application); !done) return done;
  if (auto done = put(txn, schema_key, schema_version); !done) return done;
  return put(txn, node_id_key, random_hex_id());
}

result<void> meta_table::check(const transaction& txn) const {
  const auto whose = get(txn, application_key);
  if (!whose || !*whose || **whose != application) return errc::foreign_schema;
  const auto version = get(txn, schema_key);
  if (!version) return fail(version.error());
  if (!*version || !(*version)->is_number_unsigned()) return errc::corrupt;
  const auto number = (*version)->get<std::uint64_t>();
  if (number > schema_version) return errc::newer_schema;
  return number == 0 ? result<void>(errc::foreign_schema) : result<void>();
}

// From 1 to 2, and from 2 to 3: connections got three items more each time; those
// without are read as well. In 3 changes that a hook has changed have three items
// more; there are tables of revocations, and of records as they are shown.
result<void> meta_table::migrate(write_transaction& txn) const {
  const auto version = get(txn, schema_key);
  if (!version) return fail(version.error());
  return *version && **version == schema_version ? result<void>()
                                                 : put(txn, schema_key, schema_version);
}

}  // namespace velo::storage
