#include "actors/loop.hpp"
#include "net/close_code.hpp"
#include "net/pusher.hpp"
#include "net/signature.hpp"
#include "tests/net/websocket_fixture.hpp"
#include "tests/support/catch.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace actors = velo::actors;
using namespace velo::net;
using namespace velo::net::test;
using namespace std::chrono_literals;

namespace {

const std::string public_channel = std::string(channel_prefix) + std::string(channel_uuid);
const std::string private_channel = "private-" + public_channel;
constexpr auto ping_text = R"({"event":"pusher:ping","data":{}})";

std::string subscribe(const std::string& channel, const std::string& auth = {}) {
  return nlohmann::json{{"event", "pusher:subscribe"},
                        {"data", {{"channel", channel}, {"auth", auth}}}}
      .dump();
}

/// The close frame that comes after any number of text frames.
frame read_until_close(raw_client& client) {
  for (int i = 0; i < 100'000; ++i) {
    auto got = client.read();
    if (got.op == opcode::close) return got;
  }
  FAIL("no close frame came");
  return {};
}

/// The process's descriptors that are sockets.
std::set<int> open_sockets() {
  std::set<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const auto target = std::filesystem::read_symlink(entry.path(), error).string();
    if (!error && target.starts_with("socket:")) found.insert(std::stoi(entry.path().filename()));
  }
  return found;
}

/// Both ends of a close that the server began.
void require_closed(raw_client& client, unsigned code) {
  const auto got = client.read();
  REQUIRE(got.op == opcode::close);
  REQUIRE(got.code() == code);
  client.say_goodbye();
  REQUIRE(client.at_end());
}

void require_error_then_closed(raw_client& client, unsigned code) {
  const auto error = client.read_json();
  REQUIRE(error["event"] == "pusher:error");
  REQUIRE(error["data"]["code"] == code);
  REQUIRE_FALSE(error["data"]["message"].get<std::string>().empty());
  require_closed(client, code);
}

}  // namespace

// -- opening -----------------------------------------------------------------

TEST_CASE("the first frame of a connection tells its socket id", "[net][websocket]") {
  websocket_server server;
  server.settings.server_name = "velo/test";
  auto client = server.upgrade();
  const auto response = client.read_handshake();
  REQUIRE(response.starts_with("HTTP/1.1 101 "));
  REQUIRE(response.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);  // RFC 6455 1.3
  REQUIRE(response.find("Server: velo/test\r\n") != std::string::npos);
  const auto first = client.read_json();
  REQUIRE(first["event"] == "pusher:connection_established");
  REQUIRE(nlohmann::json::parse(first["data"].get<std::string>())["activity_timeout"] == 120);
  REQUIRE(socket_id_of(first).find('.') != std::string::npos);
  REQUIRE(server.settings.connections == 1);
}

TEST_CASE("a refused connection is upgraded, then closed with the reason", "[net][websocket]") {
  websocket_server server;
  websocket_server::options how;
  unsigned code = 0;
  SECTION("unknown key") {
    how.target = "/app/nobody?protocol=7";
    code = 4001;
  }
  SECTION("disabled app") {
    how.target = "/app/disabled-key?protocol=7";
    code = 4003;
  }
  SECTION("another path") {
    how.target = "/app/key/more";
    code = 4005;
  }
  SECTION("bad version") {
    how.target = "/app/key?protocol=x";
    code = 4006;
  }
  SECTION("unsupported version") {
    how.target = "/app/key?protocol=8";
    code = 4007;
  }
  SECTION("foreign origin") {
    how.target = "/app/strict-key";
    how.origin = "https://b.example";
    code = 4009;
  }
  SECTION("draining") {
    server.settings.draining = true;
    code = 4100;
  }
  auto client = server.upgrade(how);
  REQUIRE(client.read_handshake().starts_with("HTTP/1.1 101 "));
  require_error_then_closed(client, code);
  server.on_loop([&] {
    REQUIRE(server.sessions().empty());
    REQUIRE(server.settings.connections == 0);
  });
}

TEST_CASE("a server that is full asks to come back, until a place is free", "[net][websocket]") {
  websocket_server server;
  server.settings.connections_max = 1;
  auto first = server.connect();
  auto second = server.upgrade();
  second.read_handshake();
  require_error_then_closed(second, 4100);
  first.say_goodbye();
  REQUIRE(first.read().op == opcode::close);
  REQUIRE(first.at_end());
  server.log.wait_for(1);
  server.connect();
}

TEST_CASE("an upgrade that is none is answered and ends", "[net][websocket]") {
  websocket_server server;
  websocket_server::options how;
  how.valid_upgrade = false;
  auto client = server.upgrade(how);
  REQUIRE(client.read_handshake().starts_with("HTTP/1.1 400 "));
}

// -- Pusher frames -----------------------------------------------------------

TEST_CASE("pings of both kinds are answered", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  client.text(ping_text);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
  client.send(opcode::ping, "payload");
  const auto pong = client.read();
  REQUIRE(pong.op == opcode::pong);
  REQUIRE(pong.payload == "payload");
}

TEST_CASE("what is no Pusher frame is answered by error 4300, the socket stays",
          "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  for (const auto* text : {"hello", "", "[]", R"({"data":1})", R"({"event":7})",
                           R"({"event":"pusher:unheard","data":{}})", R"({"event":)"}) {
    client.text(text);
    const auto answer = client.read_json();
    REQUIRE(answer["event"] == "pusher:error");
    REQUIRE(answer["data"]["code"] == 4300);
  }
  client.text(ping_text);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
}

TEST_CASE("a hundred bad frames in a row are the last", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  for (int i = 0; i < 99; ++i) client.text("x");
  client.text(ping_text);
  for (int i = 0; i < 100; ++i) client.text("x");
  for (int i = 0; i < 99; ++i) REQUIRE(client.read_json()["event"] == "pusher:error");
  REQUIRE(client.read_json()["event"] == "pusher:pong");
  for (int i = 0; i < 99; ++i) REQUIRE(client.read_json()["event"] == "pusher:error");
  require_closed(client, 1008);
}

TEST_CASE("subscriptions to record channels go to the actor", "[net][websocket]") {
  websocket_server server;
  auto client = server.upgrade();
  client.read_handshake();
  const auto socket_id = socket_id_of(client.read_json());
  const auto auth = sign_channel("key", "secret", socket_id, private_channel).value();
  client.text(subscribe(public_channel));
  client.text(subscribe(private_channel, auth));
  client.text(R"({"event":"pusher:unsubscribe","data":{"channel":")" + public_channel + "\"}}");
  REQUIRE(server.log.wait_for(3) == std::vector<std::string>{"subscribe " + public_channel,
                                                             "subscribe " + private_channel,
                                                             "unsubscribe " + public_channel});
  server.on_loop([&] { server.sessions()[0]->subscription_succeeded(public_channel); });
  const auto answer = client.read_json();
  REQUIRE(answer["event"] == "pusher_internal:subscription_succeeded");
  REQUIRE(answer["channel"] == public_channel);
}

TEST_CASE("a subscription that cannot be is answered by its reason", "[net][websocket]") {
  websocket_server server;
  auto client = server.upgrade();
  client.read_handshake();
  const auto socket_id = socket_id_of(client.read_json());
  const auto [channel, auth, type,
              status] = GENERATE_COPY(table<std::string, std::string, std::string, int>({
      {private_channel, "", "AuthError", 401},
      {private_channel, "key:" + std::string(64, '0'), "AuthError", 401},
      {private_channel, sign_channel("key", "other", "1.1", private_channel).value(), "AuthError",
       401},
      {"velo.realtime.nobody", "", "NotFound", 404},
      {"private-velo.realtime.", "", "NotFound", 404},
      {"presence-velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11", "", "NotFound", 404},
      {"private-x", "", "AuthError", 401},
      {"private-x", "strict-key:" + std::string(64, '0'), "AuthError", 401},
      {"private-x", sign_channel("key", "secret", "1.1", "private-x").value(), "AuthError", 401},
      {"presence-room", "key:x", "AuthError", 401},
      {"private-encrypted-cache-x", "key:x", "AuthError", 401},
      {"no spaces", "", "NotFound", 400},
      {std::string(165, 'c'), "", "NotFound", 400},
      {"#other", "", "NotFound", 404},
  }));
  client.text(subscribe(channel, auth));
  const auto answer = client.read_json();
  REQUIRE(answer["event"] == "pusher:subscription_error");
  REQUIRE(answer["channel"] == channel);
  REQUIRE(answer["data"]["type"] == type);
  REQUIRE(answer["data"]["status"] == status);
  REQUIRE(server.log.entries().empty());
}

TEST_CASE("subscriptions to plain channels go to the actor once they are authorised",
          "[net][websocket]") {
  websocket_server server;
  server.settings.apps.front().keys.push_back({"newer-key", "newer-secret"});
  server.settings.identities.member_bytes = 20;
  server.settings.identities.user_id_bytes = 5;
  auto client = server.upgrade();
  client.read_handshake();
  const auto socket_id = socket_id_of(client.read_json());
  const auto presence = [&](const std::string& data) {
    const auto auth = sign_channel("key", "secret", socket_id, "presence-room", data).value();
    client.text(nlohmann::json{
        {"event", "pusher:subscribe"},
        {"data", {{"channel", "presence-room"}, {"auth", auth}, {"channel_data", data}}}}
                    .dump());
  };
  client.text(subscribe("chat"));
  // Any active key of the app will do, whichever the connection came with.
  client.text(subscribe("private-x",
                        sign_channel("newer-key", "newer-secret", socket_id, "private-x").value()));
  client.text(subscribe("#server-to-user-1"));
  presence(R"({"user_id":10,"user_info":{"z":1,"a":"\u00eb"}})");
  presence(R"({"user_id":"u"})");
  REQUIRE(server.log.wait_for(5) ==
          std::vector<std::string>{"join chat", "join private-x", "join #server-to-user-1",
                                   R"(join presence-room 10 {"z":1,"a":"ë"})",
                                   "join presence-room u null"});
  for (const std::string data :
       {R"({"user_id":""})", R"({"user_id":[]})", "{}", "x", R"({"user_id":"123456"})",
        R"({"user_id":"1","user_info":"1234567890123456789"})"}) {
    CAPTURE(data);
    presence(data);
    const auto answer = client.read_json();
    REQUIRE(answer["event"] == "pusher:subscription_error");
    REQUIRE(answer["data"]["type"] == (data.size() >= 20 ? "LimitReached" : "AuthError"));
  }
}

TEST_CASE("a client's events go to the actor, but for record channels", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  client.text(R"({"event":"client-a","channel":"private-x","data":{"n":1},"user_id":"7"})");
  REQUIRE(server.log.wait_for(1).front() == R"(client-a private-x {"n":1})");
  for (const std::string kind : {"private-", "presence-", "private-cache-", ""}) {
    client.text(R"({"event":"client-a","channel":")" + kind + public_channel + R"(","data":"{}"})");
    REQUIRE(client.read_json()["data"]["code"] == 4301);
  }
  REQUIRE(server.log.entries().size() == 1);
}

TEST_CASE("a sign-in that is signed goes to the actor", "[net][websocket]") {
  websocket_server server;
  server.settings.identities.watchlist = 2;
  auto client = server.upgrade();
  client.read_handshake();
  const auto socket_id = socket_id_of(client.read_json());
  const auto sign_in = [&](const std::string& user_data) {
    client.text(nlohmann::json{{"event", "pusher:signin"},
                               {"data",
                                {{"auth", sign_user("key", "secret", socket_id, user_data).value()},
                                 {"user_data", user_data}}}}
                    .dump());
  };
  sign_in(R"({"id":"u1","user_info":{"a":1},"watchlist":["a","a","b"]})");
  sign_in(R"({"id":"u2","watchlist":["a","b","c"]})");
  REQUIRE(server.log.wait_for(2) ==
          std::vector<std::string>{R"(sign in u1 {"a":1} a b)", "sign in u2 null a b and more"});
}

TEST_CASE("a sign-in that is not as it should be ends the connection", "[net][websocket]") {
  websocket_server server;
  auto client = server.upgrade();
  client.read_handshake();
  const auto socket_id = socket_id_of(client.read_json());
  const auto [user_data, signed_data] = GENERATE(table<std::string, std::string>({
      {R"({"id":"u1"})", R"({"id":"u2"})"},
      {R"({"id":1})", ""},
      {R"({"id":""})", ""},
      {"{}", ""},
      {"x", ""},
      {R"({"id":"u1","watchlist":"u2"})", ""},
      {R"({"id":"u1","watchlist":[1]})", ""},
  }));
  const auto auth =
      sign_user("key", "secret", socket_id, signed_data.empty() ? user_data : signed_data).value();
  client.text(nlohmann::json{{"event", "pusher:signin"},
                             {"data", {{"auth", auth}, {"user_data", user_data}}}}
                  .dump());
  require_error_then_closed(client, 4009);
}

TEST_CASE("frames that go to many are sent as they are, small or large", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  server.on_loop([&] {
    for (const std::size_t bytes : {2U, 4095U, 4096U, 70'000U})
      server.sessions()[0]->deliver_text(std::make_shared<const std::string>(bytes, 'x'));
  });
  for (const std::size_t bytes : {2U, 4095U, 4096U, 70'000U})
    REQUIRE(client.read().payload == std::string(bytes, 'x'));
}

TEST_CASE("an app that has as many connections as it may refuses more for good",
          "[net][websocket]") {
  actors::app_options limited;
  limited.id = "app";
  limited.connections_max = 1;
  std::vector<actors::app_options> apps;
  apps.push_back(limited);
  const actors::channel_directory channels(std::move(apps), {});
  websocket_server server;
  server.settings.channels = &channels;
  const auto* live = channels.find_app("app");
  auto first = server.connect();
  REQUIRE(live->connections == 1);
  auto second = server.upgrade();
  second.read_handshake();
  require_error_then_closed(second, 4004);
  first.say_goodbye();
  REQUIRE(first.read().op == opcode::close);
  REQUIRE(first.at_end());
  server.log.wait_for(1);
  REQUIRE(live->connections == 0);
  server.connect();
}

// -- RFC 6455 ----------------------------------------------------------------

TEST_CASE("messages may come in fragments, with pings between", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  const std::string text = ping_text;
  client.send(opcode::text, text.substr(0, 5), false);
  client.send(opcode::ping, "");
  client.send(opcode::continuation, "", false);
  client.send(opcode::continuation, text.substr(5), true);
  REQUIRE(client.read().op == opcode::pong);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
}

TEST_CASE("a frame may arrive byte by byte, and many at once", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  const auto one = raw_client::encode(opcode::text, ping_text);
  for (const char byte : one) client.send_bytes({&byte, 1});
  std::string many;
  for (int i = 0; i < 99; ++i) many += one;
  client.send_bytes(many);
  for (int i = 0; i < 100; ++i) REQUIRE(client.read_json()["event"] == "pusher:pong");
}

TEST_CASE("a message as long as allowed is read", "[net][websocket]") {
  websocket_server server;
  server.settings.frame_bytes_max = 70'000;
  auto client = server.connect();
  const auto empty = subscribe("").size();
  const std::string channel(server.settings.frame_bytes_max - empty, 'c');
  client.text(subscribe(channel));
  REQUIRE(client.read_json()["channel"] == channel);
}

TEST_CASE("a frame that breaks the rules closes the connection with their code",
          "[net][websocket]") {
  websocket_server server;
  server.settings.frame_bytes_max = 1000;
  auto client = server.connect();
  unsigned code = 0;
  SECTION("binary") {
    client.send(opcode::binary, "x");
    code = 1003;
  }
  SECTION("not UTF-8") {
    client.text("{\"event\":\"\xc3\x28\"}");
    code = 1007;
  }
  SECTION("too large by its header alone") {
    client.send_bytes(raw_client::encode(opcode::text, std::string(1001, ' ')).substr(0, 8));
    code = 1009;
  }
  SECTION("too large, and followed by more that nobody reads") {
    client.text(std::string(300'000, ' '));
    code = 1009;
  }
  SECTION("too large in fragments") {
    client.send(opcode::text, std::string(600, ' '), false);
    client.send(opcode::continuation, std::string(600, ' '), true);
    code = 1009;
  }
  SECTION("not masked") {
    client.send_bytes(raw_client::encode(opcode::text, ping_text, true, false));
    code = 1002;
  }
  SECTION("a reserved bit") {
    auto bytes = raw_client::encode(opcode::text, ping_text);
    bytes[0] = static_cast<char>(bytes[0] | 0x40);
    client.send_bytes(bytes);
    code = 1002;
  }
  SECTION("a continuation of nothing") {
    client.send(opcode::continuation, "x");
    code = 1002;
  }
  SECTION("a fragmented ping") {
    client.send(opcode::ping, "x", false);
    code = 1002;
  }
  const auto got = client.read();
  REQUIRE(got.op == opcode::close);
  REQUIRE(got.code() == code);
  client.say_goodbye();
  REQUIRE(client.at_end());
  server.log.wait_for(1);
  REQUIRE(server.log.entries() == std::vector<std::string>{"closed"});
}

TEST_CASE("a client's goodbye is answered after what was queued, and nothing follows",
          "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  server.on_loop([&] {
    server.deliver(0, 1);
    client.say_goodbye(1001);
  });
  REQUIRE(number_of(client.read_json()) == 1);
  // Whatever is delivered from here on, before or after the server has seen the
  // goodbye, comes before its answer or not at all.
  for (int i = 2; i < 50; ++i) server.on_loop([&] { server.deliver(0, i); });
  const auto got = read_until_close(client);
  REQUIRE(got.code() == 1001);
  REQUIRE(client.at_end());
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
}

// -- deadlines ---------------------------------------------------------------

TEST_CASE("a silent client is pinged, then closed with 4201", "[net][websocket]") {
  websocket_server server;
  server.settings.activity_timeout = 20ms;
  server.settings.pong_timeout = 500ms;  // long enough for this test's own pongs
  auto client = server.connect();
  for (int i = 0; i < 3; ++i) {
    const auto ping = client.read();
    REQUIRE(ping.op == opcode::ping);
    client.send(opcode::pong, ping.payload);
  }
  REQUIRE(client.read().op == opcode::ping);
  require_error_then_closed(client, 4201);
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
}

TEST_CASE("a client that does not say goodbye is not waited for", "[net][websocket]") {
  websocket_server server;
  server.settings.close_timeout = 50ms;
  auto client = server.connect();
  server.on_loop([&] { server.sessions()[0]->close(4200, "restart"); });
  REQUIRE(client.read_json()["data"]["message"] == "restart");
  REQUIRE(client.read().code() == 4200);
  // Nothing is said; the server ends it.
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
  REQUIRE(client.at_end());
  REQUIRE(server.settings.connections == 0);
}

// -- deliveries --------------------------------------------------------------

TEST_CASE("an event is delivered as a frame of its channel", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  const auto name = GENERATE(as<std::string>{}, "created", "a \"b\" \\ \n");
  const auto size = GENERATE(0, 10, 100, 5000, 60'000, 70'000);
  const auto data = R"({\"k\":\")" + std::string(static_cast<std::size_t>(size), 'v') + R"(\"})";
  server.on_loop([&] {
    server.sessions()[0]->deliver({name, data}, "private-velo.realtime.", channel_uuid);
  });
  const auto got = client.read_json();
  REQUIRE(got["event"] == name);
  REQUIRE(got["channel"] == private_channel);
  const auto payload = nlohmann::json::parse(got["data"].get<std::string>());
  REQUIRE(payload["k"].get<std::string>().size() == static_cast<std::size_t>(size));
}

TEST_CASE("deliveries and answers to pings keep their order", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  constexpr int rounds = 200;
  constexpr int per_round = 5;
  int expected = 0;
  int pongs = 0;
  int answers = 0;
  for (int round = 0; round < rounds; ++round) {
    client.send(opcode::ping, std::to_string(round));
    client.text(ping_text);
    server.on_loop([&] {
      for (int i = 0; i < per_round; ++i) server.deliver(0, round * per_round + i);
    });
  }
  while (expected < rounds * per_round || pongs < rounds || answers < rounds) {
    const auto got = client.read();
    if (got.op == opcode::pong) {
      REQUIRE(got.payload == std::to_string(pongs++));
    } else if (const auto json = got.json(); json["event"] == "pusher:pong") {
      ++answers;
    } else {
      REQUIRE(number_of(json) == expected++);
    }
  }
  REQUIRE(pongs == rounds);
  REQUIRE(answers == rounds);
}

TEST_CASE("a reader that takes byte by byte gets thousands of frames whole and in order",
          "[net][websocket]") {
  websocket_server server;
  server.settings.outbox.frames_max = 10'000;
  server.settings.outbox.bytes_max = 4U << 20U;
  websocket_server::options how;
  how.send_buffer = 1;     // the kernel's minimum
  how.receive_buffer = 1;  // likewise
  auto client = server.connect(how);
  constexpr int count = 3000;
  server.on_loop([&] {
    for (int i = 0; i < count; ++i) {
      server.deliver(0, i, i % 100 == 0 ? 6000 : static_cast<std::size_t>(i % 50));
    }
  });
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    auto head = client.read_bytes(1);
    head += client.read_bytes(1);
    INFO(i);
    REQUIRE(static_cast<unsigned char>(head[0]) == 0x81);
    std::size_t length = static_cast<unsigned char>(head[1]);
    REQUIRE(length <= 126);
    if (length == 126) {
      const auto high = static_cast<unsigned char>(client.read_bytes(1)[0]);
      length = high * 256U + static_cast<unsigned char>(client.read_bytes(1)[0]);
    }
    bytes.clear();
    while (bytes.size() < length) bytes += client.read_bytes(1);
    REQUIRE(number_of(nlohmann::json::parse(bytes)) == i);
    if (i % 500 == 0) client.send(opcode::ping, "");  // its pong comes after all that is queued
  }
  for (int i = 0; i < count; i += 500) REQUIRE(client.read().op == opcode::pong);
}

TEST_CASE("a client that does not read is closed with 4100 at the limit", "[net][websocket]") {
  websocket_server server;
  server.settings.outbox.bytes_max = 32'000;
  websocket_server::options how;
  how.send_buffer = 1;
  how.receive_buffer = 1;
  auto client = server.connect(how);
  bool closed = false;
  SECTION("in one turn") {
    server.on_loop([&] {
      for (int i = 0; i < 1000; ++i) server.deliver(0, i, 100);
    });
    closed = true;
  }
  SECTION("in many turns") {
    for (int i = 0; i < 1000; ++i) server.on_loop([&] { server.deliver(0, i, 100); });
    closed = true;
  }
  REQUIRE(closed);
  int expected = 0;
  auto got = client.read();
  for (; got.op == opcode::text && got.json()["event"] == "created"; got = client.read()) {
    REQUIRE(number_of(got.json()) == expected++);
  }
  REQUIRE(expected > 100);
  REQUIRE(expected < 1000);
  if (got.op == opcode::text) got = client.read();  // pusher:error, where there was room
  REQUIRE(got.op == opcode::close);
  REQUIRE(got.code() == 4100);
  client.say_goodbye();
  REQUIRE(client.at_end());
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
}

TEST_CASE("a client that pings without reading meets the same limit", "[net][websocket]") {
  websocket_server server;
  server.settings.outbox.bytes_max = 2000;
  server.settings.close_timeout = 50ms;
  websocket_server::options how;
  how.send_buffer = 1;
  how.receive_buffer = 1;
  auto client = server.connect(how);
  const bool protocol_ping = GENERATE(true, false);
  const auto one = protocol_ping ? raw_client::encode(opcode::ping, std::string(125, 'p'))
                                 : raw_client::encode(opcode::text, ping_text);
  std::string many;
  for (int i = 0; i < 100; ++i) many += one;
  // Bounded: the server ends the connection, or takes in what it does not answer.
  for (int i = 0; i < 20 && server.log.entries().empty(); ++i) {
    if (!client.try_send(many)) break;
  }
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
}

TEST_CASE("where too much is queued for all, the fullest are closed, and the others hear all",
          "[net][websocket]") {
  websocket_server server;
  server.loop.bound_outboxes(400'000);
  websocket_server::options stuck;
  stuck.send_buffer = 1;
  stuck.receive_buffer = 1;
  auto reader = server.connect();
  std::vector<raw_client> full;
  full.reserve(3);
  for (int i = 0; i < 3; ++i) full.push_back(server.connect(stuck));
  constexpr int count = 200;
  for (int n = 0; n < count; ++n) {
    server.on_loop([&] {
      // One has twice as much as another waiting.
      for (std::size_t i = 0; i < 4; ++i) server.deliver(i, n, i == 1 ? 2'000 : 1'000);
    });
    REQUIRE(number_of(reader.read_json()) == n);
  }
  std::size_t queued = 0;
  server.on_loop([&] { queued = server.loop.buffers().queued_bytes(); });
  REQUIRE(queued <= 400'000);
  REQUIRE(server.loop.counters().shed.value() >= 1);
  // What it was sent of is whole and in order, then it hears why.
  int expected = 0;
  auto got = full[0].read();
  for (; got.op == opcode::text && got.json()["event"] == "created"; got = full[0].read())
    REQUIRE(number_of(got.json()) == expected++);
  REQUIRE(expected < count);
  if (got.op == opcode::text) got = full[0].read();
  REQUIRE(got.op == opcode::close);
  REQUIRE(got.code() == 4100);
}

TEST_CASE("events that wait for acknowledgements count among what is queued for all",
          "[net][websocket]") {
  websocket_server server;
  server.loop.bound_outboxes(100'000);
  auto light = server.connect();
  auto heavy = server.connect();
  actors::attachments attached{std::string(channel_prefix)};
  std::vector<actors::attachment_id> ids;
  std::uint64_t sequence = 0;
  const auto deliver = [&](std::size_t to, std::size_t bytes) {
    auto e = numbered_event(static_cast<int>(++sequence), bytes);
    e.sequence = sequence;
    attached.deliver(actors::fan_out{
        std::make_shared<const actors::event>(std::move(e)), {ids[to]}, 0, nullptr});
  };
  const auto queued = [&] {
    std::size_t bytes = 0;
    server.on_loop([&] { bytes = server.loop.buffers().queued_bytes(); });
    return bytes;
  };
  server.on_loop([&] {
    attached.count_held(server.loop);
    const auto channel = *actors::channel_id::parse(channel_uuid);
    for (const auto& session : server.sessions()) {
      ids.push_back(attached.add(*session, channel, false));
      attached.succeed(actors::attached{ids.back(), ids.size(), 0});
    }
    for (std::size_t to : {0U, 1U})
      for (std::uint32_t i = 0; i < actors::attachments::unacknowledged_max; ++i) deliver(to, 0);
  });
  const auto read_pings = [&](raw_client& client) {
    int pings = 0;
    for (std::uint32_t events = 0; events < actors::attachments::unacknowledged_max;) {
      const auto event = client.read_json()["event"];
      if (event == "created") ++events;
      if (event == "pusher:ping") ++pings;
    }
    return pings;
  };
  REQUIRE(light.read_json()["event"] == "pusher_internal:subscription_succeeded");
  REQUIRE(heavy.read_json()["event"] == "pusher_internal:subscription_succeeded");
  const auto pings = read_pings(light);
  REQUIRE(pings > 0);
  REQUIRE(read_pings(heavy) == pings);
  REQUIRE(queued() == 0);

  // Nothing of this is sent, so no socket has anything to flush.
  constexpr std::size_t waiting = 30;
  server.on_loop([&] {
    for (std::size_t i = 0; i < waiting; ++i) deliver(0, 1'000);
  });
  const auto light_bytes = queued();
  REQUIRE(light_bytes > waiting * 1'000);
  REQUIRE(light_bytes < 40'000);

  SECTION("the socket for which most of it waits is sent away") {
    server.on_loop([&] {
      for (std::size_t i = 0; i < waiting; ++i) deliver(1, 3'000);
    });
    const auto got = read_until_close(heavy);
    CHECK(got.code() == 4100);
    CHECK(server.loop.counters().shed.value() == 1);
    CHECK(queued() == light_bytes);
    // Its end is not known yet where events come from.
    server.on_loop([&] { deliver(1, 3'000); });
    CHECK(queued() == light_bytes);

    // The other acknowledges, and hears all.
    for (int i = 0; i < pings; ++i) light.text(R"({"event":"pusher:pong","data":{}})");
    std::size_t heard = 0;
    while (heard < waiting)
      if (light.read_json()["event"] == "created") ++heard;
    CHECK(queued() == 0);
  }
  SECTION("and no more, when the socket has ended") {
    light.abort();
    REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
    CHECK(queued() == 0);
  }
  SECTION("and no more, when the subscription has") {
    server.on_loop([&] { attached.remove(ids[0]); });
    CHECK(queued() == 0);
  }
  server.on_loop([&] {
    for (const auto id : ids) attached.remove(id);
  });
}

TEST_CASE("a client that answers no pusher:ping acknowledges by the protocol's pongs",
          "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  actors::acknowledgements* acks = nullptr;
  const auto heard = [&] {
    std::uint32_t ping = 0;
    server.on_loop([&] { ping = acks->heard(); });
    return ping;
  };
  std::string payload;
  server.on_loop([&] { acks = server.sessions()[0]->acknowledged(); });
  for (std::uint32_t n = 1; n <= 3; ++n) {
    server.on_loop([&] { server.sessions()[0]->ask_for_acknowledgement(); });
    REQUIRE(client.read_json()["event"] == "pusher:ping");
  }
  const auto ping = client.read();
  REQUIRE(ping.op == opcode::ping);
  // Pongs that nobody asked for, or heartbeats' ones, acknowledge nothing.
  for (const std::string wrong : {"", "ack ", "ack 9", "ack 3x", "3", "ack -1"})
    client.send(opcode::pong, wrong);
  client.text(ping_text);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
  REQUIRE(heard() == 0);
  client.send(opcode::pong, ping.payload);
  client.text(ping_text);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
  REQUIRE(heard() == 3);
  // A pusher:pong that comes late is the first ping's, not the fourth's.
  server.on_loop([&] { server.sessions()[0]->ask_for_acknowledgement(); });
  REQUIRE(client.read_json()["event"] == "pusher:ping");
  REQUIRE(client.read().op == opcode::ping);
  client.text(R"({"event":"pusher:pong","data":{}})");
  client.text(ping_text);
  REQUIRE(client.read_json()["event"] == "pusher:pong");
  REQUIRE(heard() == 3);
}

TEST_CASE("the kernel gives up on a peer that takes nothing as soon as the server would",
          "[net][websocket]") {
  websocket_server server;
  server.settings.activity_timeout = 7s;
  server.settings.pong_timeout = 2500ms;
  const auto sockets_before = open_sockets();
  auto client = server.connect();
  std::vector<unsigned> timeouts;
  for (const int descriptor : open_sockets()) {
    if (sockets_before.contains(descriptor)) continue;
    unsigned timeout = 0;
    socklen_t size = sizeof timeout;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size) == 0)
      timeouts.push_back(timeout);
  }
  // Both ends are this process's: the client's has none.
  std::sort(timeouts.begin(), timeouts.end());
  REQUIRE(timeouts == std::vector<unsigned>{0, 9500});
}

// -- the end -----------------------------------------------------------------

TEST_CASE("the actor hears of the end once, whoever brings it", "[net][websocket]") {
  websocket_server server;
  server.settings.close_timeout = 50ms;
  auto client = server.connect();
  std::shared_ptr<velo::actors::session> session;
  server.on_loop([&] { session = server.sessions()[0]; });
  SECTION("the client says goodbye") {
    client.say_goodbye();
    REQUIRE(client.read().code() == 1000);
    REQUIRE(client.at_end());
  }
  SECTION("the client says goodbye and stays") {
    client.say_goodbye();
    REQUIRE(client.read().code() == 1000);
  }
  SECTION("the client is gone without a word") {
    client.abort();
  }
  SECTION("both at once") {
    server.on_loop([&] {
      session->close(4200, "");
      client.say_goodbye();
    });
    client.read_json();
    REQUIRE(client.read().op == opcode::close);
  }
  SECTION("closed twice") {
    server.on_loop([&] {
      session->close(4200, "once");
      session->close(4100, "twice");
    });
    REQUIRE(client.read_json()["data"]["message"] == "once");
    REQUIRE(client.read().code() == 4200);
    client.say_goodbye();
  }
  SECTION("the loop ends") {
    server.loop.stop();
    server.loop.join();
    REQUIRE(server.log.entries() == std::vector<std::string>{"closed"});
    REQUIRE(server.settings.connections == 0);
    return;
  }
  REQUIRE(server.log.wait_for(1) == std::vector<std::string>{"closed"});
  // From now on every call does nothing.
  server.on_loop([&] {
    session->deliver(numbered_event(1), channel_prefix, channel_uuid);
    session->subscription_succeeded(public_channel);
    session->subscription_error(public_channel, {});
    session->close(4200, "again");
  });
  server.on_loop([] {});
  REQUIRE(server.log.entries() == std::vector<std::string>{"closed"});
  REQUIRE(server.settings.connections == 0);
}

TEST_CASE("the actor's close says why, in as much as fits a close frame", "[net][websocket]") {
  websocket_server server;
  auto client = server.connect();
  std::string reason(122, 'r');
  reason += "\xc3\xa9 and more";  // would be cut in the middle of a character
  server.on_loop([&] {
    server.deliver(0, 1);
    server.sessions()[0]->close(4100, reason);
    server.deliver(0, 2);
  });
  REQUIRE(number_of(client.read_json()) == 1);
  const auto error = client.read_json();
  REQUIRE(error["data"]["code"] == 4100);
  REQUIRE(error["data"]["message"] == reason);
  const auto got = client.read();
  REQUIRE(got.code() == 4100);
  REQUIRE(got.reason() == std::string(122, 'r'));
  // Frames of a peer that has not seen the close yet are read and dropped.
  client.text(ping_text);
  client.send(opcode::ping, "");
  client.say_goodbye();
  REQUIRE(client.at_end());
}

TEST_CASE("a drain closes every socket with its code", "[net][websocket]") {
  websocket_server server;
  std::vector<raw_client> clients;
  clients.reserve(30);
  for (int i = 0; i < 30; ++i) clients.push_back(server.connect());
  server.loop.drain(4100, "The server is restarting.", 300ms);
  for (auto& client : clients) require_error_then_closed(client, 4100);
  REQUIRE(server.log.wait_for(clients.size()).size() == clients.size());
}

TEST_CASE("sockets that die in the middle of a fan-out harm nobody else", "[net][websocket]") {
  websocket_server server;
  constexpr std::size_t count = 200;
  constexpr int events = 50;
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < count; ++i) clients.push_back(server.connect());
  for (int n = 0; n < events; ++n) {
    server.on_loop([&] {
      for (std::size_t i = 0; i < count; ++i) {
        server.deliver(i, n, 200);
        if (n == 20 && i % 2 == 0) clients[i].abort();
      }
    });
  }
  for (std::size_t i = 1; i < count; i += 2) {
    for (int n = 0; n < events; ++n) REQUIRE(number_of(clients[i].read_json()) == n);
  }
  REQUIRE(server.log.wait_for(count / 2).size() == count / 2);
}
