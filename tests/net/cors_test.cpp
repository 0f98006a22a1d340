#include "net/cors.hpp"

#include "net/http_writer.hpp"
#include "tests/support/catch.hpp"

#include <string>

using namespace velo::net;

namespace {

std::string headers_for(const cors& policy, std::string_view origin) {
  std::string out;
  policy.append_headers(out, origin);
  return out;
}

boost::beast::http::fields preflight_headers(std::string_view asked) {
  boost::beast::http::fields headers;
  headers.set("Origin", "https://a.example");
  headers.set("Access-Control-Request-Method", "PATCH");
  if (!asked.empty()) headers.set("Access-Control-Request-Headers", std::string{asked});
  return headers;
}

std::string header(const response& r, std::string_view name) {
  for (const auto& [key, value] : r.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("a star allows every origin, without credentials", "[net][cors]") {
  const std::string headers = headers_for(cors{}, "https://a.example");
  CHECK_THAT(headers, Catch::Contains("Access-Control-Allow-Origin: *\r\n"));
  CHECK_THAT(headers, Catch::Contains("Expose-Headers: X-Request-Id, Retry-After\r\n"));
  CHECK_THAT(headers, !Catch::Contains("Credentials"));
  CHECK(headers_for(cors{}, "") == headers);
}

TEST_CASE("a list allows its own origins and tells caches", "[net][cors]") {
  const cors policy{{"https://a.example", "https://b.example"}};
  CHECK_THAT(headers_for(policy, "https://b.example"),
             Catch::Contains("Access-Control-Allow-Origin: https://b.example\r\n"));
  for (const auto* stranger :
       {"", "https://c.example", "https://a.example.evil", "null", "https://A.example"}) {
    CHECK(headers_for(policy, stranger) == "Vary: Origin\r\n");
  }
  CHECK(headers_for(cors{{}}, "https://a.example") == "Vary: Origin\r\n");
}

TEST_CASE("a preflight is told methods and the headers it asked for", "[net][cors]") {
  const auto headers = preflight_headers("authorization,content-type, x-socket-id");
  CHECK(cors::is_preflight("OPTIONS", headers));
  CHECK_FALSE(cors::is_preflight("GET", headers));
  CHECK_FALSE(cors::is_preflight("OPTIONS", {}));
  const response answer = cors::preflight(headers);
  CHECK(answer.status == 204);
  CHECK(header(answer, "Access-Control-Allow-Methods") == "GET, POST, PUT, PATCH, DELETE");
  CHECK(header(answer, "Access-Control-Allow-Headers") ==
        "authorization,content-type, x-socket-id");
  CHECK_FALSE(header(answer, "Access-Control-Max-Age").empty());
}

TEST_CASE("only names of headers are echoed", "[net][cors]") {
  for (const std::string& bad : {std::string{"a;b"}, std::string{"<x>"}, std::string(2000, 'a')}) {
    CHECK(header(cors::preflight(preflight_headers(bad)), "Access-Control-Allow-Headers").empty());
  }
}

TEST_CASE("no value can add a line to a response", "[net][http]") {
  response answer{.status = 200, .body = "{}"};
  answer.headers = {{"X-A", "1\r\nX-Evil: 1"}, {"X-B", "2"}};
  std::string out;
  write_response(out, answer, {.request_id = "id", .origin = ""}, cors{});
  CHECK_THAT(out, !Catch::Contains("Evil"));
  CHECK_THAT(out, Catch::Contains("\r\nX-B: 2\r\n"));
  CHECK_THAT(out, Catch::EndsWith("Content-Length: 2\r\n\r\n{}"));
}
