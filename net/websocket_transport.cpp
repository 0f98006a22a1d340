#include "net/websocket_transport.hpp"

#include "net/frame_header.hpp"
#include "net/scratch.hpp"

#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/error.hpp>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace velo::net {

namespace {

// The body of a close frame is a control frame's: 125 bytes with its code.
constexpr std::size_t reason_bytes_max = 123;

// In one turn. Who sends as fast as he can, sends some hundred commands with it: others
// have their turn before he has the next.
constexpr std::size_t read_bytes_max = 8U << 10U;

std::string_view shortened(std::string_view reason) {
  if (reason.size() <= reason_bytes_max) return reason;
  auto size = reason_bytes_max;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  while (size > 0 && continues(reason[size])) --size;
  return reason.substr(0, size);
}

}  // namespace

websocket_transport::websocket_transport(reactor& loop, int socket, std::unique_ptr<tls_stream> tls,
                                         const outbox_limits& limits, std::size_t message_bytes_max,
                                         owner& told)
    : loop_(loop),
      owner_(told),
      queue_(loop.buffers(), limits),
      tls_(std::move(tls)),
      message_bytes_max_(message_bytes_max),
      socket_(socket) {}

websocket_transport::~websocket_transport() {
  if (socket_ < 0) return;
  loop_.sockets().remove(socket_, *this);
  tls_.reset();
  ::close(socket_);
}

void websocket_transport::start(std::string_view response, bool accepted) {
  loop_.counters().opened.add();
  if (loop_.sockets().add(socket_, *this)) return abort();
  if (!queue_.append_control(std::array{response})) return abort();
  said_goodbye_ = heard_goodbye_ = !accepted;
  flush_soon();
}

// -- from the peer -----------------------------------------------------------

// 0 with `error`: would_block where there is nothing, anything else at the end.
std::size_t websocket_transport::read_some(lent_block& into, boost::system::error_code& error) {
  // Of a record of TLS that was begun nothing is left that the poll_set would not see.
  static_assert(lent_block::size() >= tls_stream::record_bytes_max);
  if (tls_ != nullptr) return tls_->read({into.data(), tls_stream::record_bytes_max}, error);
  const auto got = ::recv(socket_, into.data(), read_bytes_max, MSG_DONTWAIT);
  if (got > 0) return static_cast<std::size_t>(got);
  const bool again = got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK);
  error =
      again ? boost::asio::error::would_block : boost::system::error_code(boost::asio::error::eof);
  return 0;
}

void websocket_transport::readable() {
  loop_.counters().receives.add();
  lent_block block;
  boost::system::error_code error;
  const auto got = read_some(block, error);
  if (error == boost::asio::error::would_block) return;
  if (error) return abort();
  loop_.counters().received_bytes.add(got);
  // An unread byte would turn our close into a reset, which may overtake the close frame.
  if (!heard_goodbye_) receive({block.data(), got});
}

void websocket_transport::receive(std::span<char> bytes) {
  owner_.heard();
  while (socket_ >= 0 && !heard_goodbye_) {
    const auto item = parser_.next(bytes, message_bytes_max_);
    if (item.what == client_item::kind::nothing) return;
    handle(item);
  }
}

void websocket_transport::handle(const client_item& item) {
  switch (item.what) {
    case client_item::kind::nothing:
      return;
    case client_item::kind::pong:
      if (is_open()) owner_.ponged(item.payload);
      return;
    case client_item::kind::text:
      if (is_open()) owner_.message(item.payload);
      return;
    case client_item::kind::ping:
      // Who pings without reading the answers is gone as soon as they do not fit.
      if (!said_goodbye_ && !send_control(frame_opcode::pong, item.payload)) abort();
      return;
    case client_item::kind::close:
      heard_goodbye_ = true;
      say_goodbye(item.code, {});
      return flush_soon();
    case client_item::kind::violation:
      if (close_code{item.code} == close_code::message_too_big)
        loop_.counters().limits.add(limit::frame_bytes);
      heard_goodbye_ = true;
      say_goodbye(item.code, sentence(close_code{item.code}));
      return flush_soon();
  }
}

// -- to the peer -------------------------------------------------------------

bool websocket_transport::send(std::span<const std::string_view> pieces) {
  settle();
  if (!queue_.append(pieces)) return false;
  flush_soon();
  return true;
}

bool websocket_transport::deliver(std::uint32_t frame, std::string_view channel) {
  auto& deliveries = loop_.deliveries();
  if (!queue_.has_room(deliveries.at(frame).bytes, pending_.bytes, pending_.frames)) return false;
  deliveries.add(pending_, frame, channel);
  loop_.counters().deliveries.add();
  loop_.flush_at_turn_end(*this);
  return true;
}

// Moves what is pending into the outbox, so that other frames may follow.
void websocket_transport::settle() {
  finish_batch();
  if (pending_.empty()) return;
  loop_.deliveries().take(
      pending_, [this](const delivery_queue::frame& f, auto channel) { append(f, channel); });
}

void websocket_transport::append(const delivery_queue::frame& f, std::string_view channel) {
  const std::array<std::string_view, 3> pieces{f.head, channel, f.tail};
  if (f.body == nullptr) {
    queue_.append_promised(pieces);
  } else {
    queue_.append_promised(pieces, f.body, f.body_tail);
  }
}

bool websocket_transport::send_text(std::string_view text) {
  const frame_header header(frame_opcode::text, text.size());
  return send(std::array{header.view(), text});
}

bool websocket_transport::send_control(frame_opcode opcode, std::string_view payload) {
  const frame_header header(opcode, payload.size());
  settle();
  if (!queue_.append_control(std::array{header.view(), payload})) return false;
  flush_soon();
  return true;
}

void websocket_transport::ping(std::string_view payload) {
  // Where the outbox is full, the peer will be heard of no more than with it.
  if (is_open()) static_cast<void>(send_control(frame_opcode::ping, payload));
}

void websocket_transport::drop_queued() {
  pending_ = {};
  queue_.keep_first(tls_ != nullptr);
}

void websocket_transport::close(std::uint16_t code, std::string_view reason) {
  if (is_open()) say_goodbye(code, reason);
}

void websocket_transport::say_goodbye(std::uint16_t code, std::string_view reason) {
  if (std::exchange(said_goodbye_, true)) return;
  std::string payload;
  if (code != 0) {
    payload = {static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
    payload += shortened(reason);
  }
  loop_.counters().closes.add(code);
  if (!send_control(frame_opcode::close, payload)) abort();
}

void websocket_transport::flush_soon() {
  if (!waiting_ && socket_ >= 0) loop_.flush_at_turn_end(*this);
}

void websocket_transport::flush() {
  finish_batch();
  if (socket_ < 0) return;
  if (waiting_) return settle();
  if (!join_batch()) write();
}

// What this one has in the batch is sent now: the rest of it comes before anything else.
void websocket_transport::finish_batch() {
  if (loop_.sends().holds(batch_)) loop_.sends().send();
}

// What is small and goes to an open connection leaves together with that of others.
bool websocket_transport::join_batch() {
  auto& deliveries = loop_.deliveries();
  const auto bytes = queue_.bytes() + pending_.bytes;
  const auto frames = queue_.frames() + pending_.frames;
  if (tls_ != nullptr || said_goodbye_ || bytes == 0 || bytes > send_batch::bytes_max ||
      !queue_.is_copied() || !deliveries.are_small(pending_))
    return false;
  auto* to = queue_.move_to(loop_.sends().room(bytes));
  deliveries.take(pending_, [&](const delivery_queue::frame& f, auto channel) {
    f.write_to(to, channel);
    to += f.bytes;
  });
  batch_ = loop_.sends().add(socket_, bytes, frames, *this);
  return true;
}

void websocket_transport::not_sent(std::string_view rest, std::size_t frames,
                                   const boost::system::error_code& error) {
  if (socket_ < 0) return;
  if (error) return abort();
  queue_.append_promised(std::array{rest}, frames);
  await_writable(true);
}

void websocket_transport::writable() {
  write();
}

std::size_t websocket_transport::send_now(std::string_view bytes,
                                          boost::system::error_code& error) {
  if (tls_ != nullptr) return loop_.buffers().send(*tls_, bytes, error);
  return loop_.buffers().send(socket_, bytes, error);
}

// Straight from a buffer of the thread's to the kernel; what that does not take,
// and what is large, goes into the outbox.
outbox::progress websocket_transport::send_deliveries() {
  if (pending_.empty()) return outbox::progress::drained;
  lent_block block;
  boost::system::error_code error;
  std::size_t used = 0;
  std::size_t frames = 0;
  bool direct = true;
  bool blocked = false;
  const auto send_block = [&] {
    if (used == 0) return;
    const auto sent = send_now(std::string_view(block.data(), used), error);
    if (sent < used) {
      const std::string_view rest(block.data() + sent, used - sent);
      queue_.append_promised(std::array{rest}, frames);
      direct = false;
      blocked = true;
    }
    used = frames = 0;
  };
  loop_.deliveries().take(pending_, [&](const delivery_queue::frame& f, auto channel) {
    const bool fits = f.body == nullptr && f.bytes <= block.size();
    if (direct && (!fits || used + f.bytes > block.size())) send_block();
    if (!direct || !fits) {
      direct = false;
      return append(f, channel);
    }
    f.write_to(block.data() + used, channel);
    used += f.bytes;
    ++frames;
  });
  send_block();
  if (error) return outbox::progress::failed;
  return blocked ? outbox::progress::blocked : outbox::progress::drained;
}

void websocket_transport::write() {
  auto progress = outbox::progress::drained;
  if (queue_.empty()) {
    progress = send_deliveries();
  } else {
    settle();
  }
  // Large bodies are left, or what was queued before; a full kernel is not asked twice.
  if (progress == outbox::progress::drained && !queue_.empty()) {
    boost::system::error_code error;
    progress = tls_ != nullptr ? queue_.write_to(*tls_, error) : queue_.write_to(socket_, error);
  }
  if (progress == outbox::progress::failed) return abort();
  const bool blocked = progress == outbox::progress::blocked;
  await_writable(blocked);
  // RFC 6455 7.1.1: the connection ends once both have said so, the peer closing last.
  if (!blocked && said_goodbye_ && heard_goodbye_ && !std::exchange(shut_down_, true)) {
    if (tls_ != nullptr) tls_->shut_down();
    ::shutdown(socket_, SHUT_WR);
  }
}

void websocket_transport::await_writable(bool blocked) {
  if (blocked == waiting_) return;
  waiting_ = blocked;
  loop_.sockets().await_writable(socket_, *this, blocked);
}

// Out of the set: one that is in it hears of the peer's end again and again.
void websocket_transport::pause_reading() {
  if (socket_ >= 0 && !std::exchange(paused_, true)) loop_.sockets().remove(socket_, *this);
}

void websocket_transport::resume_reading() {
  if (socket_ < 0 || !std::exchange(paused_, false)) return;
  if (loop_.sockets().add(socket_, *this)) return abort();
  if (waiting_) loop_.sockets().await_writable(socket_, *this, true);
}

// -- the end -----------------------------------------------------------------

void websocket_transport::abort() {
  finish_batch();
  if (socket_ < 0) return;
  loop_.sockets().remove(socket_, *this);
  tls_.reset();
  ::close(std::exchange(socket_, -1));
  queue_.clear();
  pending_ = {};
  loop_.counters().closed.add();
  owner_.closed();
}

}  // namespace velo::net
