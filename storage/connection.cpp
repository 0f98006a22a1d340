#include "storage/connection.hpp"

#include "storage/cbor.hpp"

#include <array>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t array_head_bytes = 1;
constexpr std::size_t connection_items = 18;
constexpr std::size_t connection_items_of_schema_2 = 15;
constexpr std::size_t connection_items_of_schema_1 = 12;

}  // namespace

// last_seen_ms comes first, at a fixed place, for replace_last_seen_ms.
result<std::string> encode(const connection& c) {
  std::string out;
  append_array_head(out, connection_items);
  append_fixed_int(out, c.last_seen_ms);
  for (const auto& item : {json(c.created_ms), json(c.collection_id), json(c.app_id),
                           json(c.auth_collection_id), json(c.auth_record_id), json(c.superuser),
                           json(c.socket_id), json(c.filter), json(c.is_public)})
    if (auto done = append_cbor(out, item); !done) return fail(done.error());
  if (auto done = append_cbor(out, c.claims); !done) return fail(done.error());
  if (auto done = append_cbor(out, c.options); !done) return fail(done.error());
  for (const auto& item : {json(c.number), json(c.sequence), json(c.epoch), json(c.token.id),
                           json(c.token.issued_s), json(c.token.expires_ms)})
    if (auto done = append_cbor(out, item); !done) return fail(done.error());
  return out;
}

result<connection> decode_connection(std::string_view uuid, std::string_view bytes) {
  auto value = array_from_cbor(bytes, connection_items);
  if (!value) value = array_from_cbor(bytes, connection_items_of_schema_2);
  if (!value) value = array_from_cbor(bytes, connection_items_of_schema_1);
  if (!value) return fail(value.error());
  json& items = *value;
  bool ok = true;
  connection c;
  c.uuid = uuid;
  c.last_seen_ms = take_int(items[0], ok);
  c.created_ms = take_int(items[1], ok);
  c.collection_id = take_string(items[2], ok);
  c.app_id = take_string(items[3], ok);
  c.auth_collection_id = take_string(items[4], ok);
  c.auth_record_id = take_string(items[5], ok);
  c.superuser = take_bool(items[6], ok);
  c.socket_id = take_string(items[7], ok);
  c.filter = take_string(items[8], ok);
  c.is_public = take_bool(items[9], ok);
  c.claims = std::move(items[10]);
  c.options = std::move(items[11]);
  if (items.size() >= connection_items_of_schema_2) {
    c.number = take_unsigned(items[12], ok);
    c.sequence = take_unsigned(items[13], ok);
    c.epoch = take_string(items[14], ok);
  }
  if (items.size() == connection_items) {
    c.token.id = take_string(items[15], ok);
    c.token.issued_s = take_int(items[16], ok);
    c.token.expires_ms = take_int(items[17], ok);
  }
  if (!ok) return errc::corrupt;
  return c;
}

// They stand behind last_seen_ms, created_ms, collection_id and app_id, in every layout.
result<connection_owner> decode_owner(std::string_view bytes) {
  std::size_t at = array_head_bytes;
  for (int i = 0; i < 2; ++i)
    if (auto done = skip_int(bytes, at); !done) return fail(done.error());
  std::array<std::string_view, 4> texts;
  for (auto& text : texts) {
    const auto read = read_text(bytes, at);
    if (!read) return fail(read.error());
    text = *read;
  }
  return connection_owner{texts[2], texts[3]};
}

result<std::int64_t> decode_last_seen_ms(std::string_view bytes) {
  return read_fixed_int(bytes, array_head_bytes);
}

result<void> replace_last_seen_ms(std::string& bytes, std::int64_t last_seen_ms) {
  if (auto there = decode_last_seen_ms(bytes); !there) return fail(there.error());
  std::string number;
  append_fixed_int(number, last_seen_ms);
  bytes.replace(array_head_bytes, number.size(), number);
  return {};
}

}  // namespace velo::storage
