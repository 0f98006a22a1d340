#include "bench/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

file_descriptor tcp_socket(int flags) {
  file_descriptor fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
  if (!fd) fail("cannot open a socket: {}", std::strerror(errno));
  return fd;
}

}  // namespace

void file_descriptor::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

file_descriptor start_connect(std::uint16_t port) {
  auto fd = tcp_socket(SOCK_NONBLOCK);
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    fail("cannot connect to port {}: {}", port, std::strerror(errno));
  }
  return fd;
}

void check_connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) fail("a connect was refused: {}", std::strerror(error));
}

void send_all(int fd, std::string_view bytes) {
  const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) fail("cannot send to the server: {}", std::strerror(errno));
  if (static_cast<std::size_t>(sent) != bytes.size()) {
    fail("the server does not read: it took {} of {} bytes", sent, bytes.size());
  }
}

void reset_connection(file_descriptor& fd) {
  if (!fd) return;
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd.reset();
}

file_descriptor listen_loopback(std::uint16_t& port) {
  auto fd = tcp_socket(0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail("cannot listen on 127.0.0.1: {}", std::strerror(errno));
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace velo::bench
