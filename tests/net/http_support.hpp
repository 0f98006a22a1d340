// A server of one loop on a free port, and a client that speaks bytes. Every
// wait is bounded: a client that hears nothing for five seconds fails its test.

#pragma once

#include "net/http_session.hpp"
#include "net/listener.hpp"
#include "net/reactor.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <charconv>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace velo::net::testing {

inline constexpr auto patience = std::chrono::seconds{5};

class http_server {
 public:
  explicit http_server(std::chrono::milliseconds tick = std::chrono::milliseconds{10})
      : system_(config_), loop(system_, 0, tick) {}

  /// Once `settings` are as they should be.
  void start() {
    loop.start();
    listener_ = std::make_unique<listener>(
        std::vector<reactor*>{&loop}, listen_address{},
        [shared = settings](reactor& on, stream_socket&& socket) {
          start_http_session(on, {.socket = std::move(socket), .local = true}, shared);
        });
  }

  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }

  /// Runs `work` on the loop's thread and waits for it.
  template <class Work>
  void on_loop(Work work) {
    std::packaged_task<void()> task{std::move(work)};
    auto done = task.get_future();
    boost::asio::post(loop.io(), [&task] { task(); });
    if (done.wait_for(patience) != std::future_status::ready) std::terminate();
    done.get();
  }

  /// Connections that the loop knows of.
  std::size_t open() {
    std::size_t count = 0;
    on_loop([&] { count = loop.watched(); });
    return count;
  }

 private:
  caf::actor_system_config config_;
  caf::actor_system system_;

 public:
  std::shared_ptr<http_settings> settings = std::make_shared<http_settings>();
  reactor loop;

 private:
  std::unique_ptr<listener> listener_;
};

struct received {
  unsigned status = 0;
  std::string head{};  ///< Status line and headers.
  std::string body{};

  [[nodiscard]] bool has(std::string_view line) const {
    return head.find("\r\n" + std::string{line} + "\r\n") != std::string::npos;
  }
  [[nodiscard]] std::string header(std::string_view name) const {
    const auto start = head.find("\r\n" + std::string{name} + ": ");
    if (start == std::string::npos) return {};
    const auto value = start + name.size() + 4;
    return head.substr(value, head.find("\r\n", value) - value);
  }
};

class raw_client {
 public:
  explicit raw_client(std::uint16_t port) : socket_(io_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    const timeval timeout{.tv_sec = patience.count(), .tv_usec = 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  }

  void send(std::string_view bytes) {
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()));
  }

  /// The next response; `bodiless` where it answers a HEAD.
  received read(bool bodiless = false) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) throw std::runtime_error("closed instead of a response: " + buffer_);
    }
    received got{.head = buffer_.substr(0, end + 4)};
    buffer_.erase(0, end + 4);
    std::from_chars(got.head.data() + 9, got.head.data() + 12, got.status);
    const std::string length = got.header("Content-Length");
    std::size_t size = 0;
    std::from_chars(length.data(), length.data() + length.size(), size);
    if (bodiless) size = 0;
    while (buffer_.size() < size) {
      if (!fill()) throw std::runtime_error("closed in the middle of a body");
    }
    got.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return got;
  }

  received ask(std::string_view bytes) {
    send(bytes);
    return read();
  }

  /// Whether the server closes in good order, with nothing more to say.
  bool closed() { return buffer_.empty() && !fill() && buffer_.empty(); }

  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  bool fill() {
    std::array<char, 16384> block{};
    // recv() itself: Asio would wait in poll(), without the timeout.
    const auto size = ::recv(socket_.native_handle(), block.data(), block.size(), 0);
    if (size < 0) throw std::runtime_error("reset, or nothing heard in time");
    buffer_.append(block.data(), static_cast<std::size_t>(size));
    return size > 0;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string buffer_;
};

}  // namespace velo::net::testing
