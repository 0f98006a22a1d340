#include "net/http_client.hpp"

#include <openssl/ssl.h>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <stdexcept>
#include <thread>
#include <tuple>

namespace velo::net {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using clock = std::chrono::steady_clock;

using place = std::tuple<bool, std::string, std::uint16_t>;

constexpr int interim_answers_max = 8;

/// One connection to one place, and the time that the call on it has.
struct connection : std::enable_shared_from_this<connection> {
  explicit connection(asio::io_context& io) : resolver(io), socket(io), deadline(io) {}

  // Whatever is waited for then ends with an error.
  void end() {
    error_code ignored;
    resolver.cancel();
    socket.close(ignored);
  }

  void end_after(std::chrono::milliseconds time) {
    deadline.expires_after(time);
    deadline.async_wait([self = weak_from_this()](error_code error) {
      const auto alive = self.lock();
      if (error || alive == nullptr) return;
      alive->timed_out = true;
      alive->end();
    });
  }

  tcp::resolver resolver;
  tcp::socket socket;
  std::optional<asio::ssl::stream<tcp::socket&>> tls;
  asio::steady_timer deadline;
  boost::beast::flat_buffer buffer;
  bool timed_out = false;
};

using connection_ptr = std::shared_ptr<connection>;

/// What came of one attempt.
struct attempt {
  std::optional<http_answer> answer;
  error_code error;
  bool keep = false;   ///< The connection can be used again.
  bool silent = true;  ///< Not a byte of an answer came.
};

http::request<http::string_body> message_of(const http_call& call) {
  http::request<http::string_body> message;
  message.version(11);
  message.method_string(call.method);
  message.target(call.to.target);
  message.set(http::field::host, call.to.authority());
  message.set(http::field::user_agent, "velo-realtime");
  for (const auto& [name, value] : call.headers) message.insert(name, value);
  message.body() = call.body;
  message.prepare_payload();
  return message;
}

template <class Stream>
asio::awaitable<attempt> exchange(Stream& stream, connection& c,
                                  const http::request<http::string_body>& message,
                                  std::size_t body_bytes_max) {
  attempt out;
  co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, out.error));
  if (out.error) co_return out;
  for (int answers = 0; answers < interim_answers_max; ++answers) {
    http::response_parser<http::string_body> parser;
    parser.body_limit(body_bytes_max);
    co_await http::async_read_header(stream, c.buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, out.error));
    out.silent = !parser.got_some() && c.buffer.size() == 0;
    // A body that is too large is no reason not to know the status.
    if (!parser.is_header_done()) co_return out;
    out.error = {};
    const auto status = parser.get().result_int();
    if (status >= 100 && status < 200) continue;
    // The head says what became of the request; of the body what can be had.
    error_code cut;
    co_await http::async_read(stream, c.buffer, parser,
                              asio::redirect_error(asio::use_awaitable, cut));
    out.keep = !cut && parser.keep_alive() && c.buffer.size() == 0;
    const auto type = parser.get()[http::field::content_type];
    out.answer = http_answer{status, std::move(parser.get().body()),
                             std::string(type.data(), type.size()), !cut};
    co_return out;
  }
  out.error = http::make_error_code(http::error::bad_status);
  co_return out;
}

bool is_address(const std::string& host) {
  error_code error;
  (void)asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

class http_client::impl {
 public:
  explicit impl(http_client_options options)
      : options_(options), work_(asio::make_work_guard(io_)), tls_(asio::ssl::context::tls_client) {
    tls_.set_default_verify_paths();
    tls_.set_verify_mode(asio::ssl::verify_peer);
    SSL_CTX_set_min_proto_version(tls_.native_handle(), TLS1_2_VERSION);
    thread_ = std::thread([this] {
      // Signals are for the main thread.
      sigset_t all;
      sigfillset(&all);
      pthread_sigmask(SIG_BLOCK, &all, nullptr);
      io_.run();
    });
  }

  ~impl() {
    work_.reset();
    io_.stop();
    thread_.join();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  void send(http_call call, std::function<void(http_outcome)> done) {
    asio::post(io_, [this, job = waiting{std::move(call), std::move(done)}]() mutable {
      const place to{job.call.to.tls, job.call.to.host, job.call.to.port};
      auto& there = places_[to];
      there.queue.push_back(std::move(job));
      start(there);
    });
  }

 private:
  struct waiting {
    http_call call;
    std::function<void(http_outcome)> done;
  };
  struct idle_connection {
    connection_ptr connection;
    clock::time_point since;
  };
  struct known_place {
    std::deque<waiting> queue;
    std::vector<idle_connection> idle;
    std::size_t active = 0;
  };

  void start(known_place& there) {
    while (!there.queue.empty() && there.active < options_.connections_per_place_max) {
      ++there.active;
      auto job = std::move(there.queue.front());
      there.queue.pop_front();
      asio::co_spawn(io_, carry(there, std::move(job)), asio::detached);
    }
  }

  asio::awaitable<void> carry(known_place& there, waiting job) {
    const auto message = message_of(job.call);
    attempt result;
    bool timed_out = false;
    for (auto c = take_idle(there);;) {
      const bool reused = c != nullptr;
      if (!reused) c = std::make_shared<connection>(io_);
      c->end_after(job.call.timeout);
      result = co_await one_attempt(*c, job.call, message);
      c->deadline.cancel();
      timed_out = c->timed_out;
      if (result.answer && result.keep) keep(there, c);
      // It was closed while it was not used: that says nothing about the place.
      if (!reused || result.answer || !result.silent || timed_out) break;
      c = nullptr;
    }
    --there.active;
    job.done(outcome_of(std::move(result), timed_out, job.call));
    start(there);
  }

  asio::awaitable<attempt> one_attempt(connection& c, const http_call& call,
                                       const http::request<http::string_body>& message) {
    attempt failed;
    if (!c.socket.is_open()) {
      failed.error = co_await connect(c, call.to);
      if (failed.error) co_return failed;
    }
    if (c.tls) co_return co_await exchange(*c.tls, c, message, options_.body_bytes_max);
    co_return co_await exchange(c.socket, c, message, options_.body_bytes_max);
  }

  asio::awaitable<error_code> connect(connection& c, const http_address& to) {
    error_code error;
    // `localhost` is the loopback address, whether the machine has a hosts file or not (RFC 6761).
    const std::string host = to.host == "localhost" ? "127.0.0.1" : to.host;
    const auto found = co_await c.resolver.async_resolve(
        host, std::to_string(to.port), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    co_await asio::async_connect(c.socket, found, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return error;
    error_code ignored;
    c.socket.set_option(tcp::no_delay{true}, ignored);
    if (!to.tls) co_return error;
    c.tls.emplace(c.socket, tls_);
    c.tls->set_verify_callback(asio::ssl::host_name_verification(to.host));
    if (!is_address(to.host)) SSL_set_tlsext_host_name(c.tls->native_handle(), to.host.c_str());
    co_await c.tls->async_handshake(asio::ssl::stream_base::client,
                                    asio::redirect_error(asio::use_awaitable, error));
    co_return error;
  }

  // The youngest that is not too old to be trusted; the old ones close.
  connection_ptr take_idle(known_place& there) {
    const auto oldest = clock::now() - options_.idle_timeout;
    std::erase_if(there.idle, [oldest](const auto& i) { return i.since < oldest; });
    if (there.idle.empty()) return nullptr;
    auto c = std::move(there.idle.back().connection);
    there.idle.pop_back();
    return c;
  }

  // Looked after by its own timer, so that it closes where nobody calls any more.
  void keep(known_place& there, const connection_ptr& c) {
    there.idle.push_back({c, clock::now()});
    c->deadline.expires_after(options_.idle_timeout);
    c->deadline.async_wait([&there, known = std::weak_ptr(c)](error_code error) {
      if (error) return;
      std::erase_if(there.idle, [&](const auto& i) { return i.connection == known.lock(); });
    });
  }

  static http_outcome outcome_of(attempt result, bool timed_out, const http_call& call) {
    if (result.answer) return std::move(*result.answer);
    if (timed_out)
      return http_failure{"no answer within " + std::to_string(call.timeout.count()) + " ms"};
    return http_failure{result.error.message()};
  }

  const http_client_options options_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::ssl::context tls_;
  std::map<place, known_place> places_;  // Those named by the configuration: few.
  std::thread thread_;
};

http_client::http_client(http_client_options options) : impl_(std::make_unique<impl>(options)) {}

http_client::~http_client() = default;

void http_client::send(http_call call, std::function<void(http_outcome)> done) {
  impl_->send(std::move(call), std::move(done));
}

void throw_exception_from_error(const http_failure& f, const boost::source_location&) {
  throw std::runtime_error(f.sentence);
}

}  // namespace velo::net
