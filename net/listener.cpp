#include "net/listener.hpp"

#include "net/reactor.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

// The kernel cuts it down to net.core.somaxconn.
constexpr int backlog_max = 65'535;
// After a failure that only others can end: descriptors or memory are used up.
constexpr auto pause_length = std::chrono::milliseconds{100};

std::string name_of(const listen_address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

[[noreturn]] void fail(const listen_address& address, const error_code& why) {
  throw std::runtime_error("cannot listen on " + name_of(address) + ": " + why.message());
}

error_code open_at(tcp::acceptor& acceptor, const tcp::endpoint& at) {
  error_code error;
  auto step = [&](auto&& action) {
    if (!error) action();
  };
  step([&] { acceptor.open(at.protocol(), error); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address{true}, error); });
  if (at.address().is_v6()) {
    // "::" means everything, whatever net.ipv6.bindv6only says.
    step([&] { acceptor.set_option(asio::ip::v6_only{!at.address().is_unspecified()}, error); });
  }
  step([&] { acceptor.bind(at, error); });
  step([&] { acceptor.listen(backlog_max, error); });
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return error;
}

}  // namespace

// Shared with the accept under way, which may outlive the listener.
class listener::acceptor : public std::enable_shared_from_this<acceptor> {
 public:
  acceptor(std::vector<reactor*> loops, const listen_address& address, accept_handler on_accept)
      : loops_(std::move(loops)),
        on_accept_(std::move(on_accept)),
        acceptor_(loops_.front()->io()),
        pause_(loops_.front()->io()) {
    if (address.inherited) {
      take_over(address);
    } else {
      open(address);
    }
    endpoint_ = acceptor_.local_endpoint();
    name_ = name_of({address.host, endpoint_.port()});
  }

  // Not in the constructor: a handler may run at once.
  void start() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] { self->accept(); });
  }

  void stop() {
    asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
      self->pause_.cancel();
      if (!self->acceptor_.is_open()) return;
      // Not close(): that leaves it to the kernel to take the socket out of our epoll
      // set, which it does not do as long as another process has the socket, too.
      error_code failed;
      const int descriptor = self->acceptor_.release(failed);
      if (!failed) ::close(descriptor);
    });
  }

  [[nodiscard]] const tcp::endpoint& endpoint() const { return endpoint_; }

 private:
  void take_over(const listen_address& address) {
    sockaddr_storage local{};
    socklen_t size = sizeof local;
    error_code error;
    if (getsockname(*address.inherited, reinterpret_cast<sockaddr*>(&local), &size) != 0)
      error = error_code(errno, boost::system::system_category());
    else
      acceptor_.assign(local.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), *address.inherited,
                       error);
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

  void accept() {
    if (!acceptor_.is_open()) return;
    reactor& target = *loops_[next_];
    acceptor_.async_accept(
        target.io(), [self = shared_from_this(), &target](error_code error, tcp::socket socket) {
          self->accepted(error, target, std::move(socket));
        });
  }

  void accepted(error_code error, reactor& target, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (error && error != asio::error::connection_aborted) return pause(error);
    if (!error) {
      failing_ = false;
      next_ = (next_ + 1) % loops_.size();
      asio::post(target.io(),
                 [self = shared_from_this(), &target, socket = std::move(socket)]() mutable {
                   self->on_accept_(target, std::move(socket));
                 });
    }
    accept();
  }

  void pause(error_code error) {
    if (!std::exchange(failing_, true)) {
      spdlog::error("{}: cannot accept connections for now: {}", name_, error.message());
    }
    pause_.expires_after(pause_length);
    pause_.async_wait([self = shared_from_this()](error_code) { self->accept(); });
  }

  const std::vector<reactor*> loops_;
  const accept_handler on_accept_;
  std::string name_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  tcp::endpoint endpoint_;
  std::size_t next_ = 0;
  bool failing_ = false;  // said once, until it works again
};

listener::listener(std::vector<reactor*> loops, const listen_address& address,
                   accept_handler on_accept) {
  assert(!loops.empty());
  acceptor_ = std::make_shared<acceptor>(std::move(loops), address, std::move(on_accept));
  acceptor_->start();
}

listener::~listener() {
  stop();
}

tcp::endpoint listener::endpoint() const {
  return acceptor_->endpoint();
}

void listener::stop() {
  acceptor_->stop();
}

}  // namespace velo::net
