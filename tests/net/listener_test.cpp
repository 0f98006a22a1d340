#include "net/listener.hpp"

#include "net/reactor.hpp"
#include "tests/net/http_support.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
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
void say_index(reactor& on, stream_socket&& socket) {
  const std::string text = on.on_own_thread() ? std::to_string(on.index()) : "wrong thread";
  boost::system::error_code gone;  // who only tried whether somebody listens
  boost::asio::write(socket, boost::asio::buffer(text), gone);
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

namespace {

std::string read_all(const std::string& path) {
  boost::asio::io_context io;
  boost::asio::local::stream_protocol::socket socket{io};
  socket.connect({path});
  std::string text(100, '\0');
  boost::system::error_code error;
  text.resize(boost::asio::read(socket, boost::asio::buffer(text), error));
  return text;
}

}  // namespace

TEST_CASE("a Unix socket has the mode that it should, and goes with its listener",
          "[net][listener]") {
  const velo::storage::temp_directory directory;
  const auto path = (directory.path() / "velo.sock").string();
  loops one{1};
  {
    listener at{one.all, {.unix_path = path, .unix_mode = 0600}, say_index};
    CHECK(at.port() == 0);
    CHECK(at.name() == "unix:" + path);
    CHECK(at.is_local());
    CHECK(read_all(path) == "0");
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    CHECK_THROWS_WITH(
        listener(one.all, {.unix_path = path}, say_index),
        Catch::Contains("cannot listen on unix:" + path) && Catch::Contains("in use"));
    at.stop();
    std::promise<void> passed;
    boost::asio::post(one.all.front()->io(), [&] { passed.set_value(); });
    REQUIRE(passed.get_future().wait_for(patience) == std::future_status::ready);
    CHECK_FALSE(std::filesystem::exists(path));
  }
  // Left behind by a process that was killed.
  boost::asio::io_context io;
  { boost::asio::local::stream_protocol::acceptor gone{io, {path}}; }
  REQUIRE(std::filesystem::exists(path));
  const listener again{one.all, {.unix_path = path}, say_index};
  CHECK(read_all(path) == "0");
}

TEST_CASE("connections beyond the pace wait, and are counted", "[net][listener]") {
  loops one{1};
  accept_pacer pacer{20};
  listener at{one.all, {}, say_index, &pacer};
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i) CHECK(read_all(at.port()) == "0");
  // Two come at once, then one each 50 ms.
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::milliseconds{250});
  CHECK(one.all.front()->counters().limits.value(limit::connects_per_second) > 0);
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
  // Some other thread may give a descriptor back after all were taken, and the listener
  // take a client with it: then the next one finds none.
  std::vector<tcp::socket> clients;
  for (int i = 0; i < 5; ++i) clients.emplace_back(io, tcp::v4());
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<int> hogs;
  std::size_t tried = 0;
  bool waited = true;
  bool taken = true;
  for (; taken && waited && tried < clients.size(); ++tried) {
    for (int fd = 0; hogs.size() < 1000 && (fd = dup(0)) >= 0;) hogs.push_back(fd);
    clients[tried].connect({boost::asio::ip::make_address("127.0.0.1"), at.port()});
    // The kernel has it; the listener cannot take it. Two of its pauses go by, seen
    // by a timer of the same loop.
    std::promise<void> passed;
    boost::asio::steady_timer timer{one.all.front()->io(), std::chrono::milliseconds{250}};
    timer.async_wait([&](boost::system::error_code) { passed.set_value(); });
    waited = passed.get_future().wait_for(patience) == std::future_status::ready;
    taken = clients[tried].available() > 0;
  }
  for (const int fd : hogs) close(fd);
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(waited);
  CHECK_FALSE(taken);

  char text = 0;
  CHECK(boost::asio::read(clients[tried - 1], boost::asio::buffer(&text, 1)) == 1);
  CHECK(text == '0');
}
