#include "net/websocket_session.hpp"

#include "actors/event_body.hpp"
#include "actors/random.hpp"
#include "actors/record_channel.hpp"
#include "net/channel_name.hpp"
#include "net/client_mark.hpp"
#include "net/frame_header.hpp"
#include "net/pusher_client.hpp"
#include "net/signature.hpp"
#include "net/url.hpp"
#include "net/websocket_admission.hpp"
#include "net/websocket_handshake.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/field.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace velo::net {

namespace {

using boost::system::error_code;
using admission = boost::system::result<const app*, close_code>;

constexpr std::uint8_t invalid_in_a_row_max = 100;
// Tells a ping that stands for a pusher:ping from a heartbeat's.
const std::string ack_prefix = "ack ";

// The kernel gives up on a peer that takes nothing as soon as we would; by itself it
// goes on for a quarter of an hour.
void bound_unacknowledged_time(int socket, std::chrono::milliseconds time) {
  const auto timeout = static_cast<unsigned>(time.count());
  ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

bool plain_in_json(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20U;
  });
}

std::string_view sentence_of(limit met) {
  switch (met) {
    case limit::connections_per_ip:
      return "Too many connections from this address: close some first.";
    case limit::requests_per_ip:
      return "Too many requests from this address: reconnect in a moment.";
    case limit::requests_per_token:
      return "Too many requests with this token: reconnect in a moment.";
    default:
      return sentence(close_code::over_capacity);
  }
}

// As much of the text as a close frame takes, without half a character.
std::string_view close_reason(std::string_view text) {
  constexpr std::size_t bytes_max = 123;
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string_view text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

// -- opening -----------------------------------------------------------------

void start_websocket(reactor& loop, actors::connection_context& context,
                     const websocket_settings& settings, incoming_connection&& from,
                     upgrade_request&& request) {
  start_websocket(
      loop,
      [&context](std::shared_ptr<actors::session> client, std::string app_id,
                 std::string socket_id) {
        auto* window = static_cast<websocket_session*>(client.get());
        return actors::spawn_connection(context, std::move(client), std::move(app_id),
                                        std::move(socket_id), window);
      },
      settings, std::move(from), std::move(request));
}

void start_websocket(reactor& loop, const connector& connect, const websocket_settings& settings,
                     incoming_connection&& from, upgrade_request&& request) {
  error_code error;
  from.socket.set_option(boost::asio::ip::tcp::no_delay(true), error);  // works without
  const auto client = client_mark(from.socket, request);
  const int descriptor = from.socket.release(error);
  if (error) return;
  bound_unacknowledged_time(descriptor, settings.activity_timeout + settings.pong_timeout);
  std::make_shared<websocket_session>(loop, settings, descriptor, std::move(from))
      ->start(connect, request, client);
}

websocket_session::websocket_session(reactor& loop, const websocket_settings& settings, int socket,
                                     incoming_connection&& from)
    : loop_(loop),
      settings_(settings),
      transport_(loop, socket, std::move(from.tls), settings.outbox, settings.frame_bytes_max,
                 *this),
      place_(std::move(from.place)),
      met_(from.met) {}

void websocket_session::start(const connector& connect, const upgrade_request& request,
                              std::uint64_t client) {
  self_ = shared_from_this();
  acknowledged_.client = client;
  acknowledged_.held_events_max = static_cast<std::uint32_t>(settings_.outbox.frames_max);
  acknowledged_.held_bytes_max = static_cast<std::uint32_t>(settings_.outbox.bytes_max);
  began_ = waiting_since_ = std::chrono::steady_clock::now();
  loop_.watch(*this);
  const auto answer = answer_handshake(request, settings_.server_name);
  transport_.start(answer.response, answer.accepted);
  if (!transport_.is_open()) return;
  opened(connect, request,
         admit(settings_.apps, settings_.path_prefix, text_of(request.target()),
               text_of(request[boost::beast::http::field::origin])));
}

admission websocket_session::take_place(admission admitted) {
  if (!admitted) return admitted;
  if (settings_.draining.load(std::memory_order_relaxed)) return close_code::over_capacity;
  if (met_) return refused(*met_, close_code::over_capacity);
  const auto others = settings_.connections.fetch_add(1, std::memory_order_relaxed);
  if (settings_.connections_max != 0 && others >= settings_.connections_max) {
    settings_.connections.fetch_sub(1, std::memory_order_relaxed);
    return refused(limit::connections, close_code::over_capacity);
  }
  holds_place_ = true;
  const auto* live = settings_.live(**admitted);
  if (live == nullptr) return admitted;
  const auto others_of_app = live->connections.fetch_add(1, std::memory_order_relaxed);
  if (live->connections_max == 0 || others_of_app < live->connections_max) {
    app_ = *admitted;
    return admitted;
  }
  live->connections.fetch_sub(1, std::memory_order_relaxed);
  return refused(limit::app_connections, close_code::over_quota);
}

close_code websocket_session::refused(limit met, close_code with) {
  loop_.counters().limits.add(met);
  return with;
}

void websocket_session::opened(const connector& connect, const upgrade_request& request,
                               admission admitted) {
  const bool known = admitted.has_value();
  admitted = take_place(admitted);
  if (!admitted) {
    const auto why = admitted.error();
    return close(number(why), known && met_ ? sentence_of(*met_) : sentence(why));
  }
  app_ = *admitted;
  socket_id_ = actors::random_socket_id();
  acknowledged_.socket_id = socket_id_;
  if (settings_.hooks != nullptr && settings_.hooks->any(actors::hook_event::connecting))
    return ask_hooks(connect, request);
  establish(connect);
}

void websocket_session::ask_hooks(const connector& connect, const upgrade_request& request) {
  undecided_ = true;
  auto call = std::make_shared<actors::hook_call>();
  call->event = actors::hook_event::connecting;
  call->app_id = app_->id;
  call->socket_id = socket_id_;
  call->origin = text_of(request[boost::beast::http::field::origin]);
  auto query = nlohmann::json::object();
  if (const auto parts = split_target(text_of(request.target())))
    if (const auto parameters = parse_parameters(parts->query))
      for (const auto& [name, value] : *parameters) query[name] = value;
  call->query = std::make_shared<const nlohmann::json>(std::move(query));
  settings_.hooks->ask(call, [self = shared_from_this(), connect,
                              gate = settings_.gate](const actors::hook_outcome_ptr& outcome) {
    gate->pass([&] {
      boost::asio::post(self->loop_.io(), [self, connect, outcome] {
        if (self->transport_.is_open()) self->decided(connect, *outcome);
      });
    });
  });
}

void websocket_session::decided(const connector& connect, const actors::hook_outcome& outcome) {
  undecided_ = false;
  switch (outcome.what) {
    case actors::hook_outcome::kind::refused:
      if (outcome.message.empty()) return close(close_code::connection_unauthorized);
      return close(number(close_code::connection_unauthorized), close_reason(outcome.message));
    case actors::hook_outcome::kind::failed:
      // A stock client comes back after a while.
      return close(number(close_code::over_capacity),
                   "Whether the connection is allowed could not be found out: try again.");
    case actors::hook_outcome::kind::changed:
      settings_.hooks->keep_metadata(socket_id_, outcome.value);
      has_metadata_ = true;
      break;
    case actors::hook_outcome::kind::proceed:
      break;
  }
  establish(connect);
}

void websocket_session::establish(const connector& connect) {
  // Stock clients give up for good when any other frame comes first, so this
  // one is queued before anybody knows of the session.
  queue_text(connection_established_frame(
      socket_id_, std::chrono::duration_cast<std::chrono::seconds>(settings_.activity_timeout)));
  if (transport_.is_open()) connection_ = connect(shared_from_this(), app_->id, socket_id_);
}

// -- from the client ---------------------------------------------------------

void websocket_session::message(std::string_view text) {
  if (undecided_)
    return close(number(close_code::policy_violation),
                 "Wait for pusher:connection_established before you send.");
  const auto frame = parse_client_frame(text);
  if (!frame) return invalid(frame.error().message);
  if (!std::holds_alternative<unknown_frame>(*frame)) invalid_in_a_row_ = 0;
  std::visit([this](const auto& f) { handle(f); }, *frame);
}

void websocket_session::invalid(std::string_view message) {
  if (++invalid_in_a_row_ >= invalid_in_a_row_max) return close(close_code::policy_violation);
  queue_text(error_frame(close_code::invalid_message, message));
}

void websocket_session::handle(const subscribe_frame& frame) {
  idle_ = false;
  if (actors::in_record_namespace(frame.channel, settings_.channel_prefix)) {
    return subscribe_to_record_channel(frame);
  }
  if (plain().handle(frame)) commanded();
}

void websocket_session::subscribe_to_record_channel(const subscribe_frame& frame) {
  const auto channel = actors::parse_record_channel(frame.channel, settings_.channel_prefix);
  if (!channel) {
    return subscription_error(
        frame.channel,
        {"NotFound", "There is no such channel; subscribe anew over HTTP.", 404, {}});
  }
  if (channel->is_private &&
      !verify_channel_auth(*app_, socket_id_, frame.channel, frame.auth, frame.channel_data)) {
    return subscription_error(
        frame.channel,
        {"AuthError",
         frame.auth.empty() ? "The channel is private: the subscription needs a signature."
                            : "The signature is not that of this app, socket and channel.",
         401,
         {}});
  }
  caf::anon_send(connection_, actors::client_subscribe{frame.channel});
  commanded();
}

void websocket_session::handle(const unsubscribe_frame& frame) {
  caf::anon_send(connection_, actors::client_unsubscribe{frame.channel});
  commanded();
}

void websocket_session::handle(const ping_frame&) {
  queue_text(pong_frame_text());
}

void websocket_session::handle(const pong_frame&) {
  acknowledged_.ponged();
}

void websocket_session::handle(const signin_frame& frame) {
  idle_ = false;
  if (plain().handle(frame)) commanded();
}

void websocket_session::handle(const client_event_frame& frame) {
  if (actors::in_record_namespace(frame.channel, settings_.channel_prefix)) {
    queue_text(error_frame(close_code::client_event_rejected,
                           "Only collections speak on record channels."));
    return;
  }
  if (plain().handle(frame)) commanded();
}

void websocket_session::commanded() {
  if (++commands_ == commands_max) transport_.pause_reading();
}

void websocket_session::handled() {
  if (--commands_ == commands_max / 2) transport_.resume_reading();
}

pusher_client websocket_session::plain() {
  return {*app_, socket_id_, settings_.identities, *this, connection_};
}

void websocket_session::handle(const unknown_frame& frame) {
  invalid("There is no event " + frame.event.substr(0, 64) + " that a client could send.");
}

// -- to the client -----------------------------------------------------------

void websocket_session::deliver(const actors::event& what, std::string_view channel_prefix,
                                std::string_view channel) {
  if (!transport_.is_open()) return;
  // Looking costs less than carrying an escaped name through every layer: names are short.
  if (plain_in_json(what.name)) [[likely]] {
    queue_event(what.name, what.data, channel_prefix, channel);
  } else {
    queue_event(actors::escape_json(what.name), what.data, channel_prefix, channel);
  }
}

void websocket_session::deliver(actors::delivery& to_many, std::string_view channel) {
  if (channel.size() > delivery_queue::channel_bytes_max) {
    return deliver(*to_many.what, to_many.channel_prefix, channel);
  }
  loop_.make_room_for_delivery();
  if (!transport_.is_open()) return;
  const auto frame = loop_.deliveries().prepare(to_many, channel.size());
  if (!transport_.deliver(frame, channel)) overflow();
}

void websocket_session::queue_event(std::string_view name, std::string_view data,
                                    std::string_view channel_prefix, std::string_view channel) {
  std::array<std::string_view, 9> pieces{{{},
                                          R"({"event":")",
                                          name,
                                          R"(","channel":")",
                                          channel_prefix,
                                          channel,
                                          R"(","data":")",
                                          data,
                                          R"("})"}};
  std::size_t bytes = 0;
  for (const auto piece : pieces) bytes += piece.size();
  const frame_header header(frame_opcode::text, bytes);
  pieces[0] = header.view();
  loop_.counters().deliveries.add();
  queue(pieces);
}

void websocket_session::subscription_succeeded(std::string_view channel) {
  queue_text(subscription_succeeded_frame(channel));
}

void websocket_session::subscription_error(std::string_view channel,
                                           const actors::subscription_failure& why) {
  if (why.type == "LimitReached") loop_.counters().limits.add(limit::subscriptions);
  queue_text(subscription_error_frame(channel, why.type, why.message, why.status, why.reason));
}

void websocket_session::deliver_text(const actors::text_ptr& frame) {
  loop_.make_room_for_delivery();
  if (!transport_.is_open()) return;
  if (!transport_.deliver(loop_.deliveries().prepare(frame), {})) overflow();
}

void websocket_session::ask_for_acknowledgement() {
  acknowledged_.pinged();
  queue_text(ping_frame_text());
  if (acknowledged_.wants_echo())
    transport_.ping(ack_prefix + std::to_string(acknowledged_.next_ping() - 1));
}

void websocket_session::ponged(std::string_view payload) {
  if (!payload.starts_with(ack_prefix)) return;
  payload.remove_prefix(ack_prefix.size());
  std::uint32_t ping = 0;
  const auto [end, error] = std::from_chars(payload.data(), payload.data() + payload.size(), ping);
  if (error == std::errc{} && end == payload.data() + payload.size()) acknowledged_.echoed(ping);
}

bool websocket_session::backlogged() const {
  return !transport_.drained();
}

void websocket_session::queue_text(std::string_view text) {
  const frame_header header(frame_opcode::text, text.size());
  queue(std::array{header.view(), text});
}

void websocket_session::queue(std::span<const std::string_view> pieces) {
  if (transport_.is_open() && !transport_.send(pieces)) overflow();
}

void websocket_session::overflow() {
  loop_.counters().limits.add(limit::outbox);
  close(number(close_code::over_capacity),
        "The connection does not keep up: too much is waiting to be sent.");
}

void websocket_session::shed() {
  // It was told to go, and takes not even that.
  if (!transport_.is_open()) return transport_.abort();
  loop_.counters().shed.add();
  transport_.drop_queued();
  close(number(close_code::over_capacity),
        "The server has too much to send to its clients, most of it to this one.");
}

// -- the end -----------------------------------------------------------------

void websocket_session::close(std::uint16_t code, std::string_view reason) {
  if (!transport_.is_open()) return;
  acknowledged_.give_up();
  if (code >= number(close_code::tls_only)) {
    // A courtesy to clients that do not look at close codes: not where the outbox is full.
    static_cast<void>(transport_.send_text(error_frame(close_code{code}, reason)));
  }
  transport_.close(code, reason);
}

void websocket_session::on_tick(time_point now) {
  if (!transport_.is_open()) {
    if (!std::exchange(close_timed_, true)) waiting_since_ = now;
    if (now - waiting_since_ >= settings_.close_timeout) transport_.abort();
    return;
  }
  if (idle_ && settings_.first_subscription_timeout.count() > 0 &&
      now - began_ >= settings_.first_subscription_timeout) {
    loop_.counters().limits.add(limit::first_subscription);
    return close(number(close_code::closed_inactive), "Nothing was subscribed to in time.");
  }
  if (std::exchange(heard_, false)) {
    pinged_ = false;
    waiting_since_ = now;
  } else if (!pinged_ && now - waiting_since_ >= settings_.activity_timeout) {
    waiting_since_ = now;
    pinged_ = true;
    transport_.ping();
  } else if (pinged_ && now - waiting_since_ >= settings_.pong_timeout) {
    close(close_code::pong_not_received);
  }
}

void websocket_session::on_drain(std::uint16_t code, std::string_view reason) {
  close(code, reason);
}

void websocket_session::on_stop() {
  transport_.abort();
}

void websocket_session::closed() {
  loop_.unwatch(*this);
  acknowledged_.give_up();
  place_.reset();
  if (std::exchange(holds_place_, false)) {
    settings_.connections.fetch_sub(1, std::memory_order_relaxed);
    const auto* live = app_ != nullptr ? settings_.live(*app_) : nullptr;
    if (live != nullptr) live->connections.fetch_sub(1, std::memory_order_relaxed);
  }
  if (std::exchange(has_metadata_, false)) settings_.hooks->forget_metadata(socket_id_);
  if (connection_) caf::anon_send(std::exchange(connection_, {}), actors::session_closed{});
  // Whoever made this call still needs the session.
  boost::asio::post(loop_.io(), [self = std::move(self_)] {});
}

}  // namespace velo::net
