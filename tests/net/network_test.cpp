// The network part in front of an embedded engine: attached, detached, attached again;
// on threads of its own, or on the application's io_context.

#include "net/network.hpp"
#include "net/engine_config.hpp"
#include "net/secrets.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <future>
#include <memory>
#include <string>
#include <thread>

namespace velo::net {

namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

// The status of a GET, on a connection of its own; 0 where there is nobody.
unsigned status_of(const std::string& url, const std::string& path) {
  boost::asio::io_context io;
  boost::beast::tcp_stream stream(io);
  const auto port = static_cast<unsigned short>(std::stoul(url.substr(url.rfind(':') + 1)));
  boost::system::error_code error;
  stream.connect({boost::asio::ip::address_v4::loopback(), port}, error);
  if (error) return 0;
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, "localhost");
  http::write(stream, request, error);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> answer;
  http::read(stream, buffer, answer, error);
  return error ? 0 : answer.result_int();
}

struct embedded {
  explicit embedded(unsigned threads = 2) {
    config_sources sources;
    sources.flags = {{"--data", directory.data().string()},
                     {"--port", "0"},
                     {"--threads", std::to_string(threads)},
                     {"--log-level", "error"}};
    settings = load_config(sources).value();
    complete_secrets(settings).value();
    engine = actors::engine::start(system, directory.data() / "engine",
                                   engine_options_of(settings, stages), nullptr)
                 .value();
    engine->declare({{"name", "posts"}, {"rules", {{"list", ""}}}}).value();
  }

  storage::temp_directory directory;
  caf::actor_system_config caf_config;
  caf::actor_system system{caf_config};
  actors::stage_clock stages;
  config settings;
  std::unique_ptr<actors::engine> engine;
};

constexpr auto posts = "/api/collections/posts/records";

}  // namespace

TEST_CASE("a network is attached to an engine, detached, and attached again", "[net][embedding]") {
  embedded e;
  for (int round = 0; round < 2; ++round) {
    network clients(e.system, *e.engine, e.settings);
    const auto url = clients.urls().front();
    CHECK(status_of(url, "/up") == 200);
    CHECK(status_of(url, posts) == 200);
    clients.drain();
    CHECK(status_of(url, "/up") == 503);
    clients.stop();
    CHECK(status_of(url, "/up") == 0);
    // The engine goes on.
    CHECK(e.engine->write({.collection_id = "posts", .fields = {{"n", round}}}).has_value());
  }
}

TEST_CASE("a network lives on the application's io_context and leaves it running",
          "[net][embedding]") {
  embedded e;
  boost::asio::io_context io;
  auto work = boost::asio::make_work_guard(io);
  std::thread thread([&] { io.run(); });
  for (int round = 0; round < 2; ++round) {
    network clients(e.system, *e.engine, e.settings, {.io = &io});
    CHECK(status_of(clients.urls().front(), posts) == 200);
    clients.stop();
    CHECK(status_of(clients.urls().front(), "/up") == 0);
    std::promise<void> still;
    boost::asio::post(io, [&] { still.set_value(); });
    CHECK(still.get_future().wait_for(std::chrono::seconds(20)) == std::future_status::ready);
  }
  work.reset();
  thread.join();
}

TEST_CASE("two networks of two engines in one process share nothing", "[net][embedding]") {
  embedded one(1);
  embedded other(1);
  other.engine->declare({{"name", "posts"}, {"rules", {{"list", nullptr}}}}).value();
  network at_one(one.system, *one.engine, one.settings);
  network at_other(other.system, *other.engine, other.settings);
  CHECK(status_of(at_one.urls().front(), posts) == 200);
  CHECK(status_of(at_other.urls().front(), posts) == 401);
  at_one.stop();
  CHECK(status_of(at_other.urls().front(), "/up") == 200);
}

}  // namespace velo::net
