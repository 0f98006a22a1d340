#include "actors/jwt.hpp"

#include "actors/base64url.hpp"
#include "actors/hmac.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace velo::actors;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr std::string_view secret = "a secret that is at least thirty-two bytes long";

token_verifier::time at(std::int64_t seconds) {
  return token_verifier::time(std::chrono::seconds(seconds));
}

// A token with any header, rightly signed: what a verifier has to look through.
std::string sign(const std::string& header, const std::string& payload) {
  auto text = encode_base64url(header) + '.' + encode_base64url(payload);
  const auto mac = hmac_sha256(secret, text);
  return text + '.' + encode_base64url({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

std::string with_header(const std::string& header) {
  return sign(header, R"({"sub":"u1"})");
}

// What becomes of `token`: its error's name, or "valid".
std::string outcome_of(std::string_view token, claim_policy policy = {},
                       token_verifier::time now = at(1000)) {
  const auto claims =
      make_hs256_verifier(std::string(secret), std::move(policy))->verify(token, now);
  return claims ? "valid" : std::string(to_string(claims.error()));
}

std::string sentence(jwt_error e) {
  return std::string(to_string(e));
}

std::string mint(const json& claims) {
  return mint_hs256(claims, secret);
}

}  // namespace

TEST_CASE("the HS256 token of RFC 7515 A.1 is verified", "[actors][jwt]") {
  const auto key = decode_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  REQUIRE(key.has_value());
  const std::string token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
      "l"
      "fQ"
      ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto verifier = make_hs256_verifier(*key, {"joe", "", 0s});
  const auto claims = verifier->verify(token, at(1300819379));
  REQUIRE(claims.has_value());
  CHECK((*claims)["iss"] == "joe");
  CHECK((*claims)["http://example.com/is_root"] == true);

  const auto late = verifier->verify(token, at(1300819380));
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error() == jwt_error::expired);
}

TEST_CASE("a minted token gives its claims back", "[actors][jwt]") {
  const json claims{{"sub", "u1"}, {"collection", "users"}, {"roles", {"a", "b"}}, {"n", 1}};
  const auto verified = make_hs256_verifier(std::string(secret))->verify(mint(claims), at(0));
  REQUIRE(verified.has_value());
  CHECK(*verified == claims);
}

TEST_CASE("only HS256 is accepted, whatever the token says and however it is signed",
          "[actors][jwt]") {
  const std::string header =
      GENERATE(R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"hs256"})", R"({"alg":"HS384"})",
               R"({"alg":"RS256"})", R"({"alg":""})", R"({"alg":null})", R"({"alg":["HS256"]})",
               R"({"typ":"JWT"})", R"({"alg":"HS256","alg":"none"})");
  CHECK(outcome_of(with_header(header)) == sentence(jwt_error::wrong_algorithm));
}

TEST_CASE("an unsigned token is refused, with or without its last dot", "[actors][jwt]") {
  const auto none = encode_base64url(R"({"alg":"none"})") + '.' + encode_base64url("{}");
  CHECK(outcome_of(none) == sentence(jwt_error::malformed));
  CHECK(outcome_of(none + '.') == sentence(jwt_error::wrong_algorithm));
  const auto claimed = encode_base64url(R"({"alg":"HS256"})") + '.' + encode_base64url("{}") + '.';
  CHECK(outcome_of(claimed) == sentence(jwt_error::bad_signature));
}

TEST_CASE("typ is ignored, crit is refused, of a repeated key the last counts", "[actors][jwt]") {
  CHECK(outcome_of(with_header(R"({"alg":"HS256"})")) == "valid");
  CHECK(outcome_of(with_header(R"({"typ":7,"alg":"HS256","kid":"x"})")) == "valid");
  CHECK(outcome_of(with_header(R"({"alg":"none","alg":"HS256"})")) == "valid");
  CHECK(outcome_of(with_header(R"({"alg":"HS256","crit":["exp"]})")) ==
        sentence(jwt_error::critical_header));
  CHECK(outcome_of(with_header(R"({"alg":"HS256","crit":null})")) ==
        sentence(jwt_error::critical_header));
}

TEST_CASE("no bit of a token can be changed", "[actors][jwt]") {
  const auto token = mint({{"sub", "u1"}});
  REQUIRE(outcome_of(token) == "valid");
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto changed = token;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ (1U << bit));
      CAPTURE(i, bit);
      REQUIRE(outcome_of(changed) != "valid");
    }
  }
}

TEST_CASE("no shorter and no longer text is the token", "[actors][jwt]") {
  const auto token = mint({{"sub", "u1"}});
  for (std::size_t size = 0; size < token.size(); ++size)
    REQUIRE(outcome_of(token.substr(0, size)) != "valid");
  for (const auto* more : {"=", ".", "A", "AA", " ", "\n", ".AA"})
    CHECK(outcome_of(token + more) != "valid");
  CHECK(outcome_of(' ' + token) != "valid");
  CHECK(outcome_of(std::string_view("\0.\0.\0", 5)) == sentence(jwt_error::malformed));
}

TEST_CASE("another secret's token has a bad signature", "[actors][jwt]") {
  CHECK(outcome_of(mint_hs256({{"sub", "u1"}}, "another secret")) ==
        sentence(jwt_error::bad_signature));
}

TEST_CASE("claims that are no JSON object are malformed, though signed", "[actors][jwt]") {
  const std::string header = R"({"alg":"HS256"})";
  const std::string payload =
      GENERATE(as<std::string>(), "", "[]", "7", "null", "{", "{}x", "{\"a\":\"\xff\"}",
               std::string(300, '[') + std::string(300, ']'),
               "{\"a\":" + std::string(300, '[') + std::string(300, ']') + "}");
  CHECK(outcome_of(sign(header, payload)) == sentence(jwt_error::malformed));
}

TEST_CASE("a token longer than the bound is not read", "[actors][jwt]") {
  CHECK(outcome_of(mint({{"x", std::string(5000, 'x')}})) == "valid");
  CHECK(outcome_of(mint({{"x", std::string(jwt_bytes_max, 'x')}})) ==
        sentence(jwt_error::malformed));
}

TEST_CASE("exp, nbf and iat are compared with the clock", "[actors][jwt]") {
  struct row {
    json claims;
    std::int64_t leeway;
    std::string expected;
  };
  const auto valid = std::string("valid");
  const auto expired = sentence(jwt_error::expired);
  const auto early = sentence(jwt_error::not_yet_valid);
  const auto future = sentence(jwt_error::issued_in_future);
  const auto invalid = sentence(jwt_error::invalid_claim);
  const row r = GENERATE_COPY(values<row>({
      {{{"exp", 1001}}, 0, valid},
      {{{"exp", 1000}}, 0, expired},
      {{{"exp", 1000.5}}, 0, valid},
      {{{"exp", 1000}}, 1, valid},
      {{{"exp", 970}}, 30, expired},
      {{{"exp", -1}}, 0, expired},
      {{{"exp", 0}}, 0, expired},
      {{{"exp", 1e300}}, 0, valid},
      {{{"exp", -1e300}}, 0, expired},
      {{{"exp", 18446744073709551615ULL}}, 0, valid},
      {{{"exp", "2000"}}, 0, invalid},
      {{{"exp", nullptr}}, 0, invalid},
      {{{"exp", true}}, 0, invalid},
      {{{"nbf", 1000}}, 0, valid},
      {{{"nbf", 1001}}, 0, early},
      {{{"nbf", 1001}}, 1, valid},
      {{{"nbf", "0"}}, 0, invalid},
      {{{"iat", 1000}}, 0, valid},
      {{{"iat", 1060}}, 0, valid},
      {{{"iat", 1061}}, 0, future},
      {{{"iat", 1061}}, 1, valid},
      {{{"iat", {1}}}, 0, invalid},
      {{{"exp", 999}, {"nbf", 1001}}, 0, expired},
  }));
  CAPTURE(r.claims.dump(), r.leeway);
  CHECK(outcome_of(mint(r.claims), {"", "", std::chrono::seconds(r.leeway)}) == r.expected);
}

TEST_CASE("iss and aud are checked where they are configured", "[actors][jwt]") {
  const claim_policy issued{"https://id.example", "", 0s};
  CHECK(outcome_of(mint({{"iss", "https://id.example"}}), issued) == "valid");
  for (const json& claims : {json::object(), json{{"iss", "https://id.example/"}},
                             json{{"iss", nullptr}}, json{{"iss", {"https://id.example"}}}})
    CHECK(outcome_of(mint(claims), issued) == sentence(jwt_error::wrong_issuer));

  const claim_policy meant{"", "velo", 0s};
  for (const json& claims : {json{{"aud", "velo"}}, json{{"aud", {"other", "velo"}}}})
    CHECK(outcome_of(mint(claims), meant) == "valid");
  for (const json& claims : {json::object(), json{{"aud", "other"}}, json{{"aud", json::array()}},
                             json{{"aud", {"other", 7}}}, json{{"aud", {{"velo", true}}}}})
    CHECK(outcome_of(mint(claims), meant) == sentence(jwt_error::wrong_audience));

  CHECK(outcome_of(mint({{"iss", 7}, {"aud", "anybody"}})) == "valid");
}

TEST_CASE("an empty secret verifies nothing", "[actors][jwt]") {
  CHECK_THROWS_AS(make_hs256_verifier(""), std::invalid_argument);
}

TEST_CASE("HMAC-SHA256 has the results of RFC 4231", "[actors][hmac]") {
  const auto hex = [](const sha256_digest& digest) {
    std::string out;
    for (const auto byte : digest) {
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    }
    return out;
  };
  CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hex(hmac_sha256(std::string(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
