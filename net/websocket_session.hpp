// One client's WebSocket: the Pusher protocol between its socket and its actor.
//
// It lives on its loop's thread alone. What a message means is decided here; how
// it travels, and how a connection ends, is websocket_transport.hpp's.

#pragma once

#include "actors/acknowledgements.hpp"
#include "actors/command_window.hpp"
#include "actors/interfaces.hpp"
#include "actors/session.hpp"
#include "net/close_code.hpp"
#include "net/pusher.hpp"
#include "net/pusher_client.hpp"
#include "net/reactor.hpp"
#include "net/websocket.hpp"
#include "net/websocket_transport.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace velo::net {

/// Kept alive by its socket and by its actor; ends with the socket.
class websocket_session final : public actors::session,
                                public actors::command_window,
                                public timed,
                                private websocket_transport::owner,
                                public std::enable_shared_from_this<websocket_session> {
 public:
  /// Takes over `socket` and what `from` knows of it. `loop` and `settings` must outlive it.
  websocket_session(reactor& loop, const websocket_settings& settings, int socket,
                    incoming_connection&& from);

  /// Completes the upgrade. Once; the rest happens by itself. `client` is what the
  /// client's other sockets have in common with it (client_mark.hpp).
  void start(const connector& connect, const upgrade_request& request, std::uint64_t client);

  void deliver(const actors::event& what, std::string_view channel_prefix,
               std::string_view channel) override;
  void deliver(actors::delivery& to_many, std::string_view channel) override;
  void deliver_text(const actors::text_ptr& frame) override;
  void subscription_succeeded(std::string_view channel) override;
  void subscription_error(std::string_view channel,
                          const actors::subscription_failure& why) override;
  void close(std::uint16_t code, std::string_view reason) override;
  actors::acknowledgements* acknowledged() override {
    return settings_.acknowledges ? &acknowledged_ : nullptr;
  }
  void ask_for_acknowledgement() override;
  bool backlogged() const override;
  void handled() override;

  void on_tick(std::chrono::steady_clock::time_point now) override;
  void on_drain(std::uint16_t code, std::string_view reason) override;
  void on_stop() override;
  [[nodiscard]] std::size_t queued_bytes() const override {
    return transport_.queued_bytes() + acknowledged_.held_bytes();
  }
  void shed() override;

 private:
  using time_point = std::chrono::steady_clock::time_point;

  void heard() override { heard_ = true; }
  void message(std::string_view text) override;
  void ponged(std::string_view payload) override;
  void closed() override;

  void opened(const connector& connect, const upgrade_request& request,
              boost::system::result<const app*, close_code> admitted);
  /// The client may connect.
  void establish(const connector& connect);
  void ask_hooks(const connector& connect, const upgrade_request& request);
  void decided(const connector& connect, const actors::hook_outcome& outcome);
  [[nodiscard]] boost::system::result<const app*, close_code> take_place(
      boost::system::result<const app*, close_code> admitted);

  void handle(const subscribe_frame& frame);
  void handle(const unsubscribe_frame& frame);
  void handle(const ping_frame& frame);
  void handle(const pong_frame& frame);
  void handle(const signin_frame& frame);
  void handle(const client_event_frame& frame);
  void handle(const unknown_frame& frame);
  void invalid(std::string_view message);
  /// The actor has one more command to handle.
  void commanded();
  void subscribe_to_record_channel(const subscribe_frame& frame);
  /// This client for plain channels and users.
  [[nodiscard]] pusher_client plain();

  void queue(std::span<const std::string_view> pieces);
  void queue_text(std::string_view text);
  void queue_event(std::string_view name, std::string_view data, std::string_view channel_prefix,
                   std::string_view channel);
  void overflow();
  [[nodiscard]] close_code refused(limit met, close_code with);
  void close(close_code code) { close(number(code), sentence(code)); }

  reactor& loop_;
  const websocket_settings& settings_;
  websocket_transport transport_;
  std::unique_ptr<connection_counts::place> place_;  // of its client's
  std::shared_ptr<websocket_session> self_;          // while the socket is open
  actors::connection_actor connection_;              // set while open: it holds this session
  const app* app_ = nullptr;
  std::string socket_id_;
  actors::acknowledgements acknowledged_;

  time_point began_;
  time_point waiting_since_;  // for a sign of life; when closing, for the end
  bool heard_ = false;        // from the client since the last tick
  bool pinged_ = false;       // and not heard of since
  bool holds_place_ = false;
  bool idle_ = true;          // has never asked for a channel
  std::optional<limit> met_;  // before it was open
  bool close_timed_ = false;
  bool undecided_ = false;     // hooks are asked whether it may connect
  bool has_metadata_ = false;  // they said something about it
  std::uint8_t invalid_in_a_row_ = 0;
  std::uint32_t commands_ = 0;  // that the actor has not handled yet
};

}  // namespace velo::net
