// One WebSocket from its handshake to its end: frames in, frames out, and the
// closing of both sides. It knows nothing of what the messages mean.
//
// All that is sent goes through one outbox, so data, pongs and the close frame
// have one order. It leaves at the end of the loop's turn; what the kernel does
// not take waits until it does. Incoming bytes land in a buffer that the thread
// lends, so an idle connection holds none.

#pragma once

#include "net/frame_header.hpp"
#include "net/frame_parser.hpp"
#include "net/outbox.hpp"
#include "net/poll_set.hpp"
#include "net/reactor.hpp"
#include "net/scratch.hpp"
#include "net/tls_stream.hpp"

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace velo::net {

/// Its loop's thread only.
class websocket_transport final : private pollable, private flushable, private send_batch::sender {
 public:
  /// Who owns the transport and outlives every call it makes: also the one that
  /// ends it, so ownership may be given up in closed() only for a later turn.
  class owner {
   public:
    /// Any bytes have come: the peer is alive.
    virtual void heard() = 0;
    /// A whole message; valid UTF-8. Not after close().
    virtual void message(std::string_view text) = 0;
    /// A ping's answer, with what the ping said.
    virtual void ponged(std::string_view /*payload*/) {}
    /// The connection is gone, by whosever doing. The last call, and only once.
    virtual void closed() = 0;

   protected:
    ~owner() = default;
  };

  /// Takes over `socket`, which does not block, and its TLS where it has some. All
  /// references must outlive it.
  websocket_transport(reactor& loop, int socket, std::unique_ptr<tls_stream> tls,
                      const outbox_limits& limits, std::size_t message_bytes_max, owner& told);
  ~websocket_transport();
  websocket_transport(const websocket_transport&) = delete;
  websocket_transport& operator=(const websocket_transport&) = delete;

  /// Begins with the server's answer to the handshake. Where that refuses,
  /// nothing follows it but the end. May end in closed().
  void start(std::string_view response, bool accepted);

  /// Whether a data frame may still be sent.
  [[nodiscard]] bool is_open() const { return socket_ >= 0 && !said_goodbye_; }

  [[nodiscard]] std::size_t queued_bytes() const { return queue_.bytes(); }
  /// Gives up what is queued, but for the frame that the peer may have in part.
  void drop_queued();

  /// Whether the kernel has all that was sent.
  [[nodiscard]] bool drained() const { return queue_.empty() && pending_.empty(); }

  /// Queues one text frame, header and all, given in pieces. False where the
  /// outbox is full: then nothing of it is queued. Only while is_open().
  [[nodiscard]] bool send(std::span<const std::string_view> pieces);
  /// Queues one text message.
  [[nodiscard]] bool send_text(std::string_view text);
  /// Queues the event in the loop's delivery_queue at `frame`, likewise.
  [[nodiscard]] bool deliver(std::uint32_t frame, std::string_view channel);
  /// Left out where the outbox is full. At most 125 bytes of payload.
  void ping(std::string_view payload = {});

  /// Queues the close frame behind all that is queued; the peer's answer and the
  /// end of the connection follow, for as long as the owner waits. `reason` is
  /// cut to what a close frame takes. Nothing the second time.
  void close(std::uint16_t code, std::string_view reason);

  /// Nothing more is taken from the kernel, which tells the peer to wait. What it is told
  /// meanwhile, but for what the kernel takes at once, waits likewise.
  void pause_reading();
  void resume_reading();

  /// Ends the connection at once; what is queued is dropped.
  void abort();

 private:
  void readable() override;
  void writable() override;
  void flush() override;
  void not_sent(std::string_view rest, std::size_t frames,
                const boost::system::error_code& error) override;

  [[nodiscard]] std::size_t read_some(lent_block& into, boost::system::error_code& error);
  void receive(std::span<char> bytes);
  void handle(const client_item& item);
  [[nodiscard]] bool send_control(frame_opcode opcode, std::string_view payload);
  void say_goodbye(std::uint16_t code, std::string_view reason);
  void settle();
  void finish_batch();
  [[nodiscard]] bool join_batch();
  void append(const delivery_queue::frame& f, std::string_view channel);
  [[nodiscard]] std::size_t send_now(std::string_view bytes, boost::system::error_code& error);
  [[nodiscard]] outbox::progress send_deliveries();
  void write();
  void await_writable(bool blocked);
  void flush_soon();

  reactor& loop_;
  owner& owner_;
  outbox queue_;
  delivery_queue::chain pending_;  // behind what is in queue_
  frame_parser parser_;
  std::unique_ptr<tls_stream> tls_;  // null: what is sent and received goes as it is
  std::size_t message_bytes_max_;
  int socket_;
  std::uint32_t batch_ = 0;     // that took what was queued last
  bool waiting_ = false;        // for the kernel to take more
  bool said_goodbye_ = false;   // our close frame is queued: nothing may follow it
  bool heard_goodbye_ = false;  // nothing that comes matters any more
  bool shut_down_ = false;      // our side of the connection has ended
  bool paused_ = false;         // not in the poll_set
};

}  // namespace velo::net
