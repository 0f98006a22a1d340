// One client's WebSocket: the Pusher protocol between its socket and its actor.
//
// It lives on its loop's thread alone. Frames for the client go straight into
// the outbox below Beast (outbox_stream.hpp); Beast does the handshake, reads,
// answers pings and closes.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/session.hpp"
#include "net/close_code.hpp"
#include "net/outbox_stream.hpp"
#include "net/pusher.hpp"
#include "net/reactor.hpp"
#include "net/websocket.hpp"

#include <boost/beast/websocket/stream.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace velo::net {

/// Kept alive by its actor and by the operations on its socket; ends with the socket.
class websocket_session final : public actors::session,
                                public flushable,
                                public timed,
                                public std::enable_shared_from_this<websocket_session> {
 public:
  /// `loop` and `settings` must outlive it.
  websocket_session(reactor& loop, const websocket_settings& settings,
                    outbox_stream::socket_type&& socket);

  /// Completes the upgrade. Once; the rest happens by itself.
  void start(connector connect, const upgrade_request& request);

  void deliver(const actors::event& what, std::string_view channel_prefix,
               std::string_view channel) override;
  void subscription_succeeded(std::string_view channel) override;
  void subscription_error(std::string_view channel,
                          const actors::subscription_failure& why) override;
  void close(std::uint16_t code, std::string_view reason) override;

  void flush() override;
  void on_tick(std::chrono::steady_clock::time_point now) override;
  void on_drain(std::uint16_t code, std::string_view reason) override;
  void on_stop() override;

  /// The stream's word that the socket is dead.
  void write_failed(boost::system::error_code error);

 private:
  using time_point = std::chrono::steady_clock::time_point;

  enum class state : std::uint8_t {
    opening,  // the upgrade is under way
    open,
    closing,  // our close frame is queued: nothing may follow it
    gone,     // the socket is closed, the actor knows
  };

  [[nodiscard]] outbox_stream& stream() { return ws_.next_layer(); }
  /// Whether a data frame may still be queued.
  [[nodiscard]] bool is_open() { return state_ == state::open && !stream().said_goodbye(); }

  void opened(connector& connect, boost::system::result<const app*, close_code> admitted);
  [[nodiscard]] boost::system::result<const app*, close_code> take_place(
      boost::system::result<const app*, close_code> admitted);
  void refuse_upgrade();

  void read();
  void received(std::size_t bytes);
  void handle(std::string_view text);
  void handle(const subscribe_frame& frame);
  void handle(const unsubscribe_frame& frame);
  void handle(const ping_frame& frame);
  void handle(const pong_frame& frame);
  void handle(const signin_frame& frame);
  void handle(const client_event_frame& frame);
  void handle(const unknown_frame& frame);
  void invalid(std::string_view message);
  void subscribe_to_record_channel(const subscribe_frame& frame);

  void queue(std::span<const std::string_view> pieces);
  void queue_text(std::string_view text);
  void queue_event(std::string_view name, std::string_view data, std::string_view channel_prefix,
                   std::string_view channel);
  void overflow();
  void close(close_code code) { close(number(code), sentence(code)); }
  void ping();
  void gone();

  reactor& loop_;
  const websocket_settings& settings_;
  boost::beast::websocket::stream<outbox_stream, false> ws_;
  actors::connection_actor connection_;  // set while open: it holds this session
  const app* app_ = nullptr;
  std::string socket_id_;

  // A message is handled from here where it fits, as nearly all do; only a
  // longer one takes memory of its own, until it is complete.
  std::array<char, 256> received_;
  std::string message_;

  time_point waiting_since_;  // for a sign of life; when closing, for the end
  state state_ = state::opening;
  bool heard_ = false;   // from the client since the last tick
  bool pinged_ = false;  // and not heard of since
  bool holds_place_ = false;
  bool close_timed_ = false;
  std::uint8_t invalid_in_a_row_ = 0;
};

}  // namespace velo::net
