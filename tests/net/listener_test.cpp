#include "net/listener.hpp"

#include "net/reactor.hpp"
#include "tests/net/http_support.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace velo::net;
using namespace velo::net::testing;
using tcp = boost::asio::ip::tcp;

namespace {

struct loops {
  explicit loops(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      owned.push_back(std::make_unique<reactor>(system, i));
      owned.back()->start();
      all.push_back(owned.back().get());
    }
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  std::vector<std::unique_ptr<reactor>> owned;
  std::vector<reactor*> all;
};

// Says the index of its loop and closes.
void say_index(reactor& on, tcp::socket&& socket) {
  const std::string text = on.on_own_thread() ? std::to_string(on.index()) : "wrong thread";
  boost::asio::write(socket, boost::asio::buffer(text));
}

std::string read_all(std::uint16_t port) {
  boost::asio::io_context io;
  tcp::socket socket{io};
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  std::string text(100, '\0');
  boost::system::error_code error;
  text.resize(boost::asio::read(socket, boost::asio::buffer(text), error));
  return text;
}

}  // namespace

TEST_CASE("connections go to the loops in turn, on their threads", "[net][listener]") {
  loops three{3};
  listener at{three.all, {}, say_index};
  REQUIRE(at.port() != 0);
  std::map<std::string, int> seen;
  for (int i = 0; i < 9; ++i) ++seen[read_all(at.port())];
  CHECK(seen == std::map<std::string, int>{{"0", 3}, {"1", 3}, {"2", 3}});
}

TEST_CASE("an address that cannot be had is named with the reason", "[net][listener]") {
  loops one{1};
  listener first{one.all, {}, say_index};
  const auto taken = std::to_string(first.port());
  CHECK_THROWS_WITH(listener(one.all, {"127.0.0.1", first.port()}, say_index),
                    Catch::Contains("127.0.0.1:" + taken) && Catch::Contains("in use"));
  CHECK_THROWS_WITH(listener(one.all, {"192.0.2.1", 0}, say_index),
                    Catch::Contains("cannot listen on 192.0.2.1:0"));
  CHECK_THROWS_WITH(listener(one.all, {"not a host", 0}, say_index), Catch::Contains("not a host"));
}

TEST_CASE("names and IPv6 addresses are listened on", "[net][listener]") {
  loops one{1};
  const listener local{one.all, {"localhost", 0}, say_index};
  CHECK(local.port() != 0);
  try {
    const listener everything{one.all, {"::", 0}, say_index};
    CHECK(read_all(everything.port()) == "0");
  } catch (const std::runtime_error& e) {
    WARN("no IPv6 here: " << e.what());
  }
}

TEST_CASE("a stopped listener accepts no more", "[net][listener]") {
  loops one{1};
  listener at{one.all, {}, say_index};
  CHECK(read_all(at.port()) == "0");
  at.stop();
  at.stop();
  std::promise<void> passed;
  boost::asio::post(one.all.front()->io(), [&] { passed.set_value(); });
  REQUIRE(passed.get_future().wait_for(patience) == std::future_status::ready);
  CHECK_THROWS(read_all(at.port()));
}

TEST_CASE("a listener outlives the want of file descriptors", "[net][listener]") {
  loops one{1};
  listener at{one.all, {}, say_index};

  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 256;
  boost::asio::io_context io;
  tcp::socket client{io, tcp::v4()};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> hogs;
  for (int fd = 0; hogs.size() < 1000 && (fd = dup(0)) >= 0;) hogs.push_back(fd);
  client.connect({boost::asio::ip::make_address("127.0.0.1"), at.port()});
  // The kernel has it; the listener cannot take it. Two of its pauses go by, seen
  // by a timer of the same loop.
  std::promise<void> passed;
  boost::asio::steady_timer timer{one.all.front()->io(), std::chrono::milliseconds{250}};
  timer.async_wait([&](boost::system::error_code) { passed.set_value(); });
  const auto waited = passed.get_future().wait_for(patience);
  const bool taken = client.available() > 0;
  for (const int fd : hogs) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(waited == std::future_status::ready);
  CHECK_FALSE(taken);

  char text = 0;
  CHECK(boost::asio::read(client, boost::asio::buffer(&text, 1)) == 1);
  CHECK(text == '0');
}
