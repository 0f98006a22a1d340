// Few sockets that listen on many channels each: a million live subscriptions
// from one process.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/poller.hpp"
#include "bench/socket.hpp"

namespace velo::bench {

/// What all sockets of a crowd share.
struct crowd_state {
  std::uint16_t port = 0;
  std::string app_key;
  std::vector<std::string> channels;  ///< Dealt out in runs of equal length.
  std::size_t window = 0;             ///< Subscriptions under way on one socket.

  std::size_t live = 0;  ///< Channels that have succeeded.
  std::size_t open = 0;  ///< Sockets that were greeted.
  std::uint64_t events = 0;
  std::uint64_t last_event_ns = 0;
  std::string last_event;  ///< The whole frame.
  std::vector<char> buffer = std::vector<char>(256U << 10U);
};

/// One socket and its run of channels.
class crowd_socket final : public event_source {
 public:
  crowd_socket(crowd_state& shared, std::size_t first, std::size_t last)
      : shared_(&shared), next_(first), last_(last) {}
  crowd_socket(crowd_socket&&) = default;
  ~crowd_socket() { reset_connection(fd_); }

  void connect(poller& poll);
  void ready(std::uint32_t events) override;

 private:
  enum class state : std::uint8_t { connecting, upgrading, greeting, open };

  void read();
  void subscribe_next();
  void message(std::string_view text);
  void frame(unsigned op, std::string_view payload);

  crowd_state* shared_;
  std::size_t next_, last_;  // channels not asked for yet
  std::size_t asked_ = 0;    // and not answered yet
  state state_ = state::connecting;
  file_descriptor fd_;
  std::string rest_;
};

class crowd {
 public:
  /// Connects `sockets` sockets and returns when all are greeted.
  crowd(poller& poll, std::uint16_t port, std::string app_key, std::vector<std::string> channels,
        std::size_t sockets);

  /// Subscribes everything; returns how long it took.
  std::chrono::nanoseconds attach(poller& poll, std::chrono::seconds patience);

  [[nodiscard]] crowd_state& state() { return state_; }
  [[nodiscard]] const crowd_state& state() const { return state_; }

 private:
  crowd_state state_;
  std::vector<crowd_socket> sockets_;  // never grows after construction: epoll holds pointers
};

}  // namespace velo::bench
