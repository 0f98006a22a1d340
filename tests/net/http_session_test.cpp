#include "net/http_session.hpp"

#include "tests/net/http_support.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace velo::net;
using namespace velo::net::testing;
using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;
using tcp = boost::asio::ip::tcp;

namespace {

// Routes: POST /echo answers the body, GET /hello a text, GET /slow when told to.
struct fixture : http_server {
  fixture() {
    settings->routes.add("POST", "/echo", [](request&& r, const respond& answer) {
      answer({.status = 200, .body = r.body, .content_type = "text/plain"});
    });
    settings->routes.add("GET", "/hello", [](request&&, const respond& answer) {
      answer({.status = 200, .body = R"("hello")"});
    });
    settings->routes.add("GET", "/slow", [this](request&& r, respond answer) {
      pending.emplace_back(r.query("n").value_or(""), std::move(answer));
      asked.set_value();
    });
    settings->routes.add("GET", "/throws",
                         [](request&&, const respond&) { throw std::runtime_error("secret"); });
    settings->routes.add("GET", "/forgets", [](request&&, const respond&) {});
    settings->routes.add("GET", "/about/{name}", [](request&& r, const respond& answer) {
      answer(json_response(200, {{"name", r.param("name")},
                                 {"path", r.path},
                                 {"id", r.id},
                                 {"remote", r.remote_address},
                                 {"q", r.query("q").value_or("")},
                                 {"token", r.bearer_token().value_or("none")},
                                 {"on_loop", r.loop->on_own_thread()}}));
    });
  }

  // Waits until a handler that says so has been asked once more.
  void await_asked() {
    REQUIRE(asked.get_future().wait_for(patience) == std::future_status::ready);
    on_loop([this] { asked = {}; });
  }

  void answer_slow() {
    on_loop([this] {
      auto [n, answer] = std::move(pending.front());
      pending.erase(pending.begin());
      answer({.status = 200, .body = n});
    });
  }

  std::size_t pending_count() {
    std::size_t count = 0;
    on_loop([&] { count = pending.size(); });
    return count;
  }

  // Until `count` connections are left, looked at once per tick.
  bool comes_down_to(std::size_t count) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (open() != count) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::promise<void> asked;
  std::vector<std::pair<std::string, respond>> pending;
};

const std::string host = "Host: localhost\r\n";

std::string get(const std::string& target, const std::string& headers = {}) {
  return "GET " + target + " HTTP/1.1\r\n" + host + headers + "\r\n";
}

std::string post(const std::string& body, const std::string& headers = {}) {
  return "POST /echo HTTP/1.1\r\n" + host + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string message_of(const received& r) {
  return json::parse(r.body).at("message").get<std::string>();
}

}  // namespace

TEST_CASE_METHOD(fixture, "a request is answered and the connection stays", "[net][http]") {
  start();
  raw_client client{port()};
  for (int i = 0; i < 3; ++i) {
    const received r = client.ask(get("/hello"));
    CHECK(r.status == 200);
    CHECK(r.body == R"("hello")");
    CHECK(r.has("Content-Type: application/json"));
    CHECK(r.has("Access-Control-Allow-Origin: *"));
    CHECK(r.header("Connection").empty());
    CHECK(r.header("X-Request-Id").size() == 16);
    CHECK(r.header("Date").ends_with(" GMT"));
  }
}

TEST_CASE_METHOD(fixture, "a handler sees what was sent, on its loop", "[net][http]") {
  start();
  raw_client client{port()};
  const received r = client.ask(
      get("/about/a%2Fb?q=x%20y&q=z", "X-Request-Id: abc-1\r\nauthorization: bearer T\r\n"));
  CHECK(r.has("X-Request-Id: abc-1"));
  const json about = json::parse(r.body);
  CHECK(about == json{{"name", "a/b"},
                      {"path", "/about/a/b"},
                      {"id", "abc-1"},
                      {"remote", "127.0.0.1"},
                      {"q", "z"},
                      {"token", "T"},
                      {"on_loop", true}});
}

TEST_CASE_METHOD(fixture, "bytes may come one by one", "[net][http]") {
  start();
  raw_client client{port()};
  client.socket().set_option(tcp::no_delay{true});
  const std::string all = "\r\n" + post("body", "X-Request-Id: first\r\n") + get("/hello");
  for (const char byte : all) client.send({&byte, 1});
  const received first = client.read();
  CHECK(first.body == "body");
  CHECK(first.has("X-Request-Id: first"));
  CHECK(client.read().body == R"("hello")");
}

TEST_CASE_METHOD(fixture, "pipelined requests are answered in order", "[net][http]") {
  start();
  raw_client client{port()};
  std::string all;
  constexpr int count = 2000;  // more than one turn, and than one buffer
  for (int i = 0; i < count; ++i) all += post(std::to_string(i));
  std::thread sender{[&] { client.send(all); }};
  bool in_order = true;
  for (int i = 0; i < count; ++i) in_order &= client.read().body == std::to_string(i);
  sender.join();
  CHECK(in_order);
}

TEST_CASE_METHOD(fixture, "a pipelined request waits for the answer before it", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/slow?n=1") + get("/slow?n=2") + get("/hello"));
  for (const auto* n : {"1", "2"}) {
    await_asked();
    CHECK(pending_count() == 1);
    answer_slow();
    CHECK(client.read().body == n);
  }
  CHECK(client.read().body == R"("hello")");
}

TEST_CASE_METHOD(fixture, "an answer larger than the socket takes arrives whole", "[net][http]") {
  settings->routes.add("GET", "/big", [](request&&, const respond& answer) {
    answer({.status = 200, .body = std::string(32 << 20, 'x')});
  });
  start();
  raw_client client{port()};
  client.send(get("/big") + get("/hello"));
  CHECK(client.read().body.size() == 32 << 20);
  CHECK(client.read().body == R"("hello")");
}

TEST_CASE_METHOD(fixture, "chunked bodies", "[net][http]") {
  start();
  raw_client client{port()};
  const std::string head = "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(client.ask(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").body == "abcde");
  CHECK(client.ask(head + "1\r\nx\r\n0\r\nTrailer: is-dropped\r\n\r\n").body == "x");
  client.send(head + "3\r\nab");
  client.send("c\r");
  client.send("\n0\r\n\r\n" + get("/hello"));
  CHECK(client.read().body == "abc");
  CHECK(client.read().status == 200);
  const received bad = client.ask(head + "zz\r\n");
  CHECK(bad.status == 400);
  CHECK(bad.has("Connection: close"));
}

TEST_CASE_METHOD(fixture, "a trailer adds no header", "[net][http]") {
  settings->routes.add("POST", "/who", [](request&& r, const respond& answer) {
    answer({.status = 200, .body = r.bearer_token().value_or("guest")});
  });
  start();
  raw_client client{port()};
  CHECK(client
            .ask("POST /who HTTP/1.1\r\n" + host +
                 "Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: Bearer T\r\n\r\n")
            .body == "guest");
}

TEST_CASE_METHOD(fixture, "an endless trailer or chunk head is refused", "[net][http]") {
  settings->header_bytes_max = 1000;
  start();
  const auto start_of = GENERATE("1;ext=", "0\r\nTrailer: ");
  raw_client client{port()};
  client.send("POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + start_of +
              std::string(2000, 'a'));
  CHECK(client.read().status == 400);
}

TEST_CASE_METHOD(fixture, "a client that asks first is told to go on", "[net][http]") {
  settings->body_bytes_max = 10;
  start();
  raw_client client{port()};
  const std::string head = "POST /echo HTTP/1.1\r\n" + host + "Expect: 100-continue\r\n";
  const received go_on = client.ask(head + "Content-Length: 4\r\n\r\n");
  CHECK(go_on.head == "HTTP/1.1 100 Continue\r\n\r\n");
  CHECK(client.ask("body").body == "body");
  CHECK(client.ask(head + "Content-Length: 11\r\n\r\n").status == 413);
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "HTTP/1.0 closes, unless asked to stay", "[net][http]") {
  start();
  raw_client client{port()};
  const received stays = client.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(stays.has("Connection: keep-alive"));
  const received goes = client.ask("GET /hello HTTP/1.0\r\n\r\n");
  CHECK(goes.body == R"("hello")");
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "Connection: close is obeyed, what follows is not read", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/hello", "Connection: close\r\n") + get("/hello"));
  CHECK(client.read().has("Connection: close"));
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "a client that closed its sending side gets its answer", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/slow?n=late"));
  client.socket().shutdown(tcp::socket::shutdown_send);
  await_asked();
  answer_slow();
  CHECK(client.read().body == "late");
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "HEAD answers as GET does, without the body", "[net][http]") {
  start();
  raw_client client{port()};
  client.send("HEAD /hello HTTP/1.1\r\n" + host + "\r\n" + get("/hello"));
  const received r = client.read(true);
  CHECK(r.status == 200);
  CHECK(r.has("Content-Length: 7"));
  CHECK(client.read().body == R"("hello")");
}

TEST_CASE_METHOD(fixture, "unknown paths, methods and broken targets", "[net][http]") {
  start();
  raw_client client{port()};
  const received missing = client.ask(get("/nowhere"));
  CHECK(missing.status == 404);
  CHECK(message_of(missing) == "Not found.");
  CHECK(missing.has("Access-Control-Allow-Origin: *"));
  const received method = client.ask("DELETE /hello HTTP/1.1\r\n" + host + "\r\n");
  CHECK(method.status == 405);
  CHECK(method.has("Allow: GET, HEAD, OPTIONS"));
  CHECK(message_of(method) == "Method not allowed.");
  CHECK(client.ask(get("/%zz")).status == 400);
  CHECK(client.ask(get("/%00")).status == 400);
  CHECK(client.ask(get("/hello?q=%ff")).status == 400);
  CHECK(client.ask(get("http://localhost/hello?x=1")).status == 200);
}

TEST_CASE_METHOD(fixture, "handlers that throw or forget are answered for", "[net][http]") {
  start();
  raw_client client{port()};
  const received thrown = client.ask(get("/throws"));
  CHECK(thrown.status == 500);
  CHECK_THAT(thrown.body, !Catch::Contains("secret"));
  CHECK(client.ask(get("/forgets")).status == 500);
  CHECK(client.ask(get("/hello")).status == 200);
}

TEST_CASE_METHOD(fixture, "OPTIONS: preflights and plain ones", "[net][http][cors]") {
  settings->origins = cors{{"https://a.example"}};
  start();
  raw_client client{port()};
  const received preflight =
      client.ask("OPTIONS /hello HTTP/1.1\r\n" + host +
                 "Origin: https://a.example\r\nAccess-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: authorization,x-socket-id\r\n\r\n");
  CHECK(preflight.status == 204);
  CHECK(preflight.has("Access-Control-Allow-Origin: https://a.example"));
  CHECK(preflight.has("Access-Control-Allow-Headers: authorization,x-socket-id"));
  CHECK(preflight.header("Content-Length").empty());
  const received plain = client.ask("OPTIONS /hello HTTP/1.1\r\n" + host + "\r\n");
  CHECK(plain.status == 204);
  CHECK(plain.has("Allow: GET, HEAD, OPTIONS"));
  CHECK(client.ask("OPTIONS * HTTP/1.1\r\n" + host + "\r\n").status == 204);
  CHECK(client.ask("OPTIONS /nowhere HTTP/1.1\r\n" + host + "\r\n").status == 404);
  const received stranger = client.ask(get("/nowhere", "Origin: https://b.example\r\n"));
  CHECK(stranger.header("Access-Control-Allow-Origin").empty());
  CHECK(stranger.has("Vary: Origin"));
}

TEST_CASE_METHOD(fixture, "what could be read in two ways is refused", "[net][http]") {
  start();
  const auto [request, status] = GENERATE(table<std::string, unsigned>({
      {"nonsense\r\n\r\n", 400},
      {"GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /hello HTTP/3.0\r\nHost: a\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\nHost: a\n\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
       "0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked"
       "\r\n\r\n0\r\n\r\n",
       400},
      {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n", 417},
  }));
  CAPTURE(request);
  raw_client client{port()};
  client.send(request + get("/hello"));
  const received r = client.read();
  CHECK(r.status == status);
  CHECK(r.has("Connection: close"));
  CHECK_FALSE(message_of(r).empty());
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "headers beyond the limit are refused", "[net][http]") {
  settings->header_bytes_max = 1000;
  start();
  const auto ended = GENERATE(""s, "\r\n\r\n"s);
  raw_client client{port()};
  client.send("GET /hello HTTP/1.1\r\n" + host + "X: " + std::string(1000, 'a') + ended);
  CHECK(client.read().status == 431);
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "a body beyond the limit is refused, and the client hears why",
                 "[net][http]") {
  settings->body_bytes_max = 1000;
  start();
  raw_client client{port()};
  CHECK(client.ask(post(std::string(1000, 'a'))).status == 200);
  // Sent whole before anything is read, as simple clients do.
  client.send(
      post(std::string(4 << 20, 'a'), "Origin: https://a.example\r\nX-Request-Id: big\r\n"));
  const received r = client.read();
  CHECK(r.status == 413);
  CHECK(message_of(r) == "The body is too large.");
  CHECK(r.has("Access-Control-Allow-Origin: *"));
  CHECK(r.has("X-Request-Id: big"));
  CHECK(r.has("Connection: close"));
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "chunks beyond the limit are refused", "[net][http]") {
  settings->body_bytes_max = 8;
  start();
  raw_client client{port()};
  client.send("POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" +
              "5\r\nabcde\r\n5\r\nabcde\r\n0\r\n\r\n");
  CHECK(client.read().status == 413);
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "half a request times out", "[net][http]") {
  settings->header_timeout = 50ms;
  settings->body_timeout = 50ms;
  start();
  const auto half = GENERATE("GET /hello HT"s, "POST /echo HTTP/1.1\r\nHost: a\r\n"s,
                             "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"s);
  CAPTURE(half);
  raw_client client{port()};
  client.send(half);
  const received r = client.read();
  CHECK(r.status == 408);
  CHECK(r.has("Connection: close"));
  CHECK(client.closed());
}

TEST_CASE_METHOD(fixture, "trickling bytes does not move a head's deadline", "[net][http]") {
  settings->header_timeout = 50ms;
  start();
  raw_client client{port()};
  client.send("GET /hello HTTP/1.1\r\n");
  // Sends on until the server has had enough; bounded by the test's patience.
  const auto until = std::chrono::steady_clock::now() + patience;
  boost::system::error_code error;
  while (client.socket().available() == 0 && std::chrono::steady_clock::now() < until) {
    boost::asio::write(client.socket(), boost::asio::buffer("X: a\r\n", 6), error);
    std::this_thread::sleep_for(1ms);  // the pace of the attack, not synchronisation
  }
  CHECK(client.read().status == 408);
}

TEST_CASE_METHOD(fixture, "silent connections are closed", "[net][http]") {
  settings->header_timeout = 50ms;
  settings->idle_timeout = 50ms;
  start();
  raw_client never_speaks{port()};
  raw_client spoke_once{port()};
  spoke_once.ask(get("/hello"));
  CHECK(never_speaks.closed());
  CHECK(spoke_once.closed());
  CHECK(comes_down_to(0));
}

TEST_CASE_METHOD(fixture, "empty lines alone do not keep a connection", "[net][http]") {
  settings->idle_timeout = 50ms;
  start();
  raw_client client{port()};
  // Sends on until the server has had enough; bounded by the test's patience.
  const auto until = std::chrono::steady_clock::now() + patience;
  boost::system::error_code error;
  while (!error && std::chrono::steady_clock::now() < until) {
    boost::asio::write(client.socket(), boost::asio::buffer("\r\n", 2), error);
    std::this_thread::sleep_for(1ms);  // the pace of the attack, not synchronisation
  }
  CHECK(error);
  CHECK(comes_down_to(0));
}

TEST_CASE_METHOD(fixture, "a client that reads nothing is let go", "[net][http]") {
  settings->send_timeout = 50ms;
  settings->routes.add("GET", "/big", [this](request&&, const respond& answer) {
    answer({.status = 200, .body = std::string(64 << 20, 'x')});
    asked.set_value();
  });
  start();
  raw_client client{port()};
  client.send(get("/big"));
  await_asked();
  CHECK(comes_down_to(0));
}

TEST_CASE_METHOD(fixture, "a client that reads a little now and then is let go", "[net][http]") {
  settings->send_timeout = 200ms;
  settings->send_bytes_per_second = 1U << 30U;
  settings->routes.add("GET", "/big", [this](request&&, const respond& answer) {
    answer({.status = 200, .body = std::string(64 << 20, 'x')});
    asked.set_value();
  });
  start();
  raw_client client{port()};
  client.send(get("/big"));
  await_asked();
  // As much as would keep it beyond the timeout by itself, but far from all.
  std::size_t got = 0;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (open() > 0 && std::chrono::steady_clock::now() < until) {
    std::array<char, 4096> block{};
    boost::system::error_code error;
    got += client.socket().read_some(boost::asio::buffer(block), error);
    std::this_thread::sleep_for(1ms);  // the pace of the attack, not synchronisation
  }
  CHECK(open() == 0);
  CHECK(got < (60 << 20));
  CHECK(loop.counters().limits.value(limit::send_timeout) == 1);
}

TEST_CASE_METHOD(fixture, "answers that nobody reads are bounded together", "[net][http]") {
  loop.bound_outboxes(24 << 20);
  settings->routes.add("GET", "/big", [](request&&, const respond& answer) {
    answer({.status = 200, .body = std::string(16 << 20, 'x')});
  });
  start();
  std::vector<std::unique_ptr<raw_client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<raw_client>(port()));
    clients.back()->send(get("/big"));
  }
  const auto until = std::chrono::steady_clock::now() + patience;
  while (loop.counters().shed.value() < 3 && std::chrono::steady_clock::now() < until) open();
  CHECK(loop.counters().shed.value() >= 3);
  std::size_t queued = 0;
  on_loop([&] { queued = loop.buffers().queued_bytes(); });
  CHECK(queued <= (24 << 20));
  clients.clear();
  CHECK(comes_down_to(0));
  on_loop([&] { queued = loop.buffers().queued_bytes(); });
  CHECK(queued == 0);
}

TEST_CASE_METHOD(fixture, "connections beyond the bound are refused, those far beyond unanswered",
                 "[net][http]") {
  client_limits clients(0, 0, 2);
  settings->clients = &clients;
  start();
  {
    raw_client first{port()};
    CHECK(first.ask(get("/hello")).status == 200);
    raw_client second{port()};
    CHECK(second.ask(get("/hello")).status == 200);
    raw_client third{port()};
    const auto refused = third.ask(get("/hello"));
    CHECK(refused.status == 503);
    CHECK(refused.has("Retry-After: 1"));
    CHECK(refused.has("Connection: close"));
    // The third has not closed its side, and is still one of them.
    raw_client fourth{port()};
    raw_client fifth{port()};
    CHECK(fifth.closed());
    CHECK(first.ask(get("/hello")).status == 200);
    CHECK(loop.counters().limits.value(limit::http_connections) == 2);
  }
  CHECK(comes_down_to(0));
  {
    raw_client later{port()};
    CHECK(later.ask(get("/hello")).status == 200);
  }
  CHECK(comes_down_to(0));  // `clients` outlives them
}

TEST_CASE_METHOD(fixture, "a client that keeps the last answer waiting is let go", "[net][http]") {
  settings->linger_timeout = 50ms;
  start();
  raw_client client{port()};
  client.ask(get("/hello", "Connection: close\r\n"));
  CHECK(comes_down_to(0));
}

TEST_CASE_METHOD(fixture, "a handler may take longer than all timeouts", "[net][http]") {
  settings->header_timeout = settings->idle_timeout = settings->send_timeout = 20ms;
  start();
  raw_client client{port()};
  client.send(get("/slow?n=x"));
  await_asked();
  // Another connection that comes and times out shows that the ticks went by.
  raw_client silent{port()};
  CHECK(silent.closed());
  answer_slow();
  CHECK(client.read().body == "x");
}

TEST_CASE_METHOD(fixture, "the client vanishes while its handler works", "[net][http]") {
  start();
  const bool hard = GENERATE(false, true);
  {
    raw_client client{port()};
    client.send(get("/slow"));
    await_asked();
    if (hard) client.socket().set_option(tcp::socket::linger{true, 0});
  }
  answer_slow();
  CHECK(comes_down_to(0));
  raw_client other{port()};
  CHECK(other.ask(get("/hello")).status == 200);
}

TEST_CASE("the server ends while handlers still owe answers", "[net][http]") {
  std::vector<std::pair<std::string, respond>> kept;
  {
    fixture server;
    server.start();
    raw_client client{server.port()};
    client.send(get("/slow"));
    server.await_asked();
    server.on_loop([&] { kept.swap(server.pending); });
  }
  REQUIRE(kept.size() == 1);
  kept.front().second({.status = 200});
  kept.clear();
}

TEST_CASE_METHOD(fixture, "an answer may be dropped on another thread", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/slow"));
  await_asked();
  std::vector<std::pair<std::string, respond>> taken;
  on_loop([&] { taken.swap(pending); });
  taken.clear();
  CHECK(client.read().status == 500);
}

TEST_CASE_METHOD(fixture, "an answer to an old request is void", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/slow?n=1"));
  await_asked();
  std::optional<respond> old;
  on_loop([&] { old = pending.front().second; });
  answer_slow();
  CHECK(client.read().body == "1");
  client.send(get("/slow?n=2"));
  await_asked();
  on_loop([&] { (*old)({.status = 200, .body = "void"}); });
  answer_slow();
  CHECK(client.read().body == "2");
}

namespace {

struct upgrade_fixture : fixture {
  upgrade_fixture() {
    settings->on_upgrade = [this](reactor& on, incoming_connection&& from, auto&& handshake,
                                  const std::string& early) {
      handed_over_well = on.on_own_thread() && on.watched() == 0;
      target = std::string{handshake.target()};
      key = std::string{handshake["Sec-WebSocket-Key"]};
      taken.emplace(std::move(from.socket));
      boost::system::error_code ignored;
      boost::asio::write(*taken, boost::asio::buffer("early: " + early), ignored);
      taken->shutdown(stream_socket::shutdown_send, ignored);
    };
  }

  ~upgrade_fixture() {
    on_loop([this] { taken.reset(); });
  }

  bool handed_over_well = false;
  std::string target, key;
  std::optional<stream_socket> taken;
};

std::string upgrade(const std::string& target) {
  return get(target,
             "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc==\r\n");
}

std::string all_of(raw_client& client) {
  std::string text;
  std::array<char, 1024> block{};
  boost::system::error_code error;
  while (!error) {
    text.append(block.data(), client.socket().read_some(boost::asio::buffer(block), error));
  }
  return text;
}

}  // namespace

TEST_CASE_METHOD(upgrade_fixture, "a WebSocket takes over the socket and what came early",
                 "[net][http]") {
  start();
  raw_client client{port()};
  client.send(upgrade("/app/key?protocol=7") + "first frame");
  CHECK(all_of(client) == "early: first frame");
  CHECK(handed_over_well);
  CHECK(target == "/app/key?protocol=7");
  CHECK(key == "abc==");
}

TEST_CASE_METHOD(upgrade_fixture, "an upgrade waits for the answers before it", "[net][http]") {
  start();
  raw_client client{port()};
  client.send(get("/slow?n=1") + upgrade("/app/key") + "frame");
  await_asked();
  answer_slow();
  CHECK(client.read().body == "1");
  const std::string rest = all_of(client);
  // What was read with the answer is in the client's buffer.
  CHECK((rest.empty() || rest == "early: frame"));
  bool was_taken = false;
  on_loop([&] { was_taken = taken.has_value(); });
  CHECK(was_taken);
}

TEST_CASE_METHOD(upgrade_fixture, "what asks for no WebSocket is a request as any other",
                 "[net][http]") {
  start();
  raw_client client{port()};
  CHECK(client.ask(get("/app/key")).status == 404);
  CHECK(client.ask(get("/app/key", "Upgrade: h2c\r\nConnection: upgrade\r\n")).status == 404);
}

TEST_CASE_METHOD(upgrade_fixture, "while draining, HTTP is answered and upgrades are not",
                 "[net][http]") {
  start();
  raw_client idle{port()};
  idle.ask(get("/hello"));
  raw_client busy{port()};
  busy.send(get("/slow?n=1"));
  await_asked();
  settings->draining = true;

  raw_client fresh{port()};
  const received r = fresh.ask(get("/hello"));
  CHECK(r.status == 200);
  CHECK(r.has("Connection: close"));
  CHECK(fresh.closed());

  raw_client socket{port()};
  const received refused = socket.ask(upgrade("/app/key"));
  CHECK(refused.status == 503);
  CHECK_FALSE(refused.header("Retry-After").empty());
  CHECK(socket.closed());

  loop.drain(4100, "drain", 0ms);
  CHECK(idle.closed());
  answer_slow();
  const received last = busy.read();
  CHECK(last.body == "1");
  CHECK(last.has("Connection: close"));
  CHECK(busy.closed());
}
