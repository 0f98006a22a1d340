// Another server, measured by the same client in the same run. What each needs
// is its command line, its greeting and how it is published to: see peer.cpp.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/greeting.hpp"
#include "bench/poller.hpp"
#include "bench/process.hpp"
#include "bench/publisher.hpp"

namespace velo::bench {

struct peer_options {
  std::string name;
  std::string data_parent;
  std::vector<int> cores;
  std::uint32_t connections = 0;
  std::size_t record_bytes = 200;
};

class peer {
 public:
  virtual ~peer() = default;

  [[nodiscard]] virtual child_process& process() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual greeting hello() const = 0;
  [[nodiscard]] virtual std::unique_ptr<publisher> publish(poller& poll, std::size_t slots) = 0;
};

/// The names that --peer takes.
[[nodiscard]] const std::vector<std::string>& peer_names();

/// Whether it is installed; otherwise `how` says how to.
[[nodiscard]] bool peer_installed(const std::string& name, std::string& how);

/// "nginx/1.22.1, nchan" or the like.
[[nodiscard]] std::string peer_version(const std::string& name);

/// Starts it and waits until it accepts connections.
[[nodiscard]] std::unique_ptr<peer> start_peer(const peer_options& options);

}  // namespace velo::bench
