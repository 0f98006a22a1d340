// The layer below Beast's WebSocket stream. What Beast writes (the handshake's
// response, pongs, the close frame) goes into the same outbox as our prebuilt
// frames, so there is one order, and no frame waits for another one's write.

#pragma once

#include "net/outbox.hpp"
#include "net/reactor.hpp"

#include <boost/asio/append.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace velo::net {

/// A socket and its outbox. Its loop's thread only. Writing never waits: bytes
/// are queued, and `owner` is flushed at the end of the turn.
class outbox_stream {
 public:
  // The concrete executor: any_io_executor costs every operation some 50 bytes.
  using executor_type = boost::asio::io_context::executor_type;
  using socket_type = boost::asio::basic_stream_socket<boost::asio::ip::tcp, executor_type>;

  /// `loop` and `limits` must outlive it; `owner` owns it.
  outbox_stream(socket_type&& socket, reactor& loop, flushable& owner, const outbox_limits& limits)
      : socket_(std::move(socket)), loop_(loop), owner_(owner), queue_(loop.buffers(), limits) {}

  [[nodiscard]] executor_type get_executor() { return socket_.get_executor(); }
  [[nodiscard]] socket_type& socket() { return socket_; }
  [[nodiscard]] outbox& queue() { return queue_; }

  /// Whether Beast has queued a close frame: no frame may follow it.
  [[nodiscard]] bool said_goodbye() const { return said_goodbye_; }

  /// Has the owner flushed at the end of the turn, unless it waits for the kernel.
  void flush_soon() {
    if (!waiting_) loop_.flush_at_turn_end(owner_);
  }

  /// Sends what the kernel takes; where something is left, goes on when it takes
  /// more and holds a shared pointer to `owner` until then. A dead socket ends in
  /// owner.write_failed(error).
  template <class Owner>
  void flush(Owner& owner) {
    if (waiting_ || !socket_.is_open()) return;
    boost::system::error_code error;
    switch (queue_.write_to(socket_.native_handle(), error)) {
      case outbox::progress::drained:
        return;
      case outbox::progress::failed:
        owner.write_failed(error);
        return;
      case outbox::progress::blocked:
        waiting_ = true;
        socket_.async_wait(socket_type::wait_write,
                           [this, owner = owner.shared_from_this()](auto failure) {
                             waiting_ = false;
                             if (!failure) flush(*owner);
                           });
    }
  }

  /// Ends everything under way at once; what is queued is dropped.
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
  }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return socket_.async_read_some(buffers, std::forward<Handler>(handler));
  }

  /// Queues all of `buffers`, then completes. Fails only where the outbox is
  /// full beyond its reserve.
  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, std::size_t)>(
        [this](auto completion, const Buffers& bytes) {
          boost::system::error_code error;
          const auto written = write(bytes, error);
          const auto executor =
              boost::asio::get_associated_executor(completion, socket_.get_executor());
          boost::asio::post(executor, boost::asio::append(std::move(completion), error, written));
        },
        handler, buffers);
  }

 private:
  template <class Buffers>
  std::size_t write(const Buffers& buffers, boost::system::error_code& error) {
    // Beast writes a frame in one piece, an HTTP response in a few.
    constexpr std::size_t pieces_max = 16;
    std::array<std::string_view, pieces_max> pieces;
    std::size_t count = 0;
    std::size_t bytes = 0;
    for (auto i = boost::asio::buffer_sequence_begin(buffers);
         i != boost::asio::buffer_sequence_end(buffers) && count < pieces_max; ++i) {
      const boost::asio::const_buffer b(*i);
      if (b.size() == 0) continue;
      pieces[count++] = {static_cast<const char*>(b.data()), b.size()};
      bytes += b.size();
    }
    if (bytes == 0) return 0;
    if (!queue_.append_control(std::span(pieces).first(count))) {
      error = boost::asio::error::no_buffer_space;
      return 0;
    }
    constexpr char close_frame = '\x88';
    if (pieces[0][0] == close_frame) said_goodbye_ = true;
    flush_soon();
    return bytes;
  }

  socket_type socket_;
  reactor& loop_;
  flushable& owner_;
  outbox queue_;
  bool waiting_ = false;  // for the kernel to take more
  bool said_goodbye_ = false;
};

/// What Beast calls to tear the connection down at once.
inline void beast_close_socket(outbox_stream& stream) {
  stream.close();
}

namespace detail {

/// Runs from the top at each step: what is done already is quickly found done.
struct teardown_operation {
  outbox_stream& stream;
  bool started = false;
  bool all_sent = false;

  template <class Self>
  void operator()(Self& self, boost::system::error_code error = {}) {
    auto& socket = stream.socket();
    if (!std::exchange(started, true)) {
      // Never completes inside the call that started it.
      boost::asio::post(stream.get_executor(), std::move(self));
      return;
    }
    if (!error && !socket.is_open()) error = boost::asio::error::operation_aborted;
    if (!error && !all_sent) {
      if (stream.queue().write_to(socket.native_handle(), error) == outbox::progress::blocked) {
        socket.async_wait(outbox_stream::socket_type::wait_write, std::move(self));
        return;
      }
      all_sent = true;
      if (!error) socket.shutdown(outbox_stream::socket_type::shutdown_send, error);
      if (!error) socket.non_blocking(true, error);
    }
    // Until the peer closes: an unread byte would turn our close into a reset,
    // which may overtake the close frame.
    while (!error) {
      std::array<char, 2048> discarded;
      socket.read_some(boost::asio::buffer(discarded), error);
      if (error == boost::asio::error::would_block) {
        socket.async_wait(outbox_stream::socket_type::wait_read, std::move(self));
        return;
      }
    }
    if (error == boost::asio::error::eof) error = {};
    stream.close();
    self.complete(error);
  }
};

}  // namespace detail

/// What Beast calls after its close frame: everything queued leaves first, then
/// the TCP connection ends as RFC 6455 7.1.1 wants it, the peer closing last.
/// Has no deadline of its own: the session closes the stream when it passes.
template <class Handler>
auto async_teardown(boost::beast::role_type /*role*/, outbox_stream& stream, Handler&& handler) {
  return boost::asio::async_compose<Handler, void(boost::system::error_code)>(
      detail::teardown_operation{stream}, handler, stream.get_executor());
}

}  // namespace velo::net
