#include "net/request_admission.hpp"

#include "tests/support/catch.hpp"

#include <boost/beast/http/field.hpp>

#include <string>

using namespace velo::net;
namespace http = boost::beast::http;

namespace {

const client_source peer = boost::asio::ip::make_address("10.0.0.1");

http::request_header<> head(const std::string& forwarded = {}, const std::string& token = {}) {
  http::request_header<> out;
  if (!forwarded.empty()) out.set("X-Forwarded-For", forwarded);
  if (!token.empty()) out.set(http::field::authorization, "Bearer " + token);
  return out;
}

// What the first of many requests meets that is refused.
std::optional<limit> met(client_limits& limits, const std::string& forwarded,
                         const std::string& token = {}) {
  constexpr int many = 100;
  for (int i = 0; i < many; ++i) {
    const auto admitted = admit_request(&limits, peer, head(forwarded, token));
    if (admitted.met) {
      CHECK(admitted.retry_after.count() >= 1);
      return admitted.met;
    }
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("without limits everybody may, and is who connected", "[net][request_admission]") {
  const auto admitted = admit_request(nullptr, peer, head("198.51.100.1"));
  CHECK(admitted.client == peer);
  CHECK(admitted.forwarded);
  CHECK_FALSE(admitted.met);
  CHECK_FALSE(admit_request(nullptr, peer, head()).forwarded);
}

TEST_CASE("requests are counted by the client's address, then by its token",
          "[net][request_admission]") {
  client_limits limits(0, 3);
  REQUIRE(limits.trusted_proxies.add("10.0.0.0/8"));
  REQUIRE(limits.exempt.add("192.0.2.0/24"));
  limits.is_exempt_token = [](std::string_view token) { return token == "superuser"; };

  CHECK(met(limits, "198.51.100.1") == limit::requests_per_ip);
  CHECK(met(limits, "198.51.100.1", "new token") == limit::requests_per_ip);
  CHECK(met(limits, "192.0.2.1") == std::nullopt);
  CHECK(met(limits, "198.51.100.1", "superuser") == std::nullopt);
  // A token that comes from everywhere.
  std::optional<limit> last;
  for (int i = 0; i < 100 && !last; ++i)
    last = admit_request(&limits, peer, head("203.0.113." + std::to_string(i), "shared")).met;
  CHECK(last == limit::requests_per_token);
}

TEST_CASE("a refusal says what was met and when to come back", "[net][request_admission]") {
  using met_and_word = std::pair<limit, const char*>;
  for (const auto& [which, word] :
       {met_and_word{limit::requests_per_ip, "requests from this address"},
        met_and_word{limit::requests_per_token, "with this token"},
        met_and_word{limit::connections_per_ip, "connections"}}) {
    const auto answer = too_many(which, std::chrono::seconds{0});
    CHECK(answer.status == 429);
    CHECK_THAT(answer.body, Catch::Contains(word));
    REQUIRE(answer.headers.size() == 1);
    CHECK(answer.headers.front() == std::pair<std::string, std::string>{"Retry-After", "1"});
  }
}
