#include "net/activation.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace velo::net {

namespace {

constexpr int first_descriptor = 3;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  unsetenv(name);
  return out;
}

bool listens_on_tcp(int descriptor) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return false;
  sockaddr_storage address{};
  size = sizeof address;
  return listening != 0 &&
         getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

}  // namespace

std::optional<int> take_activated_socket() {
  const auto pid = take_variable("LISTEN_PID");
  const auto count = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
  // Meant for another process that passed its environment on to us.
  if (count.empty() || pid != std::to_string(getpid())) return std::nullopt;
  if (count != "1")
    throw std::runtime_error("the service manager handed over " + count +
                             " sockets: write one ListenStream");
  if (!listens_on_tcp(first_descriptor))
    throw std::runtime_error("what the service manager handed over is no listening TCP socket");
  fcntl(first_descriptor, F_SETFD, FD_CLOEXEC);
  return first_descriptor;
}

}  // namespace velo::net
