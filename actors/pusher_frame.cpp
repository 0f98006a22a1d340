#include "actors/pusher_frame.hpp"

#include "actors/event_body.hpp"

namespace velo::actors::pusher_frame {

namespace {

template <class... Pieces>
std::string joined(const Pieces&... pieces) {
  std::string out;
  out.reserve((std::string_view(pieces).size() + ...));
  (out.append(std::string_view(pieces)), ...);
  return out;
}

std::string id_list(const std::vector<std::string_view>& ids) {
  std::string out;
  for (const auto id : ids) {
    if (!out.empty()) out += ',';
    out += quoted(id);
  }
  return out;
}

}  // namespace

std::string quoted(std::string_view text) {
  return joined("\"", escape_json(text), "\"");
}

std::string event(std::string_view escaped_name, std::string_view channel,
                  std::string_view escaped_data) {
  return joined(R"({"event":")", escaped_name, R"(","channel":")", channel, R"(","data":")",
                escaped_data, R"("})");
}

std::string client_event(std::string_view name, std::string_view channel, std::string_view data,
                         std::string_view user_id) {
  auto out = joined(R"({"event":)", quoted(name), R"(,"channel":")", channel, R"(","data":)",
                    quoted(data));
  if (!user_id.empty()) out += joined(R"(,"user_id":)", quoted(user_id));
  out += '}';
  return out;
}

std::string subscription_succeeded(std::string_view channel) {
  return event("pusher_internal:subscription_succeeded", channel, "{}");
}

std::string presence_succeeded(std::string_view channel, std::string_view ids,
                               std::string_view hash, std::size_t count) {
  return joined(R"({"event":"pusher_internal:subscription_succeeded","channel":")", channel,
                R"(","data":"{\"presence\":{\"ids\":[)", ids, R"(],\"hash\":{)", hash,
                R"(},\"count\":)", std::to_string(count), R"(}}"})");
}

std::string member_added(std::string_view channel, std::string_view user_id,
                         std::string_view user_info) {
  const auto data = joined(R"({"user_id":)", quoted(user_id), R"(,"user_info":)", user_info, "}");
  return event("pusher_internal:member_added", channel, escape_json(data));
}

std::string member_removed(std::string_view channel, std::string_view user_id) {
  const auto data = joined(R"({"user_id":)", quoted(user_id), "}");
  return event("pusher_internal:member_removed", channel, escape_json(data));
}

std::string cache_miss(std::string_view channel) {
  return joined(R"({"event":"pusher:cache_miss","channel":")", channel, R"(","data":"{}"})");
}

std::string subscription_count(std::string_view channel, std::size_t count) {
  const auto data = joined(R"({\"subscription_count\":)", std::to_string(count), "}");
  return event("pusher_internal:subscription_count", channel, data);
}

std::string signin_success(std::string_view user_data) {
  return joined(R"({"event":"pusher:signin_success","data":{"user_data":)", quoted(user_data),
                "}}");
}

std::string watchlist_events(const std::vector<std::string_view>& online,
                             const std::vector<std::string_view>& offline) {
  std::string events;
  for (const auto& [name, ids] : {std::pair{"online", &online}, std::pair{"offline", &offline}}) {
    if (ids->empty()) continue;
    if (!events.empty()) events += ',';
    events += joined(R"({"name":")", name, R"(","user_ids":[)", id_list(*ids), "]}");
  }
  const auto data = joined(R"({"events":[)", events, "]}");
  return joined(R"({"event":"pusher_internal:watchlist_events","data":)", data, "}");
}

std::string error(std::uint16_t code, std::string_view message) {
  return joined(R"({"event":"pusher:error","data":{"code":)", std::to_string(code),
                R"(,"message":)", quoted(message), "}}");
}

}  // namespace velo::actors::pusher_frame
