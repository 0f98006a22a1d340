// The vectors of PUSHER_PROTOCOL.md section 16.

#include "net/signature.hpp"

#include "tests/support/catch.hpp"

#include <cctype>
#include <string>
#include <string_view>

using namespace velo::net;

namespace {

constexpr std::string_view key_a = "278d425bdf160c739803";
constexpr std::string_view secret_a = "7ad3773142a6692b25b8";
constexpr std::string_view key_b = "velo-key";
constexpr std::string_view secret_b = "velo-secret";
constexpr std::string_view socket_b = "218765.4093127";
constexpr std::string_view channel_b = "private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11";

struct vector {
  std::string name;
  std::string key;
  std::string secret;
  std::string socket_id;
  std::string channel;
  std::string channel_data;
  std::string hex;
};

const std::vector<vector>& vectors() {
  static const std::vector<vector> all{
      {"A1", std::string(key_a), std::string(secret_a), "1234.1234", "private-foobar", "",
       "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"},
      {"A2", std::string(key_a), std::string(secret_a), "1234.1234", "presence-foobar",
       R"({"user_id":10,"user_info":{"name":"Mr. Channels"}})",
       "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"},
      {"A2'", std::string(key_a), std::string(secret_a), "1234.1234", "presence-foobar",
       R"({"user_id":10,"user_info":{"name":"Mr. Pusher"}})",
       "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"},
      {"B1", std::string(key_b), std::string(secret_b), std::string(socket_b),
       std::string(channel_b), "",
       "87d5f45b6dee4e7e94c05d9669fbc392a255ff2270cd3d6559daa2574661f1b7"},
      {"B8", std::string(key_b), std::string(secret_b), std::string(socket_b), "presence-room",
       R"({"user_id":"42","user_info":{"name":"Zo\u00eb"}})",
       "12f8737674880cc6a49737257f5871b1329f89e513eca9eaed048e50c4e6d7a2"},
      {"B8'", std::string(key_b), std::string(secret_b), std::string(socket_b), "presence-room",
       "{\"user_id\":\"42\",\"user_info\":{\"name\":\"Zo\xc3\xab\"}}",
       "038a7c3545573e19ab420150397d0f7f88f262bba23841eb8519f2d3676f8bf8"},
  };
  return all;
}

bool verify(const vector& v, const std::string& auth) {
  return verify_channel_auth(v.key, v.secret, v.socket_id, v.channel, auth, v.channel_data);
}

}  // namespace

TEST_CASE("channel signatures are those of Pusher", "[net][signature]") {
  for (const auto& v : vectors()) {
    CAPTURE(v.name);
    CHECK(sign_channel(v.key, v.secret, v.socket_id, v.channel, v.channel_data) ==
          v.key + ':' + v.hex);
    CHECK(verify(v, v.key + ':' + v.hex));
  }
}

TEST_CASE("a signature with any digit changed fails", "[net][signature]") {
  for (const auto& v : vectors()) {
    for (std::size_t i = 0; i < v.hex.size(); ++i) {
      auto hex = v.hex;
      hex[i] = hex[i] == '0' ? '1' : '0';
      CAPTURE(v.name, i);
      CHECK_FALSE(verify(v, v.key + ':' + hex));
    }
  }
}

TEST_CASE("a signature in any other form fails", "[net][signature]") {
  const auto& v = vectors().front();
  auto upper = v.hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const auto& auth :
       {v.key + ':' + upper, v.hex, ':' + v.hex, v.key + v.hex, v.key + ':', std::string(),
        v.key + "::" + v.hex, v.key + ':' + v.hex + ' ', ' ' + v.key + ':' + v.hex,
        v.key + ':' + v.hex + "00", v.key + ':' + v.hex.substr(0, 62)}) {
    CAPTURE(auth);
    CHECK_FALSE(verify(v, auth));
  }
}

TEST_CASE("a signature is of one app, socket, channel and data", "[net][signature]") {
  const auto& v = vectors()[1];
  const auto auth = v.key + ':' + v.hex;
  const auto changed = [&](auto change) {
    auto other = v;
    change(other);
    return verify(other, auth);
  };
  CHECK_FALSE(changed([](vector& o) { o.key = "velo-key"; }));
  CHECK_FALSE(changed([](vector& o) { o.secret = "velo-secret"; }));
  CHECK_FALSE(changed([](vector& o) { o.socket_id = "1234.1235"; }));
  CHECK_FALSE(changed([](vector& o) { o.channel = "presence-foobas"; }));
  CHECK_FALSE(changed([](vector& o) { o.channel_data.insert(1, " "); }));
  CHECK_FALSE(changed([](vector& o) { o.channel_data.clear(); }));
  // The key of another app in front of a good signature.
  CHECK_FALSE(verify(v, "velo-key:" + v.hex));
}

TEST_CASE("what would read as another string to sign is not signed", "[net][signature]") {
  // These would be the signature of channel data, or of a sign-in.
  CHECK_FALSE(sign_channel(key_a, secret_a, "1234.1234:presence-foobar", "x").has_value());
  CHECK_FALSE(sign_channel(key_a, secret_a, "1234.1234", "presence-foobar:{}").has_value());
  CHECK_FALSE(sign_channel(key_a, secret_a, "1234.1234", ":user::{}").has_value());
  CHECK_FALSE(sign_channel(key_a, secret_a, "", "private-foobar").has_value());
  CHECK_FALSE(sign_channel(key_a, secret_a, "1234.1234", "").has_value());
  CHECK_FALSE(sign_user(key_a, secret_a, "1234.1234:x", "{}").has_value());
  CHECK_FALSE(verify_channel_auth(key_a, secret_a, "", "", ""));
}

TEST_CASE("sign-in signatures are those of Pusher", "[net][signature]") {
  const auto a3 =
      std::string(key_a) + ":4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba";
  CHECK(sign_user(key_a, secret_a, "1234.1234", R"({"id":"12345"})") == a3);
  CHECK(verify_user_auth(key_a, secret_a, "1234.1234", R"({"id":"12345"})", a3));
  CHECK_FALSE(verify_user_auth(key_a, secret_a, "1234.1234", R"({"id":"12346"})", a3));

  const auto b9 =
      std::string(key_b) + ":e1ff26af3806333a83550fd0b7a1bda3c3c4b41f4cf8d40ea73b26e5f61121cc";
  CHECK(sign_user(key_b, secret_b, socket_b,
                  R"({"id":"u-42","user_info":{"name":"Ada"},"watchlist":["u-7","u-9"]})") == b9);
}
