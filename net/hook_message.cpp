#include "net/hook_message.hpp"

#include "net/http_body.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

using actors::hook_call;
using actors::hook_event;
using actors::hook_failure;
using actors::hook_result;
using actors::hook_verdict;
using nlohmann::ordered_json;

ordered_json of(const std::shared_ptr<const nlohmann::json>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json() : ordered_json(text);
}

ordered_json identity_json(const actors::identity& who) {
  switch (who.kind) {
    case actors::identity_kind::guest:
      return {{"kind", "guest"}};
    case actors::identity_kind::superuser:
      return {{"kind", "superuser"}};
    case actors::identity_kind::ingest:
      return {{"kind", "ingest"}};
    case actors::identity_kind::user:
      break;
  }
  return {{"kind", "user"}, {"collection", who.collection_id}, {"id", who.record_id}};
}

bool is_json(std::string_view content_type) {
  const auto type = content_type.substr(0, content_type.find(';'));
  constexpr std::string_view wanted = "application/json";
  if (type.size() < wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const char c = type[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != wanted[i]) return false;
  }
  return type.find_first_not_of(" \t", wanted.size()) == std::string_view::npos;
}

// The key by which this event's hook says no, and the one by which it changes something.
std::string_view key_of_refusal(hook_event e) {
  return e == hook_event::broadcast ? "suppress" : "refuse";
}
std::string_view key_of_change(hook_event e) {
  if (e == hook_event::record_deleting) return {};
  return e == hook_event::connecting ? "metadata" : "record";
}

hook_result read_object(hook_event event, nlohmann::json&& answer) {
  const auto refusal = key_of_refusal(event);
  const auto change = key_of_change(event);
  for (const auto& [key, value] : answer.items()) {
    if (key != refusal && (change.empty() || key != change))
      return hook_failure{"its answer has a key that this event does not have"};
  }
  if (const auto no = answer.find(refusal); no != answer.end()) {
    if (no->is_string() && event != hook_event::broadcast)
      return hook_verdict::refuse(no->get<std::string>());
    if (!no->is_boolean())
      return hook_failure{"its " + std::string(refusal) + " is neither a text nor true"};
    if (no->get<bool>()) return hook_verdict::refuse();
  }
  const auto changed = change.empty() ? answer.end() : answer.find(change);
  if (changed == answer.end()) return hook_verdict::proceed();
  if (!changed->is_object()) return hook_failure{"its " + std::string(change) + " is no object"};
  return hook_verdict::change(std::move(*changed));
}

}  // namespace

std::string hook_request_body(const hook_call& call, std::int64_t time_ms) {
  ordered_json out{{"event", actors::to_string(call.event)}, {"time_ms", time_ms}};
  if (call.event == hook_event::connecting) {
    out["app_id"] = call.app_id;
    out["origin"] = text_or_null(call.origin);
    out["query"] = of(call.query);
  } else {
    out["collection"] = {{"id", call.collection_id}, {"name", call.collection}};
    out["action"] = rules::to_string(call.action);
    out["record"] = of(call.record);
    out["old_record"] = of(call.old_record);
    out["ingested"] = call.ingested;
    if (is_notice(call.event)) out["sequence"] = call.sequence;
    out["identity"] = identity_json(call.who);
  }
  out["socket_id"] = text_or_null(call.socket_id);
  out["metadata"] = of(call.metadata);
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

hook_result read_hook_answer(hook_event event, const http_answer& answer) {
  const bool accepted = answer.status >= 200 && answer.status < 300;
  if (is_notice(event) && accepted) return hook_verdict::proceed();
  if (answer.status != 200 && answer.status != 204)
    return hook_failure{"status " + std::to_string(answer.status)};
  if (!answer.complete) return hook_failure{"its answer is cut off, or too large"};
  if (answer.status == 204 || answer.body.empty()) return hook_verdict::proceed();
  if (!is_json(answer.content_type))
    return hook_failure{"the Content-Type of its answer is not application/json"};
  auto value = json_text(answer.body);
  if (!value) return hook_failure{"its answer is no JSON object"};
  return read_object(event, std::move(*value));
}

}  // namespace velo::net
