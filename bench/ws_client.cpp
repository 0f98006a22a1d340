#include "bench/ws_client.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/stream_publisher.hpp"
#include "bench/ws_frame.hpp"

namespace velo::bench {

void subscriber::connect(poller& poll) {
  fd_ = start_connect(shared_->port);
  poll.add(fd_.get(), *this);
}

void subscriber::ready(std::uint32_t events) {
  if (state_ == state::connecting) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    check_connected(fd_.get());
    greet();
  }
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) read();
}

void subscriber::greet() {
  const auto& hello = shared_->hello;
  if (hello.speaks == protocol::limit) {
    send_all(fd_.get(), {reinterpret_cast<const char*>(&index_), sizeof index_});
    become_live();
    return;
  }
  send_all(fd_.get(),
           fmt::format("GET {} HTTP/1.1\r\n"
                       "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
                       hello.speaks == protocol::bare ? hello.target + channel_ : hello.target,
                       hello.speaks == protocol::mqtt ? "Sec-WebSocket-Protocol: mqtt\r\n" : ""));
  state_ = state::upgrading;
}

void subscriber::read() {
  auto& buffer = shared_->buffer;
  for (;;) {
    // What is left of a frame goes first, so that everything is parsed in one piece.
    const auto kept = rest_.size();
    if (kept >= buffer.size()) fail("a frame is larger than {} bytes", buffer.size());
    const auto got = ::recv(fd_.get(), buffer.data() + kept, buffer.size() - kept, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) fail("connection {} broke: {}", index_, std::strerror(errno));
    if (got == 0) fail("the server closed connection {} without a close frame", index_);
    const auto now = now_ns();
    if (kept != 0) std::memcpy(buffer.data(), rest_.data(), kept);
    const auto size = kept + static_cast<std::size_t>(got);
    const auto used = consume({buffer.data(), size}, now);
    if (used != size || kept != 0) rest_.assign(buffer.data() + used, size - used);
    if (size < buffer.size()) return;
  }
}

std::size_t subscriber::consume(std::string_view bytes, std::uint64_t now) {
  std::size_t used = state_ == state::upgrading ? consume_upgrade(bytes) : 0;
  if (state_ == state::upgrading) return 0;
  auto& shared = *shared_;
  ws_frame frame;
  for (; take_frame(bytes.substr(used), frame); used += frame.bytes) {
    if (count_events(frame, now)) continue;
    ++shared.other_frames;
    control(frame.opcode, frame.payload);
  }
  return used;
}

bool subscriber::count_events(const ws_frame& frame, std::uint64_t now) {
  auto& shared = *shared_;
  if (frame.opcode != opcode::text && frame.opcode != opcode::binary) return false;
  const auto speaks = shared.hello.speaks;
  stamp s;
  if (speaks != protocol::nats && speaks != protocol::mqtt) {
    if (!shared.stamps.read(frame.payload, s)) return false;
    count_event(s, now);
    shared.frame_bytes = frame.bytes;
    return true;
  }
  // These put several messages into a frame.
  bool any = false;
  for (auto rest = frame.payload;;) {
    const auto at = rest.find(stamp_head);
    if (at == std::string_view::npos || rest.size() - at < stamp_bytes) return any;
    stamp_reader().read(rest.substr(at), s);
    count_event(s, now);
    any = true;
    rest.remove_prefix(at + stamp_bytes);
  }
}

void subscriber::count_event(const stamp& s, std::uint64_t now) {
  auto& shared = *shared_;
  if (state_ != state::live) fail("connection {} received an event before it was live", index_);
  shared.book.deliver(index_, s.sequence);
  shared.latency.record(now > s.published_ns ? now - s.published_ns : 0);
  ++shared.deliveries;
}

std::size_t subscriber::consume_upgrade(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!bytes.starts_with("HTTP/1.1 101")) {
    fail("the server refused the upgrade of connection {}: {}", index_,
         bytes.substr(0, bytes.find('\r')));
  }
  state_ = state::greeting;
  switch (shared_->hello.speaks) {
    case protocol::bare:
      become_live();
      break;
    case protocol::nats:
      send_all(fd_.get(), client_frame(opcode::binary,
                                       "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n"
                                       "SUB " +
                                           channel_ + " 1\r\nPING\r\n"));
      break;
    case protocol::mqtt:
      send_all(fd_.get(), client_frame(opcode::binary, mqtt_connect() + mqtt_subscribe(channel_)));
      break;
    case protocol::limit:
    case protocol::pusher:
      break;
  }
  return end + 4;
}

void subscriber::control(unsigned op, std::string_view payload) {
  switch (op) {
    case opcode::text:
    case opcode::binary:
      if (shared_->hello.speaks == protocol::pusher) return message(payload);
      return stream_message(payload);
    case opcode::ping:
      return send_all(fd_.get(), client_frame(opcode::pong, payload));
    case opcode::pong:
      return;
    case opcode::close: {
      const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(payload[i]); };
      const auto code = payload.size() < 2 ? 1005 : byte(0) * 256 + byte(1);
      fail("the server closed connection {} with code {}: '{}'", index_, code,
           payload.size() > 2 ? payload.substr(2) : std::string_view{});
    }
    default:
      fail("connection {} received a frame with opcode {}", index_, op);
  }
}

void subscriber::message(std::string_view text) {
  const auto has = [&](std::string_view event) { return text.find(event) != text.npos; };
  if (state_ == state::greeting) {
    if (!has("\"pusher:connection_established\"")) {
      fail("the first frame of connection {} is '{}'", index_, text);
    }
    send_all(fd_.get(),
             client_frame(opcode::text, fmt::format(R"({{"event":"pusher:subscribe",)"
                                                    R"("data":{{"auth":"","channel":"{}"}}}})",
                                                    channel_)));
    state_ = state::subscribing;
    // Only the subscription names it; ten thousand names need not stay in memory.
    channel_ = {};
  } else if (state_ == state::subscribing && has("\"pusher_internal:subscription_succeeded\"")) {
    become_live();
  } else if (has("\"pusher:ping\"")) {
    send_all(fd_.get(), client_frame(opcode::text, R"({"event":"pusher:pong","data":{}})"));
  } else if (has("\"pusher:error\"") || has("\"pusher:subscription_error\"")) {
    fail("connection {} received '{}'", index_, text);
  }
}

// Of NATS and MQTT, as far as a subscriber that asked for little has to know them.
void subscriber::stream_message(std::string_view bytes) {
  constexpr char suback = '\x90';
  if (shared_->hello.speaks == protocol::mqtt) {
    if (bytes.starts_with(suback)) become_live();
    return;
  }
  if (bytes.find("-ERR") != bytes.npos) fail("connection {} received '{}'", index_, bytes);
  if (bytes.find("PING\r\n") != bytes.npos) {
    send_all(fd_.get(), client_frame(opcode::binary, "PONG\r\n"));
  }
  if (state_ == state::greeting && bytes.find("PONG\r\n") != bytes.npos) become_live();
}

void subscriber::become_live() {
  state_ = state::live;
  ++shared_->live;
}

}  // namespace velo::bench
