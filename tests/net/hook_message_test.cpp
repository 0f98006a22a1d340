#include "net/hook_message.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>

namespace velo::net {

namespace {

using actors::hook_call;
using actors::hook_event;
using actors::hook_verdict;
using nlohmann::json;

http_answer answered(std::string body, unsigned status = 200) {
  return {status, std::move(body), "application/json; charset=utf-8", true};
}

}  // namespace

TEST_CASE("a hook's answer is a verdict of its event, or a failure that says why", "[net][hooks]") {
  struct row {
    hook_event event;
    std::string body;
    std::string expected;  // p: proceed, c: change, r: refuse, else part of the failure
  };
  const auto r = GENERATE(values<row>({
      {hook_event::record_creating, "", "p"},
      {hook_event::record_creating, "{}", "p"},
      {hook_event::record_creating, R"({"refuse":false})", "p"},
      {hook_event::record_creating, R"({"refuse":true})", "r"},
      {hook_event::record_creating, R"({"refuse":"No."})", "r"},
      {hook_event::record_creating, R"({"record":{"a":1}})", "c"},
      {hook_event::record_creating, R"({"record":{"a":1},"refuse":"No."})", "r"},
      {hook_event::record_creating, R"({"record":[]})", "record is no object"},
      {hook_event::record_creating, R"({"refuse":1})", "neither a text nor true"},
      {hook_event::record_creating, R"({"suppress":true})", "a key that"},
      {hook_event::record_creating, R"({"reocrd":{}})", "a key that"},
      {hook_event::record_creating, "{", "no JSON object"},
      {hook_event::record_creating, "[]", "no JSON object"},
      {hook_event::record_deleting, R"({"refuse":"No."})", "r"},
      {hook_event::record_deleting, R"({"record":{}})", "a key that"},
      {hook_event::broadcast, R"({"suppress":true})", "r"},
      {hook_event::broadcast, R"({"suppress":"words"})", "neither"},
      {hook_event::broadcast, R"({"refuse":true})", "a key that"},
      {hook_event::broadcast, R"({"record":{}})", "c"},
      {hook_event::connecting, R"({"metadata":{"a":1}})", "c"},
      {hook_event::connecting, R"({"metadata":1})", "metadata is no object"},
      {hook_event::connecting, R"({"record":{}})", "a key that"},
      {hook_event::record_created, "anything", "p"},
  }));
  INFO(r.body);
  const auto result = read_hook_answer(r.event, answered(r.body));
  if (!result) {
    CHECK(result.error().sentence.find(r.expected) != std::string::npos);
  } else {
    constexpr std::string_view kinds = "pcr";
    CHECK(r.expected == std::string(1, kinds[static_cast<std::size_t>(result->what)]));
  }
}

TEST_CASE("an answer of another status or type, or a part of one, is a failure", "[net][hooks]") {
  const auto fails = [](const http_answer& a) {
    return !read_hook_answer(hook_event::record_creating, a).has_value();
  };
  CHECK(!fails(answered("", 204)));
  for (const unsigned status : {201U, 302U, 404U, 500U}) CHECK(fails(answered("{}", status)));
  CHECK(fails({200, "{}", "text/html", true}));
  CHECK(fails({200, "{}", "application/jsonp", true}));
  CHECK(fails({200, "{}", "", true}));
  CHECK(!fails({200, "{}", "Application/JSON", true}));
  CHECK(fails({200, "{}", "application/json", false}));
  // A notice is not asked.
  CHECK(read_hook_answer(hook_event::record_created, answered("", 202)).has_value());
  CHECK_FALSE(read_hook_answer(hook_event::record_created, answered("", 500)).has_value());
}

TEST_CASE("a call tells what is written, who writes and from where", "[net][hooks]") {
  hook_call call;
  call.event = hook_event::record_updating;
  call.collection_id = "c1";
  call.collection = "posts";
  call.action = rules::action::updated;
  call.record = std::make_shared<const json>(json{{"id", "7"}, {"bytes", "\xff"}});
  call.who = {actors::identity_kind::user, "users", "ada", nullptr};
  call.socket_id = "1.2";
  const auto body = json::parse(hook_request_body(call, 5));
  CHECK(body.at("event") == "record.updating");
  CHECK(body.at("time_ms") == 5);
  CHECK(body.at("collection") == json{{"id", "c1"}, {"name", "posts"}});
  CHECK(body.at("action") == "updated");
  CHECK(body.at("record").at("id") == "7");
  CHECK(body.at("old_record").is_null());
  CHECK(body.at("identity") == json{{"kind", "user"}, {"collection", "users"}, {"id", "ada"}});
  CHECK(body.at("socket_id") == "1.2");
  CHECK(body.at("metadata").is_null());
  CHECK(!body.contains("sequence"));

  hook_call client;
  client.event = hook_event::connecting;
  client.app_id = "app";
  client.query = std::make_shared<const json>(json{{"token", "t"}});
  const auto asked = json::parse(hook_request_body(client, 5));
  CHECK(asked.at("app_id") == "app");
  CHECK(asked.at("origin").is_null());
  CHECK(asked.at("query") == json{{"token", "t"}});
  CHECK(!asked.contains("record"));
}

}  // namespace velo::net
