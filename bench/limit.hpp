// The limit: what the kernel alone costs. A process of its own does nothing but
// send() a ready frame to each of the same number of loopback sockets, read by
// the same reader. No server can be faster without fewer system calls, so every
// figure is given as a ratio to this one, taken in the same run.
//
// The gathered variant sends up to 16 pending frames to a socket in one call; the
// shared one sends to up to 64 sockets in one call, by io_uring.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/process.hpp"
#include "bench/publisher.hpp"

namespace velo::bench {

inline constexpr std::uint32_t gathered_frames_max = 16;
inline constexpr std::uint32_t shared_sockets_max = 64;

/// One event to send, as it travels through the sender's stdin.
struct limit_order {
  std::uint64_t published_ns = 0;
  std::uint32_t sequence = 0;
  std::uint32_t frame_bytes = 0;
  std::uint32_t frames_max = 1;   ///< Frames in one send.
  std::uint32_t sockets_max = 1;  ///< Sends in one system call.
};

/// The sender's main(): accepts `connections` sockets, then obeys orders until
/// stdin ends. Returns the exit code.
int run_limit_sender(std::uint32_t connections, std::uint32_t classes);

/// A running sender.
class limit_process {
 public:
  limit_process(const std::string& scratch, std::uint32_t connections, std::uint32_t classes,
                const std::vector<int>& cores);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Whether sends can share a system call here.
  [[nodiscard]] bool has_ring() const { return has_ring_; }
  [[nodiscard]] child_process& process() { return process_; }

 private:
  child_process process_;
  std::uint16_t port_ = 0;
  bool has_ring_ = false;
};

/// Orders events from a sender.
class limit_publisher final : public publisher {
 public:
  /// `how`: what each order has in common.
  limit_publisher(int input, const limit_order& how, std::size_t slots)
      : input_(input), order_(how), slots_(slots) {}

  [[nodiscard]] bool has_free_slot() const override { return in_flight_ < slots_; }
  [[nodiscard]] bool idle() const override { return in_flight_ == 0; }
  void publish(unsigned event_class, const stamp& s) override;
  void completed(std::uint32_t /*sequence*/) override { --in_flight_; }
  void flush() override;

 private:
  int input_;
  limit_order order_;
  std::size_t slots_;
  std::size_t in_flight_ = 0;
  std::vector<limit_order> gathered_;
};

}  // namespace velo::bench
