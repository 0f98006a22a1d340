#include "net/activation.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>

namespace velo::net {

namespace {

constexpr int first_descriptor = 3;
constexpr int count_max = 64;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value == nullptr ? "" : value;
  unsetenv(name);
  return out;
}

bool listens(int descriptor) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) return false;
  sockaddr_storage address{};
  size = sizeof address;
  return listening != 0 &&
         getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
         (address.ss_family == AF_INET || address.ss_family == AF_INET6 ||
          address.ss_family == AF_UNIX);
}

}  // namespace

std::vector<int> take_activated_sockets() {
  const auto pid = take_variable("LISTEN_PID");
  const auto text = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
  // Meant for another process that passed its environment on to us.
  if (text.empty() || pid != std::to_string(getpid())) return {};
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > count_max)
    throw std::runtime_error("the service manager handed over " + text +
                             " sockets: write one ListenStream for each listener");
  std::vector<int> sockets;
  for (int descriptor = first_descriptor; descriptor < first_descriptor + count; ++descriptor) {
    if (!listens(descriptor))
      throw std::runtime_error(
          "what the service manager handed over is no listening TCP socket and no Unix socket");
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    sockets.push_back(descriptor);
  }
  return sockets;
}

}  // namespace velo::net
