#include "net/listener.hpp"

#include "net/reactor.hpp"
#include "net/unix_socket.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using stream = asio::generic::stream_protocol;
using acceptor_socket = asio::basic_socket_acceptor<stream>;

// The kernel cuts it down to net.core.somaxconn.
constexpr int backlog_max = 65'535;
// After a failure that only others can end: descriptors or memory are used up.
constexpr auto pause_length = std::chrono::milliseconds{100};

std::string name_of(const std::string& host, unsigned port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string name_of(const listen_address& address) {
  return address.unix_path.empty() ? name_of(address.host, address.port)
                                   : "unix:" + address.unix_path;
}

[[noreturn]] void fail(const listen_address& address, const error_code& why) {
  throw std::runtime_error("cannot listen on " + name_of(address) + ": " + why.message());
}

// Runs `action` unless a step before it has failed.
template <class Action>
void step(const error_code& error, Action&& action) {
  if (!error) action();
}

error_code last_error() {
  return {errno, boost::system::system_category()};
}

void close_unless(const error_code& error, acceptor_socket& acceptor) {
  if (!error) return;
  error_code ignored;
  acceptor.close(ignored);
}

error_code open_at(acceptor_socket& acceptor, const tcp::endpoint& at) {
  error_code error;
  step(error, [&] { acceptor.open(at.protocol(), error); });
  step(error, [&] { acceptor.set_option(tcp::acceptor::reuse_address{true}, error); });
  if (at.address().is_v6()) {
    // "::" means everything, whatever net.ipv6.bindv6only says.
    step(error,
         [&] { acceptor.set_option(asio::ip::v6_only{!at.address().is_unspecified()}, error); });
  }
  step(error, [&] { acceptor.bind(stream::endpoint(at), error); });
  step(error, [&] { acceptor.listen(backlog_max, error); });
  close_unless(error, acceptor);
  return error;
}

error_code open_at(acceptor_socket& acceptor, const std::string& path, unsigned mode) {
  error_code error = remove_stale_socket(path);
  const asio::local::stream_protocol::endpoint at(path);
  step(error, [&] { acceptor.open(at.protocol(), error); });
  step(error, [&] { acceptor.bind(stream::endpoint(at), error); });
  // Before it listens, so that nobody comes by the mode that the umask gave it.
  step(error, [&] {
    if (::chmod(path.c_str(), mode) != 0) error = last_error();
  });
  step(error, [&] { acceptor.listen(backlog_max, error); });
  close_unless(error, acceptor);
  return error;
}

}  // namespace

// Shared with the accept under way, which may outlive the listener.
class listener::acceptor : public std::enable_shared_from_this<acceptor> {
 public:
  acceptor(std::vector<reactor*> loops, const listen_address& address, accept_handler on_accept,
           accept_pacer* pacer)
      : loops_(std::move(loops)),
        on_accept_(std::move(on_accept)),
        pacer_(pacer),
        acceptor_(loops_.front()->io()),
        pause_(loops_.front()->io()) {
    if (address.inherited) {
      take_over(address);
    } else if (address.unix_path.empty()) {
      open(address);
    } else {
      open_unix(address);
    }
    identify();
  }

  // Not in the constructor: a handler may run at once.
  void start() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
  }

  void stop() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
      self->pause_.cancel();
      if (!self->acceptor_.is_open()) return;
      remove(self->file_);
      // Not close(): that leaves it to the kernel to take the socket out of our epoll
      // set, which it does not do as long as another process has the socket, too.
      error_code failed;
      const int descriptor = self->acceptor_.release(failed);
      if (!failed) ::close(descriptor);
    });
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_local() const { return local_; }

 private:
  void take_over(const listen_address& address) {
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    error_code error;
    if (getsockname(*address.inherited, reinterpret_cast<sockaddr*>(&local), &size) != 0)
      error = last_error();
    else
      acceptor_.assign(stream(local.ss_family, 0), *address.inherited, error);
    if (error) fail(address, error);
  }

  void open(const listen_address& address) {
    tcp::resolver resolver{loops_.front()->io()};
    error_code error;
    // `localhost` is the loopback address, whether the machine has a hosts file or not (RFC 6761).
    const auto host = address.host == "localhost" ? "127.0.0.1" : address.host;
    const auto found =
        resolver.resolve(host, std::to_string(address.port), tcp::resolver::passive, error);
    if (error) fail(address, error);
    for (const auto& candidate : found) {
      error = open_at(acceptor_, candidate.endpoint());
      if (!error) break;
    }
    if (error) fail(address, error);
  }

  void open_unix(const listen_address& address) {
    if (!is_unix_socket_path(address.unix_path)) fail(address, asio::error::name_too_long);
    const auto error = open_at(acceptor_, address.unix_path, address.unix_mode);
    if (error) fail(address, error);
    file_ = socket_file_at(address.unix_path);
  }

  // By what the socket says: an inherited one need not be what the settings are.
  void identify() {
    const auto at = acceptor_.local_endpoint();
    if (at.protocol().family() == AF_UNIX) {
      asio::local::stream_protocol::endpoint named;
      named.resize(at.size());
      std::memcpy(named.data(), at.data(), at.size());
      name_ = "unix:" + named.path();
      local_ = true;
      return;
    }
    tcp::endpoint bound;
    bound.resize(at.size());
    std::memcpy(bound.data(), at.data(), at.size());
    port_ = bound.port();
    name_ = name_of(bound.address().to_string(), port_);
    local_ = bound.address().is_loopback();
  }

  void accept() {
    if (!acceptor_.is_open()) return;
    reactor& target = *loops_[next_];
    acceptor_.async_accept(
        target.io(), [self = shared_from_this(), &target](error_code error, stream_socket socket) {
          self->accepted(error, target, std::move(socket));
        });
  }

  void accepted(error_code error, reactor& target, stream_socket socket) {
    if (error && !acceptor_.is_open()) return;
    if (error && error != asio::error::connection_aborted) return pause(error);
    if (error) return accept();
    // Also where it has stopped since: the kernel had given the connection to us.
    failing_ = false;
    next_ = (next_ + 1) % loops_.size();
    asio::post(target.io(),
               [self = shared_from_this(), &target, socket = std::move(socket)]() mutable {
                 self->on_accept_(target, std::move(socket));
               });
    if (pacer_ == nullptr) return accept();
    const auto wait = pacer_->accepted(accept_pacer::clock::now());
    if (wait == accept_pacer::clock::duration::zero()) return accept();
    loops_.front()->counters().limits.add(limit::connects_per_second);
    accept_after(wait);
  }

  void pause(error_code error) {
    if (!std::exchange(failing_, true)) {
      spdlog::error("{}: cannot accept connections for now: {}", name_, error.message());
    }
    accept_after(pause_length);
  }

  void accept_after(asio::steady_timer::duration wait) {
    pause_.expires_after(wait);
    pause_.async_wait([self = shared_from_this()](error_code) { self->accept(); });
  }

  const std::vector<reactor*> loops_;
  const accept_handler on_accept_;
  accept_pacer* const pacer_;
  std::string name_;
  socket_file file_;
  acceptor_socket acceptor_;
  asio::steady_timer pause_;
  std::uint16_t port_ = 0;
  bool local_ = false;
  std::size_t next_ = 0;
  bool failing_ = false;  // said once, until it works again
};

listener::listener(std::vector<reactor*> loops, const listen_address& address,
                   accept_handler on_accept, accept_pacer* pacer) {
  assert(!loops.empty());
  acceptor_ = std::make_shared<acceptor>(std::move(loops), address, std::move(on_accept), pacer);
  acceptor_->start();
}

listener::~listener() {
  stop();
}

std::uint16_t listener::port() const {
  return acceptor_->port();
}

const std::string& listener::name() const {
  return acceptor_->name();
}

bool listener::is_local() const {
  return acceptor_->is_local();
}

void listener::stop() {
  acceptor_->stop();
}

}  // namespace velo::net
