#include "net/pusher.hpp"

#include "net/close_code.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <variant>

using namespace velo::net;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

template <class Frame>
Frame parsed(std::string_view text) {
  const auto frame = parse_client_frame(text);
  INFO(text);
  REQUIRE(frame.has_value());
  const auto* found = std::get_if<Frame>(&*frame);
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("subscribe frames are read as pusher-js sends them", "[net][pusher]") {
  CHECK(
      parsed<subscribe_frame>(R"({"event":"pusher:subscribe","data":{"auth":"","channel":"a"}})") ==
      subscribe_frame{"a", "", ""});
  CHECK(parsed<subscribe_frame>(
            R"({"event":"pusher:subscribe","data":{"auth":"k:s","channel":"private-x"}})") ==
        subscribe_frame{"private-x", "k:s", ""});
  CHECK(
      parsed<subscribe_frame>(
          R"({"event":"pusher:subscribe","data":{"channel":"presence-x","channel_data":"{\"user_id\":\"42\"}"}})") ==
      subscribe_frame{"presence-x", "", R"({"user_id":"42"})"});
}

TEST_CASE("an auth that is no text is none: the channel's answer says so", "[net][pusher]") {
  CHECK(parsed<subscribe_frame>(
            R"({"event":"pusher:subscribe","data":{"channel":"private-x","auth":7}})") ==
        subscribe_frame{"private-x", "", ""});
}

TEST_CASE("data may be a string that holds an object", "[net][pusher]") {
  CHECK(parsed<subscribe_frame>(
            R"({"event":"pusher:subscribe","data":"{\"channel\":\"a\",\"auth\":null}"})") ==
        subscribe_frame{"a", "", ""});
  CHECK(
      parsed<unsubscribe_frame>(R"({"event":"pusher:unsubscribe","data":"{\"channel\":\"a\"}"})") ==
      unsubscribe_frame{"a"});
}

TEST_CASE("channel data is what one decoding of the frame gives", "[net][pusher]") {
  // The six characters of the escape, and the letter itself: other bytes, other signatures.
  CHECK(
      parsed<subscribe_frame>(
          R"({"event":"pusher:subscribe","data":{"channel":"c","channel_data":"{\"n\":\"Zo\\u00eb\"}"}})")
          .channel_data == R"({"n":"Zo\u00eb"})");
  CHECK(
      parsed<subscribe_frame>(
          R"({"event":"pusher:subscribe","data":{"channel":"c","channel_data":"{\"n\":\"Zo\u00eb\"}"}})")
          .channel_data == "{\"n\":\"Zo\xc3\xab\"}");
}

TEST_CASE("heartbeats are read whatever they carry", "[net][pusher]") {
  for (const auto* data : {"", R"(,"data":{})", R"(,"data":"{}")", R"(,"data":"")",
                           R"(,"data":null)", R"(,"data":[1])", R"(,"channel":7)"}) {
    CAPTURE(data);
    (void)parsed<ping_frame>(std::string(R"({"event":"pusher:ping")") + data + '}');
    (void)parsed<pong_frame>(std::string(R"({"event":"pusher:pong")") + data + '}');
  }
}

TEST_CASE("signin and client events are told apart", "[net][pusher]") {
  CHECK(parsed<signin_frame>(
            R"({"event":"pusher:signin","data":{"auth":"k:s","user_data":"{\"id\":\"1\"}"}})") ==
        signin_frame{"k:s", R"({"id":"1"})"});
  CHECK(parsed<client_event_frame>(
            R"({"event":"client-typing","channel":"private-x","data":{"a":1}})") ==
        client_event_frame{"client-typing", "private-x", R"({"a":1})"});
  CHECK(parsed<client_event_frame>(R"({"event":"client-t","channel":"c","data":"{}"})").data ==
        "{}");
  CHECK(parsed<client_event_frame>(R"({"event":"client-t","channel":"c","data":"hi"})").data ==
        "hi");
  CHECK(parsed<client_event_frame>(R"({"event":"client-t","channel":"c"})").data == "null");
}

TEST_CASE("events we do not know keep their name", "[net][pusher]") {
  CHECK(parsed<unknown_frame>(R"({"event":"pusher:dance","data":7})") ==
        unknown_frame{"pusher:dance"});
  CHECK(parsed<unknown_frame>(R"({"event":"typing"})") == unknown_frame{"typing"});
  CHECK(parsed<unknown_frame>(R"({"event":""})") == unknown_frame{""});
}

TEST_CASE("what is no Pusher frame is refused with a sentence", "[net][pusher]") {
  const std::string text = GENERATE(
      as<std::string>(), "", "hello", "7", "null", "[]", "{", "{}", R"({"event":7})",
      R"({"event":null})", R"({"Event":"pusher:ping"})", R"({"event":"pusher:subscribe"})",
      R"({"event":"pusher:subscribe","data":{}})", R"({"event":"pusher:subscribe","data":[]})",
      R"({"event":"pusher:subscribe","data":7})", R"({"event":"pusher:subscribe","data":"x"})",
      R"({"event":"pusher:subscribe","data":"[]"})",
      R"({"event":"pusher:subscribe","data":{"channel":""}})",
      R"({"event":"pusher:subscribe","data":{"channel":7}})",
      R"({"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}})",
      R"({"event":"pusher:unsubscribe","data":{"channel":["a"]}})",
      R"({"event":"pusher:signin","data":{"auth":{},"user_data":"{}"}})", R"({"event":"client-x"})",
      R"({"event":"client-x","channel":1})", R"({"event":"pusher:ping"} {"event":"pusher:ping"})",
      "{\"event\":\"\xff\"}",
      R"({"event":"x","data":)" + std::string(1000, '[') + std::string(1000, ']') + "}",
      R"({"event":"pusher:subscribe","data":")" + std::string(5000, '[') + "\"}",
      std::string(100'000, '['));
  const auto frame = parse_client_frame(text);
  CAPTURE(text.substr(0, 80));
  REQUIRE_FALSE(frame.has_value());
  CHECK(frame.error().message.size() > 10);
  CHECK(frame.error().message.size() < 200);
}

TEST_CASE("the handshake frame carries its data as a string", "[net][pusher]") {
  CHECK(
      connection_established_frame("218765.4093127", 120s) ==
      R"({"event":"pusher:connection_established","data":"{\"socket_id\":\"218765.4093127\",\"activity_timeout\":120}"})");
  // Clients take 0 for a broken handshake.
  CHECK(json::parse(json::parse(connection_established_frame("1.1", 0s))["data"]
                        .get<std::string>())["activity_timeout"] == 1);
}

TEST_CASE("errors carry an object with code and sentence", "[net][pusher]") {
  CHECK(error_frame(close_code::client_event_rejected, "No \"x\".") ==
        R"({"event":"pusher:error","data":{"code":4301,"message":"No \"x\"."}})");
  const auto frame = json::parse(error_frame(close_code::unknown_app));
  CHECK(frame["data"]["code"] == 4001);
  CHECK(frame["data"]["message"] == sentence(close_code::unknown_app));
}

TEST_CASE("our frames are valid JSON whatever they name", "[net][pusher]") {
  const std::string odd = "a\"\\\n\xff";
  for (const auto& frame :
       {error_frame(close_code::invalid_message, odd), subscription_succeeded_frame(odd),
        subscription_error_frame(odd, "AuthError", odd, 401, odd)})
    CHECK_FALSE(json::parse(frame, nullptr, false).is_discarded());
  CHECK(json::parse(ping_frame_text())["event"] == "pusher:ping");
  CHECK(json::parse(pong_frame_text())["event"] == "pusher:pong");
}

TEST_CASE("answers to a subscription name the channel", "[net][pusher]") {
  CHECK(subscription_succeeded_frame("a") ==
        R"({"event":"pusher_internal:subscription_succeeded","channel":"a","data":"{}"})");
  CHECK(
      subscription_error_frame("a", "AuthError", "No.", 401) ==
      R"({"event":"pusher:subscription_error","channel":"a","data":{"type":"AuthError","error":"No.","status":401}})");
  CHECK(
      subscription_error_frame("a", "AuthError", "No.", 403, "rule_changed") ==
      R"({"event":"pusher:subscription_error","channel":"a","data":{"type":"AuthError","error":"No.","status":403,"reason":"rule_changed"}})");
}

TEST_CASE("every close code has a sentence that fits a close frame", "[net][close_code]") {
  for (const auto code : {close_code::normal,
                          close_code::protocol_error,
                          close_code::unsupported_data,
                          close_code::invalid_payload,
                          close_code::policy_violation,
                          close_code::message_too_big,
                          close_code::internal_error,
                          close_code::tls_only,
                          close_code::unknown_app,
                          close_code::app_disabled,
                          close_code::over_quota,
                          close_code::path_not_found,
                          close_code::invalid_version,
                          close_code::unsupported_protocol,
                          close_code::protocol_missing,
                          close_code::connection_unauthorized,
                          close_code::over_capacity,
                          close_code::reconnect_now,
                          close_code::pong_not_received,
                          close_code::closed_inactive,
                          close_code::invalid_message,
                          close_code::client_event_rejected,
                          close_code::watchlist_too_long}) {
    CAPTURE(number(code));
    CHECK_FALSE(sentence(code).empty());
    CHECK(sentence(code).size() <= 123);
  }
}
