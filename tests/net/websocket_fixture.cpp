#include "tests/net/websocket_fixture.hpp"

#include "tests/support/catch.hpp"

#include <boost/asio/post.hpp>
#include <boost/beast/http/field.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <future>
#include <thread>
#include <utility>

namespace velo::net::test {

namespace {

/// Notes what it is told; like the real one it holds its session to the end.
class noting_connection : public actors::on_loop<actors::connection_actor::base> {
 public:
  noting_connection(caf::actor_config& config, actors::event_loop& loop, actor_log& log,
                    std::shared_ptr<actors::session> client)
      : on_loop(config, loop), log_(log), client_(std::move(client)) {}

  behavior_type make_behavior() override {
    return {
        [this](const actors::client_subscribe& m) { log_.add("subscribe " + m.channel); },
        [this](const actors::client_join_ptr& m) {
          log_.add("join " + m->channel +
                   (m->member ? ' ' + m->member->user_id + ' ' + m->member->user_info : ""));
        },
        [this](const actors::client_unsubscribe& m) { log_.add("unsubscribe " + m.channel); },
        [this](const actors::client_event_ptr& m) {
          log_.add(m->event + ' ' + m->channel + ' ' + m->data);
        },
        [this](const actors::client_signin_ptr& m) {
          auto entry = "sign in " + m->user.user_id + ' ' + m->user.user_info;
          for (const auto& id : m->watchlist) entry += ' ' + id;
          log_.add(entry + (m->watchlist_cut ? " and more" : ""));
        },
        [this](const actors::close_connection& m) { client_->close(m.code, m.reason); },
        [this](actors::session_closed) {
          log_.add("closed");
          client_.reset();
          quit();
        },
    };
  }

 private:
  actor_log& log_;
  std::shared_ptr<actors::session> client_;
};

void set_option(int descriptor, int name, int value) {
  REQUIRE(::setsockopt(descriptor, SOL_SOCKET, name, &value, sizeof value) == 0);
}

}  // namespace

// -- the client --------------------------------------------------------------

unsigned frame::code() const {
  REQUIRE(payload.size() >= 2);
  return static_cast<unsigned char>(payload[0]) * 256U + static_cast<unsigned char>(payload[1]);
}

raw_client::raw_client(int descriptor) : descriptor_(descriptor) {
  const timeval timeout{std::chrono::seconds(patience).count(), 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

raw_client::raw_client(raw_client&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}

raw_client::~raw_client() {
  tls_.reset();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void raw_client::shake_hands() {
  tls_ = tls_client(descriptor_);
  REQUIRE(SSL_connect(tls_.get()) == 1);
}

// As recv(2): 0 at the end in good order.
long raw_client::receive(char* into, std::size_t size) {
  if (tls_ == nullptr) return ::recv(descriptor_, into, size, 0);
  std::size_t got = 0;
  const int done = SSL_read_ex(tls_.get(), into, size, &got);
  if (done == 1) return static_cast<long>(got);
  return SSL_get_error(tls_.get(), done) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

long raw_client::transmit(std::string_view bytes, int flags) {
  if (tls_ == nullptr) return ::send(descriptor_, bytes.data(), bytes.size(), flags);
  pollfd writable{descriptor_, POLLOUT, 0};
  if ((flags & MSG_DONTWAIT) != 0 && ::poll(&writable, 1, 0) == 0) return -1;
  std::size_t sent = 0;
  return SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &sent) == 1 ? static_cast<long>(sent)
                                                                          : -1;
}

std::string raw_client::read_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t got = 0;
  while (got < count) {
    const auto n = receive(bytes.data() + got, count - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  if (got != count) FAIL("the connection ended, or had nothing for too long");
  return bytes;
}

std::string raw_client::read_handshake() {
  std::string header;
  while (!header.ends_with("\r\n\r\n")) header += read_bytes(1);
  return header;
}

frame raw_client::read() {
  const auto head = read_bytes(2);
  const auto first = static_cast<unsigned char>(head[0]);
  std::size_t length = static_cast<unsigned char>(head[1]);
  if ((first & 0x70U) != 0 || (first & 0x80U) == 0) FAIL("the server sends plain, whole frames");
  if (length >= 0x80) FAIL("the server masks nothing");
  if (length >= 126) {
    const auto bytes = read_bytes(length == 126 ? 2 : 8);
    length = 0;
    for (const char c : bytes) length = length * 256 + static_cast<unsigned char>(c);
  }
  return {opcode{static_cast<std::uint8_t>(first & 0x0FU)}, read_bytes(length)};
}

nlohmann::json raw_client::read_json() {
  const auto got = read();
  INFO(got.payload);
  REQUIRE(got.op == opcode::text);
  return got.json();
}

bool raw_client::at_end() {
  char byte = 0;
  const bool ended = receive(&byte, 1) == 0;
  ::shutdown(descriptor_, SHUT_WR);
  return ended;
}

void raw_client::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = transmit(bytes, MSG_NOSIGNAL);
    REQUIRE(n > 0);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool raw_client::try_send(std::string_view bytes) {
  return transmit(bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

std::string raw_client::encode(opcode op, std::string_view payload, bool fin, bool masked) {
  std::string bytes;
  const auto put = [&bytes](std::size_t byte) { bytes += static_cast<char>(byte & 0xFFU); };
  put((fin ? 0x80U : 0U) | static_cast<unsigned>(op));
  const std::size_t mask_bit = masked ? 0x80U : 0U;
  if (payload.size() < 126) {
    put(mask_bit | payload.size());
  } else if (payload.size() < 65536) {
    put(mask_bit | 126U);
    put(payload.size() >> 8U);
    put(payload.size());
  } else {
    put(mask_bit | 127U);
    for (int shift = 56; shift >= 0; shift -= 8)
      put(payload.size() >> static_cast<unsigned>(shift));
  }
  constexpr std::string_view mask = "\x12\x34\x56\x78";
  if (masked) bytes += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    bytes += masked ? static_cast<char>(payload[i] ^ mask[i % 4]) : payload[i];
  }
  return bytes;
}

void raw_client::send(opcode op, std::string_view payload, bool fin) {
  send_bytes(encode(op, payload, fin));
}

void raw_client::say_goodbye(std::uint16_t code) {
  const std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
  send(opcode::close, payload);
}

void raw_client::abort() {
  const linger none{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  ::close(std::exchange(descriptor_, -1));
}

// -- the actor's log ---------------------------------------------------------

void actor_log::add(std::string entry) {
  const std::lock_guard lock(mutex_);
  entries_.push_back(std::move(entry));
  changed_.notify_all();
}

std::vector<std::string> actor_log::wait_for(std::size_t count) {
  std::unique_lock lock(mutex_);
  const bool enough =
      changed_.wait_for(lock, patience, [this, count] { return entries_.size() >= count; });
  if (!enough) FAIL("the actor heard too little");
  return entries_;
}

std::vector<std::string> actor_log::entries() {
  const std::lock_guard lock(mutex_);
  return entries_;
}

// -- the server --------------------------------------------------------------

websocket_server::websocket_server(std::chrono::milliseconds tick)
    : system_(config_.set("scheduler.max-threads", 1U)),
      loop(system_, 0, tick),
      acceptor_(accepting_, {boost::asio::ip::address_v4::loopback(), 0}) {
  settings.channel_prefix = channel_prefix;
  settings.apps = {{.id = "app", .keys = {{"key", "secret"}}},
                   {.id = "off", .keys = {{"disabled-key", "secret"}}, .enabled = false},
                   {.id = "strict",
                    .keys = {{"strict-key", "secret"}},
                    .allowed_origins = {"https://a.example"}}};
  if (std::getenv("VELO_TEST_TLS") != nullptr) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL does not say MSG_NOSIGNAL
    const auto certificate = directory_.path() / "certificate.pem";
    const auto key = directory_.path() / "key.pem";
    make_certificate(certificate, key);
    certificates_ = std::make_unique<tls_certificates>(certificate, key);
  }
  loop.start();
  if (std::getenv("VELO_TEST_WITHOUT_RING") != nullptr) return;
  on_loop([this] { shares_sends = !loop.sends().use_ring() && certificates_ == nullptr; });
}

// Both sides of the handshake, each on a thread of its own.
std::unique_ptr<tls_stream> websocket_server::open_tls(int accepted, raw_client& client) {
  if (certificates_ == nullptr) return nullptr;
  ::fcntl(accepted, F_SETFL, O_NONBLOCK);
  auto tls = certificates_->open(accepted);
  std::thread server([&] {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (tls->shake_hands() != tls_stream::progress::done &&
           std::chrono::steady_clock::now() < deadline) {
      pollfd readable{accepted, POLLIN, 0};
      ::poll(&readable, 1, 100);
    }
  });
  client.shake_hands();
  server.join();
  return tls;
}

raw_client websocket_server::upgrade(const options& how) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(descriptor >= 0);
  raw_client client(descriptor);
  if (how.receive_buffer) set_option(descriptor, SO_RCVBUF, *how.receive_buffer);
  const auto address = acceptor_.local_endpoint();
  REQUIRE(::connect(descriptor, address.data(), static_cast<socklen_t>(address.size())) == 0);
  auto accepted = acceptor_.accept();
  if (how.send_buffer) set_option(accepted.native_handle(), SO_SNDBUF, *how.send_buffer);

  auto tls = open_tls(accepted.native_handle(), client);

  using boost::beast::http::field;
  upgrade_request request(boost::beast::http::verb::get, how.target, 11);
  request.set(field::host, "localhost");
  request.set(field::connection, "Upgrade");
  request.set(field::upgrade, "websocket");
  request.set(field::sec_websocket_version, "13");
  if (how.valid_upgrade) request.set(field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  if (!how.origin.empty()) request.set(field::origin, how.origin);

  on_loop([&] {
    start_websocket(
        loop,
        [this](std::shared_ptr<actors::session> session, const std::string&, const std::string&) {
          sessions_.push_back(session);
          return system_.spawn<noting_connection, caf::hidden>(loop, log, std::move(session));
        },
        settings, {.socket = std::move(accepted), .tls = std::move(tls)}, std::move(request));
  });
  return client;
}

raw_client websocket_server::connect(const options& how) {
  auto client = upgrade(how);
  REQUIRE(client.read_handshake().starts_with("HTTP/1.1 101 "));
  REQUIRE(client.read_json()["event"] == "pusher:connection_established");
  return client;
}

void websocket_server::on_loop(const std::function<void()>& job) {
  std::packaged_task<void()> task(job);
  auto done = task.get_future();
  boost::asio::post(loop.io(), [&task] { task(); });
  if (done.wait_for(patience) != std::future_status::ready) {
    // Nothing that `task` refers to may be left behind.
    loop.stop();
    loop.join();
    FAIL("the loop is stuck");
  }
  done.get();
}

std::vector<std::shared_ptr<actors::session>> websocket_server::sessions() {
  std::vector<std::shared_ptr<actors::session>> alive;
  for (const auto& session : sessions_) alive.push_back(session.lock());
  return alive;
}

void websocket_server::deliver(std::size_t index, int number, std::size_t padding) {
  if (const auto session = sessions_.at(index).lock()) {
    session->deliver(numbered_event(number, padding), channel_prefix, channel_uuid);
  }
}

actors::event numbered_event(int number, std::size_t padding) {
  return {"created", R"({\"n\":)" + std::to_string(number) + R"(,\"p\":\")" +
                         std::string(padding, 'x') + R"(\"})"};
}

int number_of(const nlohmann::json& frame) {
  return nlohmann::json::parse(frame.at("data").get<std::string>()).at("n").get<int>();
}

std::string socket_id_of(const nlohmann::json& established) {
  return nlohmann::json::parse(established.at("data").get<std::string>()).at("socket_id");
}

}  // namespace velo::net::test
