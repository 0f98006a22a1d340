#include "net/http_session.hpp"

#include "net/http_writer.hpp"
#include "net/log.hpp"
#include "net/pusher_error.hpp"
#include "net/reactor.hpp"
#include "net/request_admission.hpp"
#include "net/request_head.hpp"
#include "net/scratch.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using tcp = asio::ip::tcp;

// Answered before the other connections of the loop have their turn.
constexpr int requests_per_turn_max = 64;
// Answers gathered for one system call.
constexpr std::size_t gathered_bytes_max = 256U << 10U;
// What a client may still send after the answer that refused it, to be thrown away.
constexpr std::size_t linger_bytes_max = 64U << 20U;

constexpr auto never = clock::time_point::max();

// What a client gets to read that speaks HTTP where TLS is expected.
constexpr std::string_view tls_expected =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 53\r\n"
    "Connection: close\r\n\r\n"
    R"({"message":"This port speaks TLS: use https or wss."})";

std::string_view as_std(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

// What no handler says, in the words of the API that the path belongs to.
response refusal_at(std::string_view path, unsigned status, std::string_view sentence) {
  return is_pusher_path(path) ? pusher_error(status, sentence) : error_response(status, sentence);
}

response shutting_down() {
  response answer = error_response(503, "The server is shutting down.");
  answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

// One request, from its head to its answer.
struct exchange {
  http::request_parser<http::string_body> parser;
  http::request_header<> head;
  std::string id;
  std::string origin;
  std::string logged_path;  // empty where nothing is logged
  client_source client;
  bool local = false;  // from this machine, as far as anybody can tell
  clock::time_point started = clock::now();
  bool keep_alive = false;
};

class http_session final : public timed,
                           public flushable,
                           public std::enable_shared_from_this<http_session> {
 public:
  http_session(reactor& loop, incoming_connection&& from,
               std::shared_ptr<const http_settings> settings)
      : loop_(loop),
        socket_(std::move(from.socket)),
        tls_(std::move(from.tls)),
        local_(from.local),
        settings_(std::move(settings)) {}

  void start();
  [[nodiscard]] bool has_place();
  void answered(std::uint32_t number, response&& answer);

  void on_tick(clock::time_point now) override;
  void on_drain(std::uint16_t close_code, std::string_view reason) override;
  void on_stop() override { close(); }
  [[nodiscard]] std::size_t queued_bytes() const override { return unsent_.size() - sent_; }
  void shed() override;
  void flush() override { run({}); }

 private:
  enum class stage : std::uint8_t {
    handshake,  // of TLS
    head,       // reads a head, or waits for one
    body,       // reads a body
    handling,   // a handler runs or owes an answer
    upgrade,    // leaves for the WebSocket once everything is sent
    last,       // closes once everything is sent
    linger,     // waits for the client to have read it
    closed,
  };

  void run(std::string_view fresh);
  bool advance(std::string& out);
  bool parse(std::string& out);
  bool parse_head();
  bool parse_body(std::string& out);
  void judge_head(error_code error);
  [[nodiscard]] bool admit();
  void dispatch();
  [[nodiscard]] std::optional<response> route(request& incoming, const handler*& run);
  void refuse(response answer);
  void refuse(limit met, response answer);
  void finish(std::string& out);
  void log(unsigned status, std::size_t bytes) const;
  void keep_rest(bool borrowed);

  void send(std::string& out);
  void send_rest();
  void wait();
  void wait_readable();
  void wait_writable();
  void note_unsent();
  void shake_hands();
  [[nodiscard]] std::size_t read_some(lent_block& into, error_code& error);
  void on_readable();
  void on_writable();
  void discard();
  void hand_over();
  void owe_nothing();
  void count_served();
  void close();

  reactor& loop_;
  stream_socket socket_;
  std::unique_ptr<tls_stream> tls_;  // null where the connection is plain
  const bool local_;
  std::shared_ptr<const http_settings> settings_;
  std::shared_ptr<http_session> self_;  // while no operation holds it
  client_source peer_;
  std::unique_ptr<connection_counts::place> place_;
  std::unique_ptr<connection_counts::place> place_among_all_;

  stage stage_ = stage::head;
  bool running_ = false;  // inside of run(): answers wait for its loop
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
  std::optional<limit> met_;  // by the request under way
  bool owes_ = false;         // an answer; counted
  bool leaving_ = false;      // closes after the answer under way
  bool answered_any_ = false;
  bool unserved_ = false;     // counted
  bool idle_begun_ = false;   // the deadline until something comes runs
  bool head_begun_ = false;   // the head's deadline runs
  std::uint32_t number_ = 0;  // of the request under way; older answers are void
  clock::time_point deadline_ = never;

  std::unique_ptr<exchange> exchange_;
  std::optional<response> answer_;  // of the exchange, not written yet

  std::string_view input_;   // inside of run(): received and not parsed
  std::string unread_;       // the same between two runs
  std::size_t scanned_ = 0;  // of a head that is incomplete
  std::string unsent_;
  std::size_t sent_ = 0;   // of unsent_
  std::size_t noted_ = 0;  // of it, at the loop
  clock::time_point sent_by_ = never;
  std::size_t discarded_ = 0;
};

void http_session::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay{true}, ignored);
  error_code gone;
  peer_ = peer_of(socket_, gone);
  if (gone) return;
  if (!has_place()) return;
  loop_.watch(*this);
  unserved_ = true;
  ++settings_->unserved;
  if (tls_ != nullptr) {
    stage_ = stage::handshake;
    deadline_ = clock::now() + settings_->handshake_timeout;
    return shake_hands();
  }
  deadline_ = clock::now() + settings_->header_timeout;
  wait_readable();
}

// False where so many are here that it is not even worth an answer.
bool http_session::has_place() {
  auto* clients = settings_->clients;
  // A proxy has as many as it likes: its clients are counted when they upgrade.
  if (clients == nullptr || clients->trusted_proxies.contains(peer_) ||
      clients->exempt.contains(peer_))
    return true;
  if (peer_) place_among_all_ = clients->http_connections.enter(client_key{});
  place_ = clients->connections.enter(peer_);
  const auto far_beyond = [&](const auto& place, limit met) {
    if (place == nullptr || !place->far_beyond()) return false;
    loop_.counters().limits.add(met);
    return true;
  };
  return !far_beyond(place_among_all_, limit::http_connections) &&
         !far_beyond(place_, limit::connections_per_ip);
}

void http_session::shake_hands() {
  switch (tls_->shake_hands()) {
    case tls_stream::progress::wants_to_read:
      return wait_readable();
    case tls_stream::progress::wants_to_write:
      return wait_writable();
    case tls_stream::progress::done:
      loop_.counters().tls_handshakes.add();
      stage_ = stage::head;
      deadline_ = clock::now() + settings_->header_timeout;
      return wait_readable();
    case tls_stream::progress::failed:
      break;
  }
  loop_.counters().tls_failures.add();
  spdlog::debug("the TLS handshake of {} failed: {}", to_text(peer_), tls_->failure());
  if (tls_->was_plain_http()) {
    tls_.reset();
    stage_ = stage::last;
    std::string answer(tls_expected);
    send(answer);
    return wait();
  }
  close();
}

// -- the way of a request ---------------------------------------------------

// Parses, handles and answers as far as it gets; then sends, then waits for what
// it needs to go on. `fresh` is what was just received, unless it is in unread_.
void http_session::run(std::string_view fresh) {
  if (running_ || stage_ == stage::closed) return;
  const auto self = shared_from_this();
  self_.reset();
  const bool borrowed = !fresh.empty();
  input_ = borrowed ? fresh : std::string_view{unread_};
  running_ = true;
  lent_text out;
  const bool more = advance(*out);
  running_ = false;
  keep_rest(borrowed);
  send(*out);
  if (more && unsent_.empty() && stage_ != stage::closed) {
    self_ = self;
    loop_.flush_at_turn_end(*this);
  } else {
    wait();
  }
}

// Returns whether it stopped only to give others their turn.
bool http_session::advance(std::string& out) {
  for (int answers = 0;;) {
    if (answer_) {
      finish(out);
      ++answers;
      continue;
    }
    // A client that does not read its answers gets no more of them.
    const bool reads = (stage_ == stage::head || stage_ == stage::body) && unsent_.empty();
    if (reads && (answers >= requests_per_turn_max || out.size() >= gathered_bytes_max))
      return true;
    if (!reads || !parse(out)) return false;
  }
}

// Returns false where it needs more input.
bool http_session::parse(std::string& out) {
  if (stage_ == stage::head && !parse_head()) return false;
  return stage_ != stage::body || parse_body(out);
}

bool http_session::parse_head() {
  while (input_.starts_with("\r\n")) {  // tolerated before a request line
    input_.remove_prefix(2);
    scanned_ = 0;
  }
  if (input_.empty()) return false;
  const head_scan scan = scan_head(input_, scanned_);
  if (scan.result == head_scan::outcome::malformed) {
    refuse(error_response(400, "The request is malformed."));
    return true;
  }
  const bool complete = scan.result == head_scan::outcome::complete;
  if ((complete ? scan.length : input_.size()) > settings_->header_bytes_max) {
    refuse(limit::header_bytes, error_response(431, "The request's headers are too large."));
    return true;
  }
  if (!complete) return false;

  scanned_ = 0;
  head_begun_ = idle_begun_ = false;
  exchange_ = std::make_unique<exchange>();
  auto& parser = exchange_->parser;
  parser.eager(false);
  parser.header_limit(static_cast<std::uint32_t>(scan.length));
  parser.body_limit(settings_->body_bytes_max);
  error_code error;
  parser.put(asio::buffer(input_.data(), scan.length), error);
  input_.remove_prefix(scan.length);
  judge_head(error);
  return true;
}

void http_session::judge_head(error_code error) {
  auto& now = *exchange_;
  // Taken before the body is read: what a chunked body's trailer names is not
  // among the headers then. Also where parsing failed: the refusal answers to
  // the id and origin that were read.
  now.head = std::move(now.parser.get().base());
  now.id = request_id(as_std(now.head["X-Request-Id"]));
  now.origin = as_std(now.head[http::field::origin]);
  if (settings_->access_log || spdlog::should_log(spdlog::level::debug)) {
    const auto target = as_std(now.head.target());
    now.logged_path = target.substr(0, target.find('?'));
  }
  if (error == http::error::body_limit) {
    return refuse(limit::body_bytes, error_response(413, "The body is too large."));
  }
  if (error) return refuse(error_response(400, "The request is malformed."));
  if (auto refusal = refusal_of(now.head)) return refuse(std::move(*refusal));

  now.keep_alive = now.parser.keep_alive();
  now.parser.eager(true);
  if (!admit()) return;
  // Whatever the path: a stock client takes a plain 404 for a passing fault and
  // would try for ever, where the WebSocket's own answer (4005) makes it stop.
  if (settings_->on_upgrade && asks_for_websocket(now.head)) {
    if (!now.parser.is_done()) return refuse(error_response(400, "An upgrade has no body."));
    if (settings_->draining) return refuse(shutting_down());
    stage_ = stage::upgrade;
    return;
  }
  stage_ = stage::body;
}

// False where the client has run into a limit and that is answered.
bool http_session::admit() {
  auto& now = *exchange_;
  const auto admitted = admit_request(settings_->clients, peer_, now.head);
  now.client = admitted.client;
  now.local = local_ && !admitted.forwarded && (!admitted.client || admitted.client->is_loopback());
  met_ = place_ != nullptr && place_->beyond() ? limit::connections_per_ip : admitted.met;
  if (place_among_all_ != nullptr && place_among_all_->beyond()) met_ = limit::http_connections;
  if (!met_) return true;
  // A WebSocket is refused in its own words, by a code that its client understands.
  if (settings_->on_upgrade && asks_for_websocket(now.head)) return true;
  loop_.counters().limits.add(*met_);
  auto answer = too_many(*met_, admitted.retry_after);
  if (met_ == limit::http_connections || met_ == limit::connections_per_ip ||
      !now.parser.is_done()) {
    refuse(std::move(answer));
  } else {
    stage_ = stage::handling;
    answer_ = std::move(answer);
  }
  return false;
}

bool http_session::parse_body(std::string& out) {
  auto& parser = exchange_->parser;
  if (!parser.is_done()) {
    if (input_.empty()) {
      auto& head = exchange_->head;
      if (head.version() >= 11 && head.count(http::field::expect) > 0) {
        out.append("HTTP/1.1 100 Continue\r\n\r\n");
        head.erase(http::field::expect);
      }
      return false;
    }
    error_code error;
    input_.remove_prefix(parser.put(asio::buffer(input_.data(), input_.size()), error));
    // Kept back is part of a chunk's head or of the trailer, which are bounded too.
    const bool too_much =
        error == http::error::need_more && input_.size() > settings_->header_bytes_max;
    if (error == http::error::body_limit) {
      refuse(limit::body_bytes, error_response(413, "The body is too large."));
      return true;
    }
    if (too_much || (error && error != http::error::need_more)) {
      refuse(error_response(400, "The body is malformed."));
      return true;
    }
    if (!parser.is_done()) return false;
  }
  if (settings_->ending) {
    refuse(shutting_down());
  } else {
    dispatch();
  }
  return true;
}

void http_session::dispatch() {
  stage_ = stage::handling;
  if (!std::exchange(owes_, true)) ++settings_->owed;
  const auto number = ++number_;
  auto& now = *exchange_;

  request incoming;
  incoming.method = as_std(now.head.method_string());
  incoming.raw_target = as_std(now.head.target());
  incoming.content_type = media_type(as_std(now.head[http::field::content_type]));
  incoming.body = std::move(now.parser.get().body());
  incoming.remote_address = to_text(now.client);
  incoming.local = now.local;
  incoming.began = now.started.time_since_epoch().count();
  incoming.id = now.id;
  incoming.loop = &loop_;

  const handler* run = nullptr;
  if (auto answer = route(incoming, run)) return answered(number, std::move(*answer));
  incoming.headers = std::move(static_cast<http::fields&>(now.head));
  try {
    (*run)(std::move(incoming),
           respond{[session = weak_from_this(), &loop = loop_, number](response&& answer) {
             const auto alive = session.lock();
             if (alive == nullptr) return;
             if (loop.on_own_thread()) return alive->answered(number, std::move(answer));
             asio::post(loop.io(), [alive, number, answer = std::move(answer)]() mutable {
               alive->answered(number, std::move(answer));
             });
           }});
  } catch (const std::exception& e) {
    spdlog::error("request {}: {}", now.id, e.what());
    answered(number, error_response(500, "Server error."));
  }
}

// Finds the handler, or the answer of a request that needs none.
std::optional<response> http_session::route(request& incoming, const handler*& run) {
  const auto& headers = exchange_->head;
  if (cors::is_preflight(incoming.method, headers)) return cors::preflight(headers);
  const bool options = incoming.method == "OPTIONS";
  if (options && incoming.raw_target == "*") return no_content();
  const auto target = split_target(incoming.raw_target);
  if (!target) return error_response(400, "The request's target is malformed.");
  auto match = settings_->routes.find(incoming.method, target->path);
  switch (match.result) {
    case route_match::outcome::malformed:
      return error_response(400, "The path is malformed.");
    case route_match::outcome::not_found:
      return refusal_at(match.path, 404, "Not found.");
    case route_match::outcome::method_not_allowed: {
      response answer = options ? no_content() : refusal_at(match.path, 405, "Method not allowed.");
      answer.headers.emplace_back("Allow", std::move(match.allow));
      return answer;
    }
    case route_match::outcome::found:
      break;
  }
  auto query = parse_parameters(target->query);
  if (!query) return error_response(400, "The query string is malformed.");
  incoming.path = std::move(match.path);
  incoming.params = std::move(match.params);
  incoming.query_parameters = std::move(*query);
  run = match.run;
  return std::nullopt;
}

void http_session::answered(std::uint32_t number, response&& answer) {
  if (stage_ != stage::handling || number != number_ || answer_) return;
  answer_ = std::move(answer);
  // Not right here: the handler of the next request would run inside of the
  // caller, who may be in the middle of something.
  if (!running_) loop_.flush_at_turn_end(*this);
}

// Answers a request that is not read to its end; nothing behind it can be read then.
void http_session::refuse(response answer) {
  if (exchange_ == nullptr) {
    exchange_ = std::make_unique<exchange>();
    exchange_->id = request_id({});
  }
  exchange_->keep_alive = false;
  input_ = {};
  stage_ = stage::handling;
  answer_ = std::move(answer);
}

void http_session::refuse(limit met, response answer) {
  loop_.counters().limits.add(met);
  refuse(std::move(answer));
}

void http_session::finish(std::string& out) {
  const auto& now = *exchange_;
  const bool keep_alive = now.keep_alive && !leaving_ && !settings_->draining;
  write_response(
      out, *answer_,
      {.request_id = now.id,
       .origin = now.origin,
       .keep_alive = keep_alive,
       .to_http10 = now.head.version() < 11,
       .head_only = now.head.method() == http::verb::head,
       .hsts_age = tls_ != nullptr && !local_ ? settings_->hsts_age : std::chrono::seconds{}},
      settings_->origins);
  log(answer_->status, answer_->body.size());
  answered_any_ = true;
  answer_.reset();
  exchange_.reset();
  stage_ = keep_alive ? stage::head : stage::last;
  if (!keep_alive) input_ = {};
}

void http_session::log(unsigned status, std::size_t bytes) const {
  const auto& now = *exchange_;
  if (now.logged_path.empty() && !settings_->access_log) return;
  access_entry entry;
  entry.address = to_text(now.client ? now.client : peer_);
  entry.method = as_std(now.head.method_string());
  entry.path = now.logged_path;
  entry.status = status;
  entry.bytes = bytes;
  entry.took = std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - now.started);
  entry.request_id = now.id;
  log_access(entry, settings_->access_log);
}

void http_session::keep_rest(bool borrowed) {
  if (input_.empty()) {
    std::string{}.swap(unread_);
  } else if (borrowed) {
    unread_.assign(input_);
  } else {
    unread_.erase(0, unread_.size() - input_.size());
  }
  input_ = {};
}

// -- bytes ------------------------------------------------------------------

void http_session::send(std::string& out) {
  if (out.empty()) return;
  if (unsent_.empty()) {
    unsent_.swap(out);
    send_rest();
    // What the kernel took whole goes back to the thread, capacity and all.
    if (unsent_.empty()) unsent_.swap(out);
  } else {
    unsent_.append(out);
  }
  note_unsent();
}

void http_session::send_rest() {
  error_code error;
  const auto rest = std::string_view(unsent_).substr(sent_);
  sent_ += tls_ != nullptr ? tls_->write(rest, error)
                           : socket_.write_some(asio::buffer(rest.data(), rest.size()), error);
  if (error && error != asio::error::would_block && error != asio::error::try_again) {
    return close();
  }
  if (sent_ == unsent_.size()) {
    unsent_.clear();
    sent_ = 0;
    sent_by_ = never;
    if (stage_ != stage::handling) {
      owe_nothing();
      count_served();
    }
  }
}

// Answers that wait for their clients share a bound with what waits on WebSockets.
void http_session::note_unsent() {
  const auto bytes = queued_bytes();
  const auto before = std::exchange(noted_, bytes);
  if (bytes != before)
    loop_.note_held(static_cast<std::ptrdiff_t>(bytes) - static_cast<std::ptrdiff_t>(before));
}

void http_session::owe_nothing() {
  if (std::exchange(owes_, false)) --settings_->owed;
}

void http_session::count_served() {
  if (std::exchange(unserved_, false)) --settings_->unserved;
}

// Everything that can be done is: waits for whatever moves it on.
void http_session::wait() {
  if (stage_ == stage::closed) return;
  if (!unsent_.empty()) return wait_writable();
  switch (stage_) {
    case stage::handshake:
      return shake_hands();
    case stage::head:
      if (unread_.empty()) {
        // Once: empty lines alone do not keep a connection.
        if (!std::exchange(idle_begun_, true)) deadline_ = clock::now() + settings_->idle_timeout;
      } else if (!std::exchange(head_begun_, true)) {
        deadline_ = clock::now() + settings_->header_timeout;
      }
      return wait_readable();
    case stage::body:
      deadline_ = exchange_->started + settings_->body_timeout;
      return wait_readable();
    case stage::upgrade:
      return hand_over();
    case stage::last: {
      // Closing at once would reset the connection where the client has sent more
      // than was read, and it might lose the answer.
      error_code ignored;
      if (tls_ != nullptr) tls_->shut_down();
      socket_.shutdown(stream_socket::shutdown_send, ignored);
      stage_ = stage::linger;
      deadline_ = clock::now() + settings_->linger_timeout;
      return wait_readable();
    }
    case stage::linger:
      return wait_readable();
    case stage::handling:
      deadline_ = never;  // handlers bound their own time
      self_ = shared_from_this();
      return;
    case stage::closed:
      return;
  }
}

void http_session::wait_readable() {
  if (std::exchange(waits_to_read_, true)) return;
  socket_.async_wait(stream_socket::wait_read, [self = shared_from_this()](error_code error) {
    self->waits_to_read_ = false;
    if (!error) self->on_readable();
  });
}

void http_session::wait_writable() {
  if (std::exchange(waits_to_write_, true)) return;
  if (stage_ != stage::handshake) {
    const auto now = clock::now();
    // Who takes a byte now and then does not go on for ever.
    if (sent_by_ == never)
      sent_by_ = now + settings_->send_timeout +
                 std::chrono::seconds(queued_bytes() / settings_->send_bytes_per_second);
    deadline_ = std::min(now + settings_->send_timeout, sent_by_);
  }
  socket_.async_wait(stream_socket::wait_write, [self = shared_from_this()](error_code error) {
    self->waits_to_write_ = false;
    if (!error) self->on_writable();
  });
}

void http_session::on_writable() {
  if (stage_ == stage::closed) return;
  if (stage_ == stage::handshake) return shake_hands();
  send_rest();
  note_unsent();
  run({});
}

std::size_t http_session::read_some(lent_block& into, error_code& error) {
  // Nothing is left of a record of TLS that waiting for the socket would not see.
  static_assert(lent_block::size() >= tls_stream::record_bytes_max);
  if (tls_ != nullptr) return tls_->read({into.data(), into.size()}, error);
  return socket_.read_some(asio::buffer(into.data(), into.size()), error);
}

void http_session::on_readable() {
  if (stage_ == stage::closed) return;
  if (stage_ == stage::handshake) return shake_hands();
  if (stage_ == stage::linger) return discard();
  lent_block block;
  error_code error;
  const std::size_t size = read_some(block, error);
  if (error == asio::error::would_block || error == asio::error::try_again) return wait_readable();
  if (error) return close();
  if (unread_.empty()) return run({block.data(), size});
  unread_.append(block.data(), size);
  run({});
}

void http_session::discard() {
  lent_block block;
  error_code error;
  discarded_ += read_some(block, error);
  const bool again = !error || error == asio::error::would_block || error == asio::error::try_again;
  if (!again || discarded_ > linger_bytes_max) return close();
  wait_readable();
}

void http_session::hand_over() {
  const auto self = shared_from_this();
  log(101, 0);
  auto* clients = settings_->clients;
  const auto& client = exchange_->client;
  if (clients != nullptr && place_ == nullptr && client != peer_ &&
      !clients->exempt.contains(client)) {
    place_ = clients->connections.enter(client);
    if (place_ != nullptr && place_->beyond()) met_ = limit::connections_per_ip;
  }
  http::request<http::string_body> handshake{std::move(exchange_->head)};
  exchange_.reset();
  incoming_connection connection{.socket = std::move(socket_),
                                 .tls = std::move(tls_),
                                 .local = local_,
                                 .place = std::move(place_),
                                 .met = met_};
  std::string early = std::move(unread_);
  close();
  settings_->on_upgrade(loop_, std::move(connection), std::move(handshake), std::move(early));
}

// -- ends -------------------------------------------------------------------

void http_session::on_tick(clock::time_point now) {
  if (now < deadline_) return;
  const auto self = shared_from_this();
  auto& limits = loop_.counters().limits;
  if (stage_ == stage::handshake) {
    loop_.counters().tls_failures.add();
    limits.add(limit::handshake_timeout);
    return close();
  }
  // Who has never said a word is counted; who says no more is not.
  const bool half_open = stage_ == stage::head && unread_.empty() && !answered_any_;
  const bool incomplete =
      unsent_.empty() && (stage_ == stage::body || (stage_ == stage::head && !unread_.empty()));
  if (!unsent_.empty()) limits.add(limit::send_timeout);
  if (half_open || incomplete)
    limits.add(stage_ == stage::body ? limit::body_timeout : limit::header_timeout);
  if (!incomplete) return close();
  unread_.clear();
  refuse(error_response(408, "The request took too long to arrive."));
  run({});
}

void http_session::on_drain(std::uint16_t, std::string_view) {
  leaving_ = true;
  // Whoever has just come has a request on its way, and gets its answer.
  if (answered_any_ && stage_ == stage::head && unread_.empty() && unsent_.empty()) close();
}

void http_session::shed() {
  loop_.counters().shed.add();
  // Not now: others of the loop are being looked at.
  asio::post(loop_.io(), [self = shared_from_this()] { self->close(); });
}

void http_session::close() {
  if (stage_ == stage::closed) return;
  stage_ = stage::closed;
  owe_nothing();
  count_served();
  deadline_ = never;
  loop_.unwatch(*this);
  error_code ignored;
  tls_.reset();
  socket_.close(ignored);
  place_.reset();
  place_among_all_.reset();
  exchange_.reset();
  answer_.reset();
  std::string{}.swap(unread_);
  std::string{}.swap(unsent_);
  sent_ = 0;
  note_unsent();
  // Last: nothing else may hold it.
  const auto keep = std::move(self_);
}

}  // namespace

void start_http_session(reactor& loop, incoming_connection&& connection,
                        std::shared_ptr<const http_settings> settings) {
  std::make_shared<http_session>(loop, std::move(connection), std::move(settings))->start();
}

}  // namespace velo::net
