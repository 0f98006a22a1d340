#include "bench/crowd.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/ws_frame.hpp"

namespace velo::bench {

void crowd_socket::connect(poller& poll) {
  fd_ = start_connect(shared_->port);
  poll.add(fd_.get(), *this);
}

void crowd_socket::ready(std::uint32_t events) {
  if (state_ == state::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    check_connected(fd_.get());
    send_all(fd_.get(),
             fmt::format("GET /app/{}?protocol=7&client=velo-bench&version=1 HTTP/1.1\r\n"
                         "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                         shared_->app_key));
    state_ = state::upgrading;
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) read();
  if (state_ == state::open && shared_->window != 0) subscribe_next();
}

void crowd_socket::read() {
  auto& buffer = shared_->buffer;
  for (;;) {
    const auto kept = rest_.size();
    if (kept >= buffer.size()) fail("a frame is larger than {} bytes", buffer.size());
    const auto got = ::recv(fd_.get(), buffer.data() + kept, buffer.size() - kept, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) fail("a connection broke: {}", std::strerror(errno));
    if (got == 0) fail("the server closed a connection without a close frame");
    if (kept != 0) std::memcpy(buffer.data(), rest_.data(), kept);
    std::string_view bytes(buffer.data(), kept + static_cast<std::size_t>(got));
    if (state_ == state::upgrading) {
      const auto end = bytes.find("\r\n\r\n");
      if (end == std::string_view::npos) fail("the answer to an upgrade came in pieces");
      if (!bytes.starts_with("HTTP/1.1 101"))
        fail("the server refused an upgrade: {}", bytes.substr(0, bytes.find('\r')));
      bytes.remove_prefix(end + 4);
      state_ = state::greeting;
    }
    for (ws_frame f; take_frame(bytes, f); bytes.remove_prefix(f.bytes)) frame(f.opcode, f.payload);
    rest_.assign(bytes);
  }
}

void crowd_socket::frame(unsigned op, std::string_view payload) {
  if (op == opcode::text) return message(payload);
  if (op == opcode::ping) return send_all(fd_.get(), client_frame(opcode::pong, payload));
  if (op == opcode::close) fail("the server closed a connection: '{}'", payload.substr(2));
}

void crowd_socket::message(std::string_view text) {
  const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
  if (has("\"pusher_internal:subscription_succeeded\"")) {
    --asked_;
    ++shared_->live;
  } else if (has("\"pusher:connection_established\"")) {
    state_ = state::open;
    ++shared_->open;
  } else if (has("\"pusher:ping\"")) {
    send_all(fd_.get(), client_frame(opcode::text, R"({"event":"pusher:pong","data":{}})"));
  } else if (has("\"pusher:")) {
    fail("a connection received '{}'", text);
  } else {
    ++shared_->events;
    shared_->last_event_ns = now_ns();
    shared_->last_event = text;
  }
}

// Several frames in one send, as a client does that resubscribes after a reconnect.
void crowd_socket::subscribe_next() {
  std::string frames;
  for (; asked_ < shared_->window && next_ < last_; ++asked_, ++next_)
    frames += client_frame(opcode::text, fmt::format(R"({{"event":"pusher:subscribe",)"
                                                     R"("data":{{"auth":"","channel":"{}"}}}})",
                                                     shared_->channels[next_]));
  if (!frames.empty()) send_all(fd_.get(), frames);
}

crowd::crowd(poller& poll, std::uint16_t port, std::string app_key,
             std::vector<std::string> channels, std::size_t sockets) {
  state_.port = port;
  state_.app_key = std::move(app_key);
  state_.channels = std::move(channels);
  const auto count = state_.channels.size();
  sockets_.reserve(sockets);
  for (std::size_t i = 0; i < sockets; ++i)
    sockets_.emplace_back(state_, count * i / sockets, count * (i + 1) / sockets);
  constexpr std::size_t at_a_time = 64;
  const deadline end{60s};
  for (std::size_t begun = 0; state_.open < sockets;) {
    while (begun < sockets && begun - state_.open < at_a_time) sockets_[begun++].connect(poll);
    if (end.passed()) fail("{} of {} sockets are open after 60 s", state_.open, sockets);
    poll.turn(100ms);
  }
}

std::chrono::nanoseconds crowd::attach(poller& poll, std::chrono::seconds patience) {
  const auto start = now_ns();
  const deadline end{patience};
  state_.window = 8;
  for (auto& each : sockets_) each.ready(0);
  while (state_.live < state_.channels.size()) {
    if (end.passed())
      fail("{} of {} channels are live within {} s", state_.live, state_.channels.size(),
           patience.count());
    poll.turn(100ms);
  }
  return std::chrono::nanoseconds(now_ns() - start);
}

}  // namespace velo::bench
