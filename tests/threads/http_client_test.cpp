#include "net/http_client.hpp"

#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

using namespace velo::net;
using velo::test::together;
using namespace std::chrono_literals;

namespace {

/// Answers one request a connection, on a thread of its own.
class server {
 public:
  server() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&at), size) != 0 ||
        ::listen(socket_, SOMAXCONN) != 0 ||
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size) != 0)
      throw std::runtime_error("no server");
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }

  [[nodiscard]] http_call call() const {
    return {.to = {.host = "127.0.0.1", .port = port_, .target = "/"}, .body = "{}"};
  }

 private:
  void serve() const {
    for (;;) {
      const int client = ::accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      std::string request;
      char block[1024];
      while (!request.ends_with("\r\n\r\n{}")) {
        const auto got = ::recv(client, block, sizeof block, 0);
        if (got <= 0) break;
        request.append(block, static_cast<std::size_t>(got));
      }
      constexpr std::string_view answer =
          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
      ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }

  int socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("requests of all threads are answered on the client's", "[http_client]") {
  constexpr int calls = 25;
  const server there;
  http_client client;
  int answered = 0;  // the client's thread's
  std::promise<void> all;
  together(4, [&](std::size_t) {
    for (int i = 0; i < calls; ++i) {
      client.send(there.call(), [&](const http_outcome& outcome) {
        if (outcome && outcome->body == "ok" && ++answered == 4 * calls) all.set_value();
      });
    }
  });
  REQUIRE(all.get_future().wait_for(60s) == std::future_status::ready);
}

TEST_CASE("a client that ends calls nobody back", "[http_client]") {
  const server there;
  for (int round = 0; round < 3; ++round) {
    auto heard = std::make_unique<int>(0);
    {
      http_client client;
      together(2, [&](std::size_t) {
        for (int i = 0; i < 10; ++i)
          client.send(there.call(), [&heard](const http_outcome&) { ++*heard; });
      });
    }
    CHECK(*heard <= 20);
    heard.reset();
  }
}
