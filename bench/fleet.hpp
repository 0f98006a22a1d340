// All subscribers of one measurement, and how they come up.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/poller.hpp"
#include "bench/ws_client.hpp"

namespace velo::bench {

struct fleet_options {
  std::uint16_t port = 0;
  greeting hello{};             ///< How each gets through.
  std::uint32_t classes = 1;    ///< Subscriber i receives the events of class i % classes.
  std::uint32_t opening = 128;  ///< Handshakes at a time: below every accept backlog.
  std::chrono::seconds patience{60};
};

class fleet {
 public:
  /// One subscriber for each channel; connects all and returns when all are subscribed.
  fleet(poller& poll, const fleet_options& options, std::vector<std::string> channels);

  [[nodiscard]] audience& shared() { return shared_; }
  [[nodiscard]] std::uint32_t size() const {
    return static_cast<std::uint32_t>(subscribers_.size());
  }
  /// From the first connect to the last subscription_succeeded.
  [[nodiscard]] std::chrono::nanoseconds set_up_time() const { return set_up_time_; }

 private:
  void open(poller& poll, const fleet_options& options);

  audience shared_;
  std::vector<subscriber> subscribers_;  // never grows after construction: epoll holds pointers
  std::chrono::nanoseconds set_up_time_{};
};

}  // namespace velo::bench
