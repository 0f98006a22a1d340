// A Pusher client of a served server: its text frames go out, what comes back is read
// and must be frames of JSON.

#pragma once

#include "tests/fuzz/served.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace velo::fuzz {

/// Whatever is not as it should be aborts.
class websocket_client {
 public:
  /// Past the handshake: it has its socket id.
  explicit websocket_client(const served& server) : socket_(server.connect()) {
    out_ = "GET /app/" + server.key().key +
           " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    pump("the handshake", [this] { return !socket_id_.empty(); });
  }
  websocket_client(const websocket_client&) = delete;
  websocket_client& operator=(const websocket_client&) = delete;
  ~websocket_client() { ::close(socket_); }

  [[nodiscard]] const std::string& socket_id() const { return socket_id_; }

  /// To be sent by the next of the calls below.
  void text(std::string_view payload) { put(op_text, payload); }

  /// Until that subscription is answered, whatever the answer, or the server has closed.
  void subscribe(const std::string& channel, const std::string& auth = {}) {
    awaited_ = '"' + channel + '"';
    text(nlohmann::json{{"event", "pusher:subscribe"},
                        {"data", {{"channel", channel}, {"auth", auth}}}}
             .dump());
    pump("the answer to a subscription", [this] { return awaited_.empty(); });
  }

  /// Until the connection's actor has handled all that was sent, or the server has closed.
  void settle() {
    static std::uint64_t number = 0;
    subscribe("end-" + std::to_string(++number));
  }

  /// In good order.
  void leave() {
    say_goodbye();
    pump("the goodbye", [] { return false; });
  }

 private:
  static constexpr unsigned op_text = 1, op_close = 8, op_ping = 9, op_pong = 10;

  [[noreturn]] static void fail(std::string_view what, std::string_view about) {
    std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(about.size()), about.data());
    std::abort();
  }

  void say_goodbye() {
    if (!said_goodbye_) put(op_close, "\x03\xe8");
    said_goodbye_ = true;
  }

  // The mask is of zeros: the fuzz target of frames has the others.
  void put(unsigned op, std::string_view payload) {
    const auto byte = [this](std::size_t b) { out_ += static_cast<char>(b & 0xffU); };
    byte(0x80U | op);
    const auto size = payload.size();
    const unsigned width = size < 126 ? 0 : size < 65536 ? 2 : 8;
    byte(0x80U | (width == 0 ? size : width == 2 ? 126U : 127U));
    for (unsigned i = width; i-- > 0;) byte(size >> (8 * i));
    out_.append(4, '\0').append(payload);
  }

  template <class Done>
  void pump(std::string_view what, Done done) {
    constexpr auto patience = std::chrono::seconds{10};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!ended_ && !done()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) fail(what, "nothing came in time");
      pollfd ready{socket_, static_cast<short>(out_.empty() ? POLLIN : POLLIN | POLLOUT), 0};
      if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
      if ((ready.revents & POLLOUT) != 0) send();
      if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive();
    }
  }

  void send() {
    const auto sent = ::send(socket_, out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) out_.clear();  // what it said is still there
  }

  void receive() {
    char block[16384];
    const auto size = ::recv(socket_, block, sizeof block, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) {
      if (!upgraded_) fail("the handshake ended", in_);
      ended_ = true;
      return;
    }
    in_.append(block, static_cast<std::size_t>(size));
    if (!upgraded_) {
      const auto end = in_.find("\r\n\r\n");
      if (end == std::string::npos) return;
      if (!in_.starts_with("HTTP/1.1 101 ")) fail("no upgrade", in_);
      in_.erase(0, end + 4);
      upgraded_ = true;
    }
    std::string_view rest = in_;
    while (take_frame(rest)) {
    }
    in_.erase(0, in_.size() - rest.size());
  }

  bool take_frame(std::string_view& from) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(from[i]); };
    if (from.size() < 2) return false;
    const unsigned first = byte(0);
    if ((first & 0xf0U) != 0x80U || byte(1) > 127) fail("no whole, unmasked frame", from);
    const std::size_t width = byte(1) < 126 ? 0 : byte(1) == 126 ? 2 : 8;
    if (from.size() < 2 + width) return false;
    std::size_t size = width == 0 ? byte(1) : 0;
    for (std::size_t i = 0; i < width; ++i) size = size * 256 + byte(2 + i);
    if (from.size() - 2 - width < size) return false;
    hear(first & 0x0fU, from.substr(2 + width, size));
    from.remove_prefix(2 + width + size);
    return true;
  }

  void hear(unsigned op, std::string_view payload) {
    if (op == op_ping) return put(op_pong, payload);
    if (op == op_close) return say_goodbye();
    if (op == op_pong) return;
    if (op != op_text) fail("a frame of no known kind", payload);
    const auto frame = nlohmann::json::parse(payload, nullptr, false);
    if (!frame.is_object() || !frame.contains("event") || !frame["event"].is_string())
      fail("no event", payload);
    if (frame["event"] == "pusher:connection_established")
      socket_id_ = nlohmann::json::parse(frame["data"].get<std::string>())["socket_id"];
    if (frame["event"] == "pusher:ping") text(R"({"event":"pusher:pong"})");
    if (!awaited_.empty() && payload.find(awaited_) != std::string_view::npos) awaited_.clear();
  }

  const int socket_;
  std::string out_;
  std::string in_;
  std::string socket_id_;
  std::string awaited_;  // stands in the frame that is waited for
  bool upgraded_ = false;
  bool said_goodbye_ = false;
  bool ended_ = false;
};

}  // namespace velo::fuzz
