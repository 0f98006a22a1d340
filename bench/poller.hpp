// epoll, bare: the client has to cost less per message than the server it measures.

#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "bench/socket.hpp"

namespace velo::bench {

/// Something with a descriptor. It must outlive the turn that may call it, so
/// nothing is destroyed from within ready().
class event_source {
 public:
  virtual void ready(std::uint32_t events) = 0;

 protected:
  event_source() = default;
  event_source(const event_source&) = default;
  event_source(event_source&&) = default;
  event_source& operator=(const event_source&) = default;
  event_source& operator=(event_source&&) = default;
  ~event_source() = default;
};

class poller {
 public:
  poller();

  /// Watches `fd`, edge-triggered: one wake-up per arrival and no second call to re-arm.
  void add(int fd, event_source& source);

  /// Waits at most `patience` and calls what is ready. Throws when the user
  /// pressed Ctrl-C, so that every loop of the harness can be left.
  void turn(std::chrono::milliseconds patience);

 private:
  file_descriptor fd_;
  std::array<epoll_event, 1024> events_{};
};

/// Makes SIGINT and SIGTERM end the run through the usual clean-up.
void catch_interrupts();

/// Throws when a signal asked for the end.
void check_interrupted();

}  // namespace velo::bench
