// The vectors of PUSHER_PROTOCOL.md section 16, and each way in which a request
// may fail to be what was signed.

#include "net/request_signature.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace velo::net;
using namespace std::chrono_literals;

namespace {

constexpr auto time_a = 1353088179s;
constexpr auto time_b = 1767225600s;
constexpr auto window = 600s;

const app app_a{.id = "3", .keys = {{"278d425bdf160c739803", "7ad3773142a6692b25b8"}}};
const app app_b{.id = "velo", .keys = {{"velo-key", "velo-secret"}, {"next-key", "next-secret"}}};

const std::string body_b2 =
    R"({"name":"updated","data":"{\"action\":\"updated\",\"record\":{\"id\":\"r1\",\"title\":\"Caf\u00e9\"}}","channel":"private-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11","socket_id":"218765.4093127"})";
const std::string signature_b2 = "4e3a50b406c37f4a8707f2921866cfa82f53ce02f04036f9af002016f4250ade";

struct sample {
  std::string method, path, query, body;
  std::string raw_path{};
};

// The sentence of the refusal; empty where it is accepted.
std::string refusal(const sample& s, const app& of = app_b, std::chrono::seconds now = time_b) {
  const auto query = parse_parameters(s.query);
  REQUIRE(query.has_value());
  const auto& raw = s.raw_path.empty() ? s.path : s.raw_path;
  const auto verified = verify_request(of, {s.method, raw, s.path, *query, s.body}, now, window);
  return verified ? std::string() : verified.error().sentence;
}

std::string auth_b(const std::string& more = {}, const std::string& stamp = "1767225600") {
  return "auth_key=velo-key&auth_timestamp=" + stamp + "&auth_version=1.0" + more;
}

sample b2() {
  return {"POST", "/apps/velo/events",
          auth_b("&body_md5=c4b8b9cb81b853ea53f9e22a68407c14&auth_signature=" + signature_b2),
          body_b2};
}

}  // namespace

TEST_CASE("the documented requests are taken for their app's", "[net][request_signature]") {
  CHECK(body_b2.size() == 203);
  CHECK(
      refusal({"POST", "/apps/3/events",
               "auth_key=278d425bdf160c739803&auth_timestamp=1353088179&auth_version=1.0&body_md5="
               "ec365a775a4cd0599faeb73354201b6f&auth_signature="
               "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c",
               R"({"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"})"},
              app_a, time_a) == "");
  CHECK(refusal(b2()) == "");
  CHECK(refusal({"GET", "/apps/velo/channels",
                 "info=user_count%2Csubscription_count&filter_by_prefix=presence-&" +
                     auth_b("&auth_signature="
                            "f421d359b08ea5f50a266ed1c14b40c83cb703bdbc310f2e10d307e40039cbe1"),
                 ""}) == "");
  CHECK(
      refusal(
          {"POST", "/apps/velo/batch_events",
           auth_b("&body_md5=44924ef3c9d73618cca2296842d902c3&auth_signature="
                  "1f214b2485b82993d8dbd2a02c75f277a73b44c3a3942110725d0b038793e444"),
           R"({"batch":[{"channel":"a","name":"e","data":"1"},{"channel":"presence-b","name":"e","data":"{}","info":"user_count"}]})"}) ==
      "");
  const std::string terminate = "/apps/velo/users/u-42/terminate_connections";
  CHECK(refusal({"POST", terminate,
                 auth_b("&body_md5=99914b932bd37a50b983c5e7c90ae93b&auth_signature="
                        "4b5bee1dda48e9d3baecd7487eba2916e19692e63752f3e8e7d01cfb3372aa57"),
                 "{}"}) == "");
  CHECK(refusal({"POST", terminate,
                 auth_b("&auth_signature="
                        "884b7178eff89d2b3e9950f7f04806f93b96c77527fb2a1e532db380ca62c8e0"),
                 ""}) == "");
  CHECK(refusal({"GET", "/apps/velo/channels/presence-room/users",
                 auth_b("&auth_signature="
                        "fe1afc58468b47e1b0e4b6646eedae95df1880e2c757cfed882b6d31cdc9c624"),
                 ""}) == "");
}

TEST_CASE("what was changed after signing is refused", "[net][request_signature]") {
  auto flipped = b2();
  flipped.query.back() = flipped.query.back() == 'e' ? 'f' : 'e';
  CHECK(refusal(flipped) == "auth_signature is not that of this request.");

  auto upper = b2();
  for (auto at = upper.query.find("auth_signature=") + 15; at < upper.query.size(); ++at)
    upper.query[at] = static_cast<char>(std::toupper(upper.query[at]));
  CHECK(refusal(upper) == "auth_signature is not that of this request.");

  auto body = b2();
  body.body.back() = ' ';
  CHECK(refusal(body) == "body_md5 is not that of the body.");

  auto method = b2();
  method.method = "GET";
  CHECK_FALSE(refusal(method).empty());
  auto slash = b2();
  slash.path += '/';
  CHECK_FALSE(refusal(slash).empty());
  auto extra = b2();
  extra.query += "&info=user_count";
  CHECK_FALSE(refusal(extra).empty());
  auto twice = b2();
  twice.query += "&auth_version=1.0";
  CHECK(refusal(twice) == "A query parameter is there twice.");
  auto disguised = b2();
  disguised.query += "&AUTH_VERSION=1.0";
  CHECK(refusal(disguised) == "A query parameter is there twice.");
  auto mixed = b2();
  mixed.query += "&a=1&a[]=2";
  CHECK(refusal(mixed) == "A query parameter is there twice.");
}

TEST_CASE("another app's key, no key, no signature and another version are refused",
          "[net][request_signature]") {
  CHECK(refusal(b2(), app_a) == "auth_key is none of this app's keys.");
  CHECK(refusal({"GET", "/apps/velo/channels", "", ""}) ==
        "The request is not signed: auth_signature is missing.");
  auto version = b2();
  version.query.replace(version.query.find("=1.0"), 4, "=1.1");
  CHECK(refusal(version) == "auth_version must be 1.0.");
}

TEST_CASE("a signature holds for ten minutes each way, no longer", "[net][request_signature]") {
  CHECK(refusal(b2(), app_b, time_b + 600s) == "");
  CHECK(refusal(b2(), app_b, time_b - 600s) == "");
  CHECK_THAT(refusal(b2(), app_b, time_b + 601s), Catch::Contains("600 seconds off"));
  CHECK_THAT(refusal(b2(), app_b, time_b - 601s), Catch::Contains("600 seconds off"));
  for (const auto* stamp : {"", "x", "1767225600.0", "9223372036854775807", "-9223372036854775808",
                            "99999999999999999999"}) {
    auto s = b2();
    s.query.replace(s.query.find("1767225600"), 10, stamp);
    CHECK_FALSE(refusal(s).empty());
  }
}

TEST_CASE("a body needs its sum, no body needs none", "[net][request_signature]") {
  const auto& key = app_b.keys[0];
  const std::string path = "/apps/velo/events";
  CHECK(refusal({"POST", path, signed_query(key, "POST", path, {}, "", time_b), "{}"}) ==
        "The body is not signed: body_md5 is missing.");
  CHECK(refusal({"POST", path, signed_query(key, "POST", path, {}, "{}", time_b), ""}) ==
        "body_md5 is not that of the body.");
  CHECK(refusal({"POST", path,
                 signed_query(key, "POST", path, {{"body_md5", md5_hex("")}}, "", time_b), ""}) ==
        "");
}

TEST_CASE("every key of the app signs", "[net][request_signature]") {
  const std::string path = "/apps/velo/channels";
  for (const auto& key : app_b.keys) {
    const auto query = signed_query(key, "GET", path, {{"info", "user_count"}}, "", time_b);
    CHECK(refusal({"GET", path, query, ""}) == "");
  }
  const app_key wrong{"next-key", "velo-secret"};
  CHECK_FALSE(refusal({"GET", path, signed_query(wrong, "GET", path, {}, "", time_b), ""}).empty());
}

TEST_CASE("a path may be signed encoded or decoded", "[net][request_signature]") {
  const std::string raw = "/apps/velo/users/a%20b/terminate_connections";
  const std::string decoded = "/apps/velo/users/a b/terminate_connections";
  for (const auto& path : {raw, decoded}) {
    const auto query = signed_query(app_b.keys[0], "POST", path, {}, "", time_b);
    CHECK(refusal({"POST", decoded, query, "", raw}) == "");
  }
}

TEST_CASE("an array in the query is signed joined, under either spelling of its name",
          "[net][request_signature]") {
  const std::string path = "/apps/velo/events";
  const std::string sent = "&channels%5B%5D=a&channels%5B%5D=b";
  for (const auto* name : {"channels", "channels[]"}) {
    const auto query = signed_query(app_b.keys[0], "GET", path, {{name, "a,b"}}, "", time_b);
    const auto signature = query.substr(query.find("&auth_signature="));
    CHECK(refusal({"GET", path, auth_b(sent + signature), ""}) == "");
    CHECK_FALSE(
        refusal({"GET", path, auth_b("&channels[]=b&channels[]=a" + signature), ""}).empty());
  }
}
