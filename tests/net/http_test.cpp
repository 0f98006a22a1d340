#include "net/http.hpp"

#include "net/http_body.hpp"
#include "net/request_head.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <utility>

using namespace velo;
using namespace velo::net;
using nlohmann::json;

TEST_CASE("a failure becomes its status, message and errors", "[net][http]") {
  const response invalid = error_response(actors::invalid("filter", "Unknown field (column 3)."));
  CHECK(invalid.status == 422);
  CHECK(json::parse(invalid.body) == json::parse(R"({"message": "Unknown field (column 3).",
                        "errors": {"filter": ["Unknown field (column 3)."]}})"));
  CHECK(error_response(actors::unauthenticated()).body == R"({"message":"Unauthenticated."})");
  CHECK(error_response(actors::unauthenticated()).status == 401);
  CHECK(error_response(actors::forbidden()).status == 403);
  CHECK(error_response(actors::not_found()).status == 404);
  CHECK(error_response(actors::conflict("")).status == 409);
  CHECK(error_response(actors::unavailable("")).status == 503);
}

TEST_CASE("several errors of one field stay together", "[net][http]") {
  const response r = error_response(
      {actors::failure_kind::invalid, "Bad.", {{"a", "one"}, {"b", "two"}, {"a", "three"}}});
  CHECK(json::parse(r.body)["errors"] == json::parse(R"({"a": ["one", "three"], "b": ["two"]})"));
}

TEST_CASE("bytes that are no text do not keep an answer from leaving", "[net][http]") {
  CHECK(error_response(400, "bad \xFF byte").body == "{\"message\":\"bad \xEF\xBF\xBD byte\"}");
}

TEST_CASE("data is wrapped", "[net][http]") {
  CHECK(data_response(201, {{"id", 1}}).body == R"({"data":{"id":1}})");
  CHECK(no_content().status == 204);
}

TEST_CASE("headers and parameters are found by name", "[net][http]") {
  request r;
  r.headers.insert("X-Socket-ID", "1.2");
  r.query_parameters = {{"a", "1"}, {"b", ""}, {"a", "2"}};
  r.params = {{"id", "7"}};
  CHECK(r.header("x-socket-id") == "1.2");
  CHECK(r.header("x-other").empty());
  CHECK(r.query("a") == "2");
  CHECK(r.query("b") == "");
  CHECK_FALSE(r.query("c"));
  CHECK(r.param("id") == "7");
  CHECK(r.param("other").empty());
  r.raw_target = "/velo/apps/1/events?auth_key=k";
  CHECK(r.raw_path() == "/velo/apps/1/events");
}

TEST_CASE("no token, a malformed one and a token are three things", "[net][http]") {
  request r;
  CHECK_FALSE(r.bearer_token());
  const auto [value, token] = GENERATE(table<std::string, std::string>({
      {"Bearer abc.def", "abc.def"},
      {"bearer abc", "abc"},
      {"BEARER   abc", "abc"},
      {"Bearer", ""},
      {"Bearer ", ""},
      {"Bearerabc", ""},
      {"Bearer a b", ""},
      {"Basic abc", ""},
      {"", ""},
  }));
  r.headers.set("Authorization", value);
  CHECK(r.bearer_token() == token);
}

TEST_CASE("two Authorization headers are nobody's", "[net][http]") {
  request r;
  r.headers.insert("Authorization", "Bearer a");
  r.headers.insert("Authorization", "Bearer b");
  CHECK(r.bearer_token() == "");
}

TEST_CASE("of all answers to a request the first counts", "[net][http]") {
  std::string got;
  respond first{[&](response&& r) { got += r.body; }};
  const respond copy = first;
  copy({.status = 200, .body = "a"});
  first({.status = 200, .body = "b"});
  CHECK(got == "a");
  respond{}({.status = 200});
}

TEST_CASE("a request that nobody answers is answered 500", "[net][http]") {
  unsigned status = 0;
  {
    respond dropped{[&](response&& r) { status = r.status; }};
  }
  CHECK(status == 500);
}

TEST_CASE("JSON bodies", "[net][http]") {
  request r;
  auto refused = [&](std::string body, std::string type = "application/json") {
    r.body = std::move(body);
    r.content_type = std::move(type);
    const auto outcome = json_body(r);
    return outcome ? 0 : outcome.error().status;
  };
  CHECK(refused(R"({"a": 1})") == 0);
  CHECK(refused(R"({"a": 1})", "application/vnd.api+json") == 0);
  CHECK(refused(R"({"a": 1})", "text/plain") == 415);
  CHECK(refused(R"({"a": 1})", "") == 415);
  CHECK(refused("") == 400);
  CHECK(refused("[1]") == 400);
  CHECK(refused("{\"a\": \"\xFF\"}") == 400);
  CHECK(refused(std::string(100'000, '[')) == 400);
  CHECK(refused("{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}") == 400);

  CHECK(json_text("[1]", json_shape::any).value() == json::parse("[1]"));
  const auto broken = json_text(R"({"a": nope})");
  REQUIRE(broken.has_error());
  CHECK_THAT(broken.error().body, Catch::Contains("at byte"));
  const auto big = json_text(R"({"n": 18446744073709551615, "m": 9007199254740993})");
  REQUIRE(big.has_value());
  CHECK((*big)["n"].is_number_float());
  CHECK((*big)["m"] == 9007199254740993);
}

TEST_CASE("form bodies", "[net][http]") {
  request r;
  r.content_type = "application/x-www-form-urlencoded";
  r.body = "socket_id=1.2&channel_name=private-a%40b";
  CHECK(form_body(r).value() == parameters{{"socket_id", "1.2"}, {"channel_name", "private-a@b"}});
  r.body = "a=%zz";
  CHECK(form_body(r).error().status == 400);
  r.content_type = "application/json";
  CHECK(form_body(r).error().status == 415);
}

TEST_CASE("a content type is compared without case and parameters", "[net][http]") {
  CHECK(media_type("Application/JSON ; charset=UTF-8") == "application/json");
  CHECK(media_type("").empty());
}

TEST_CASE("a client's request id is used where it is one", "[net][http]") {
  CHECK(request_id("abc_DEF-123") == "abc_DEF-123");
  CHECK(request_id(std::string(64, 'a')) == std::string(64, 'a'));
  for (const auto* bad : {"", "a b", "a\"b", "\xC3\xA9"}) CHECK(request_id(bad).size() == 16);
  CHECK(request_id(std::string(65, 'a')).size() == 16);
  CHECK(request_id({}) != request_id({}));
}

TEST_CASE("the end of a head is found whatever pieces it comes in", "[net][http]") {
  using enum head_scan::outcome;
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  const std::string whole = head + "next";
  for (std::size_t step = 1; step <= whole.size(); ++step) {
    std::size_t scanned = 0;
    head_scan found;
    for (std::size_t have = step; found.result == incomplete; have += step) {
      REQUIRE(have < whole.size() + step);
      found = scan_head(std::string_view{whole}.substr(0, have), scanned);
    }
    REQUIRE(found.result == complete);
    CHECK(found.length == head.size());
  }
}

TEST_CASE("line ends that two readers could read differently are malformed", "[net][http]") {
  const auto [head, at_once] = GENERATE(table<std::string, bool>({
      {"GET / HTTP/1.1\n\n", true},
      {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\n\tfolded\r\n\r\n", true},
      {"\nGET / HTTP/1.1\r\n\r\n", true},
  }));
  CAPTURE(head);
  std::size_t scanned = 0;
  CHECK((scan_head(head, scanned).result == head_scan::outcome::malformed) == at_once);
}
