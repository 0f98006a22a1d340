#include "storage/change.hpp"

#include "storage/cbor.hpp"

#include <utility>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t array_head_bytes = 1;
constexpr std::size_t change_items = 10;
constexpr std::size_t viewed_change_items = change_items + 3;

result<void> append_record(std::string& out, const std::shared_ptr<const json>& record) {
  static const json none;
  return append_cbor(out, record ? *record : none);
}

/// Null is no record.
std::shared_ptr<const json> take_record(json& item) {
  if (item.is_null()) return nullptr;
  return std::make_shared<const json>(std::move(item));
}

}  // namespace

// The time comes first, at a fixed place: trimming by age reads nothing else.
result<std::string> encode(const change& c) {
  std::string out;
  append_array_head(out, c.view ? viewed_change_items : change_items);
  append_fixed_int(out, c.committed_ms);
  for (const auto& scalar :
       {json(c.sequence), json(c.collection_id), json(static_cast<unsigned>(c.action)),
        json(c.record_id), json(c.origin_socket_id), json(c.origin_identity),
        json(c.origin_privileged)})
    if (auto done = append_cbor(out, scalar); !done) return fail(done.error());
  if (auto done = append_record(out, c.record); !done) return fail(done.error());
  if (auto done = append_record(out, c.old_record); !done) return fail(done.error());
  if (!c.view) return out;
  if (auto done = append_cbor(out, json(c.view->suppressed)); !done) return fail(done.error());
  if (auto done = append_record(out, c.view->record); !done) return fail(done.error());
  if (auto done = append_record(out, c.view->old_record); !done) return fail(done.error());
  return out;
}

result<change> decode_change(std::string_view bytes) {
  auto value = from_cbor(bytes);
  if (!value) return fail(value.error());
  if (!value->is_array() || (value->size() != change_items && value->size() != viewed_change_items))
    return errc::corrupt;
  json& items = *value;
  bool ok = true;
  change c;
  c.committed_ms = take_int(items[0], ok);
  c.sequence = take_unsigned(items[1], ok);
  c.collection_id = take_string(items[2], ok);
  const auto action = take_unsigned(items[3], ok);
  c.record_id = take_string(items[4], ok);
  c.origin_socket_id = take_string(items[5], ok);
  c.origin_identity = take_string(items[6], ok);
  c.origin_privileged = take_bool(items[7], ok);
  c.record = take_record(items[8]);
  c.old_record = take_record(items[9]);
  if (items.size() == viewed_change_items) {
    auto view = std::make_shared<broadcast_view>();
    view->suppressed = take_bool(items[10], ok);
    view->record = take_record(items[11]);
    view->old_record = take_record(items[12]);
    c.view = std::move(view);
  }
  if (!ok || action > static_cast<unsigned>(rules::action::deleted)) return errc::corrupt;
  c.action = static_cast<rules::action>(action);
  return c;
}

result<std::int64_t> decode_committed_ms(std::string_view bytes) {
  return read_fixed_int(bytes, array_head_bytes);
}

}  // namespace velo::storage
