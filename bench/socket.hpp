// Owned file descriptors and non-blocking loopback TCP, no more.

#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

namespace velo::bench {

/// Owns one descriptor; movable, closes once.
class file_descriptor {
 public:
  file_descriptor() = default;
  explicit file_descriptor(int fd) : fd_(fd) {}
  file_descriptor(file_descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_descriptor& operator=(file_descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  file_descriptor(const file_descriptor&) = delete;
  file_descriptor& operator=(const file_descriptor&) = delete;
  ~file_descriptor() { reset(); }

  void reset();
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Starts a non-blocking connect to 127.0.0.1; writable means it is decided.
[[nodiscard]] file_descriptor start_connect(std::uint16_t port);

/// Throws the pending error of a connect that was decided.
void check_connected(int fd);

/// Sends all of `bytes` at once. The harness sends little on each socket, so a
/// kernel that does not take it all means a server that does not read: an error.
void send_all(int fd, std::string_view bytes);

/// Closes with a reset: ten thousand sockets in TIME_WAIT would eat the local ports of the next
/// run.
void reset_connection(file_descriptor& fd);

/// Listens on 127.0.0.1, port 0; `port` receives what the kernel chose.
[[nodiscard]] file_descriptor listen_loopback(std::uint16_t& port);

}  // namespace velo::bench
