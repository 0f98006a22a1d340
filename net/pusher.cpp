#include "net/pusher.hpp"

#include "net/close_code.hpp"
#include "rules/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

// A JSON string with its quotes. Names come from clients, whose frames were
// checked to be UTF-8; anything else shows as U+FFFD instead of throwing.
std::string json_string(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

frame_error wrong(std::string message) {
  return {std::move(message)};
}

// The parser quotes what it last read, which may be a whole frame.
frame_error not_json(std::string why) {
  constexpr std::size_t bytes_max = 120;
  if (why.size() > bytes_max) why = why.substr(0, bytes_max) + "...";
  return wrong("The message is not a JSON object: " + why);
}

// `data` of our own events: an object, a string that holds one, or nothing.
std::optional<json> data_object(const json& frame) {
  const auto at = frame.find("data");
  if (at == frame.end() || at->is_null()) return json::object();
  if (at->is_object()) return *at;
  if (!at->is_string()) return std::nullopt;
  auto inner = rules::parse_record(at->get_ref<const std::string&>());
  if (!inner) return std::nullopt;
  return std::move(*inner);
}

// The text `data[name]`; empty where absent or null. False where it is something else.
bool take_text(const json& data, const char* name, std::string& out) {
  const auto at = data.find(name);
  if (at == data.end() || at->is_null()) return true;
  if (!at->is_string()) return false;
  out = at->get<std::string>();
  return true;
}

using parsed = boost::system::result<client_frame, frame_error>;

parsed read_subscribe(const json& data) {
  subscribe_frame frame;
  if (!take_text(data, "channel", frame.channel) || frame.channel.empty())
    return wrong("pusher:subscribe needs a channel.");
  // What is no text authorises nothing: the channel's own answer says so.
  static_cast<void>(take_text(data, "auth", frame.auth));
  // An object cannot be checked: its bytes are what was signed, and they are gone.
  if (!take_text(data, "channel_data", frame.channel_data))
    return wrong("channel_data must be a string.");
  return client_frame(std::move(frame));
}

parsed read_unsubscribe(const json& data) {
  unsubscribe_frame frame;
  if (!take_text(data, "channel", frame.channel) || frame.channel.empty())
    return wrong("pusher:unsubscribe needs a channel.");
  return client_frame(std::move(frame));
}

parsed read_signin(const json& data) {
  signin_frame frame;
  if (!take_text(data, "auth", frame.auth) || !take_text(data, "user_data", frame.user_data))
    return wrong("auth and user_data of pusher:signin must be strings.");
  return client_frame(std::move(frame));
}

parsed read_client_event(const json& frame, std::string event) {
  client_event_frame out{std::move(event), {}, "null"};
  if (!take_text(frame, "channel", out.channel) || out.channel.empty())
    return wrong("A client event needs a channel.");
  if (const auto data = frame.find("data"); data != frame.end())
    out.data = data->is_string() ? data->get<std::string>() : data->dump();
  return client_frame(std::move(out));
}

}  // namespace

void throw_exception_from_error(const frame_error& e, const boost::source_location&) {
  throw std::runtime_error(e.message);
}

parsed parse_client_frame(std::string_view text) {
  const auto frame = rules::parse_record(text);
  if (!frame) return not_json(frame.error().message);
  const auto at = frame->find("event");
  if (at == frame->end() || !at->is_string())
    return wrong("The message needs an event, which is a string.");
  const auto& event = at->get_ref<const std::string&>();

  // Whatever a heartbeat carries besides, it is one.
  if (event == "pusher:ping") return client_frame(ping_frame{});
  if (event == "pusher:pong") return client_frame(pong_frame{});
  if (event.starts_with("client-")) return read_client_event(*frame, event);

  using reader = parsed (*)(const json&);
  reader read = nullptr;
  if (event == "pusher:subscribe") read = read_subscribe;
  if (event == "pusher:unsubscribe") read = read_unsubscribe;
  if (event == "pusher:signin") read = read_signin;
  if (read == nullptr) return client_frame(unknown_frame{event});

  const auto data = data_object(*frame);
  if (!data) return wrong("data of " + event + " must be an object.");
  return read(*data);
}

std::string connection_established_frame(std::string_view socket_id,
                                         std::chrono::seconds activity_timeout) {
  const auto seconds = std::max<std::chrono::seconds::rep>(1, activity_timeout.count());
  const auto data = R"({"socket_id":)" + json_string(socket_id) + R"(,"activity_timeout":)" +
                    std::to_string(seconds) + '}';
  return R"({"event":"pusher:connection_established","data":)" + json_string(data) + '}';
}

std::string error_frame(close_code code, std::string_view message) {
  return R"({"event":"pusher:error","data":{"code":)" + std::to_string(number(code)) +
         R"(,"message":)" + json_string(message) + "}}";
}

std::string error_frame(close_code code) {
  return error_frame(code, sentence(code));
}

std::string_view ping_frame_text() {
  return R"({"event":"pusher:ping","data":{}})";
}

std::string_view pong_frame_text() {
  return R"({"event":"pusher:pong","data":{}})";
}

std::string subscription_succeeded_frame(std::string_view channel) {
  return R"({"event":"pusher_internal:subscription_succeeded","channel":)" + json_string(channel) +
         R"(,"data":"{}"})";
}

std::string subscription_error_frame(std::string_view channel, std::string_view type,
                                     std::string_view error, int status, std::string_view reason) {
  auto out = R"({"event":"pusher:subscription_error","channel":)" + json_string(channel) +
             R"(,"data":{"type":)" + json_string(type) + R"(,"error":)" + json_string(error) +
             R"(,"status":)" + std::to_string(status);
  if (!reason.empty()) out += R"(,"reason":)" + json_string(reason);
  return out + "}}";
}

}  // namespace velo::net
