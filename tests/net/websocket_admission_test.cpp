#include "net/websocket_admission.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace velo::net;

namespace {

const std::vector<app> apps = {{.id = "1", .keys = {{"key", "secret"}, {"newer", "secret2"}}},
                               {.id = "2", .keys = {{"off", "secret"}}, .enabled = false},
                               {.id = "3",
                                .keys = {{"strict", "secret"}},
                                .allowed_origins = {"https://a.example", "*.b.example"}}};

close_code refused(std::string_view target, std::string_view origin = {}) {
  const auto result = admit(apps, "/ws", target, origin);
  REQUIRE(result.has_error());
  return result.error();
}

bool admitted(std::string_view target, std::string_view origin = {}) {
  return admit(apps, "/ws", target, origin).has_value();
}

}  // namespace

TEST_CASE("a WebSocket is admitted by its app's key", "[net][websocket]") {
  REQUIRE(admit(apps, "", "/app/key?protocol=7&client=js", {}).value()->id == "1");
  REQUIRE(admit(apps, "/ws", "/ws/app/%6bey", {}).value()->id == "1");
  REQUIRE(admit(apps, "", "/app/newer", {}).value()->id == "1");
  REQUIRE(admitted("/ws/app/key/?protocol=5"));
  REQUIRE(admitted("/ws/app/key?protocol=7&flash=false&x=%zz"));
}

TEST_CASE("a WebSocket that is refused learns the first reason of their order",
          "[net][websocket]") {
  const auto [target, code] = GENERATE(table<std::string, close_code>({
      {"/app/key", close_code::path_not_found},
      {"/ws/apps/key", close_code::path_not_found},
      {"*", close_code::path_not_found},
      {"/ws/app/", close_code::unknown_app},
      {"/ws/app/KEY?protocol=9", close_code::unknown_app},
      {"/ws/app/%zz", close_code::unknown_app},
      {"/ws/app/off/x?protocol=x", close_code::app_disabled},
      {"/ws/app/key/events?protocol=x", close_code::path_not_found},
      {"/ws/app/key?protocol=seven", close_code::invalid_version},
      {"/ws/app/key?protocol=", close_code::invalid_version},
      {"/ws/app/key?protocol=7.0", close_code::invalid_version},
      {"/ws/app/key?protocol=4", close_code::unsupported_protocol},
      {"/ws/app/key?protocol=8", close_code::unsupported_protocol},
      {"/ws/app/key?protocol=-7", close_code::unsupported_protocol},
      {"/ws/app/key?protocol=99999999999999999999", close_code::unsupported_protocol},
  }));
  INFO(target);
  REQUIRE(refused(target) == code);
}

TEST_CASE("an app's origins match whole or by host, with stars", "[net][websocket]") {
  REQUIRE(admitted("/ws/app/strict"));
  REQUIRE(admitted("/ws/app/strict", "https://A.example"));
  REQUIRE(admitted("/ws/app/strict", "http://x.b.example:8080"));
  REQUIRE(refused("/ws/app/strict", "http://a.example") == close_code::connection_unauthorized);
  REQUIRE(refused("/ws/app/strict", "https://a.example.evil") ==
          close_code::connection_unauthorized);
  REQUIRE(refused("/ws/app/strict", "https://b.example") == close_code::connection_unauthorized);
  REQUIRE(origin_allowed("null", {"*"}));
  REQUIRE(origin_allowed("http://[::1]:80", {"[::1]"}));
  REQUIRE_FALSE(origin_allowed("https://a.example", {}));
}
