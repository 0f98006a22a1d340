#include "net/endpoints/change_reader.hpp"

#include "net/channel_name.hpp"
#include "net/http_body.hpp"
#include "rules/action.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

using actors::invalid;
using actors::outcome;
using nlohmann::json;

outcome<asked_change> read_change(json&& value, const std::string& header_socket) {
  if (!value.is_object()) return invalid("change", "A change is a JSON object.");
  asked_change c;
  c.operation.kind = actors::write_kind::ingest;
  c.operation.socket_id = header_socket;
  const auto text = [&](const char* name) -> const std::string* {
    const auto at = value.find(name);
    return at == value.end() ? nullptr : at->get_ptr<const std::string*>();
  };
  const auto* collection = text("collection");
  if (collection == nullptr) return invalid("collection", "collection is the name or id of one.");
  c.collection = *collection;
  const auto* action = text("action");
  const auto known = action == nullptr ? std::nullopt : rules::parse_action(*action);
  if (!known) return invalid("action", "action is created, updated or deleted.");
  c.operation.action = *known;
  const auto record = value.find("record");
  if (record == value.end() || !record->is_object())
    return invalid("record", "record is the whole record, an object with an id.");
  const auto id = record->find("id");
  if (id == record->end() || !id->is_string())
    return invalid("record.id", "A record has an id, a text.");
  c.operation.record_id = *id;
  if (const auto old = value.find("old_record"); old != value.end() && !old->is_null()) {
    if (!old->is_object()) return invalid("old_record", "old_record is an object.");
    c.operation.old_record = std::make_shared<const json>(std::move(*old));
  }
  if (const auto socket = value.find("socket_id"); socket != value.end() && !socket->is_null()) {
    if (!socket->is_string() || !is_socket_id(socket->get_ref<const std::string&>()))
      return invalid("socket_id", "socket_id is digits.digits, as the handshake gave.");
    c.operation.socket_id = *socket;
  }
  c.operation.fields = std::move(*record);
  return c;
}

std::vector<outcome<asked_change>> read_lines(std::string_view body, const std::string& socket_id) {
  std::vector<outcome<asked_change>> changes;
  while (!body.empty()) {
    const auto end = body.find('\n');
    const auto line = body.substr(0, end);
    body = end == std::string_view::npos ? std::string_view{} : body.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    auto value = json_text(line);
    changes.push_back(value ? read_change(std::move(*value), socket_id)
                            : invalid("change", "This line is no JSON object."));
  }
  return changes;
}

}  // namespace

boost::system::result<asked_changes, response> read_changes(const request& from,
                                                            const std::string& socket_id) {
  asked_changes asked;
  if (from.content_type == "application/x-ndjson") {
    asked.changes = read_lines(from.body, socket_id);
    return asked;
  }
  auto body = json_body(from, json_shape::any);
  if (!body) return body.error();
  asked.single = !body->is_array();
  if (asked.single) {
    asked.changes.push_back(read_change(std::move(*body), socket_id));
  } else {
    for (auto& value : *body) asked.changes.push_back(read_change(std::move(value), socket_id));
  }
  return asked;
}

}  // namespace velo::net
