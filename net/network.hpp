// The network part of a server: sockets, HTTP, WebSockets, plain channels and their
// webhooks, in front of an engine. `velo serve` is one engine with one of these; an
// application may attach one to the engine that it embeds, and detach it again.

#pragma once

#include "actors/engine.hpp"
#include "net/config.hpp"
#include "net/outside_driver.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/actor_system.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace velo::net {

struct network_options {
  /// Listening sockets of the service manager, for the configured ones; see activation.hpp.
  std::vector<int> activated{};
  /// What /metrics tells of drivers.
  std::vector<std::pair<std::string, const driver_counters*>> drivers{};
  /// Where all sockets live instead of on `config::threads` threads of their own. One
  /// thread runs it, until stop() has returned on another one; outlives the network.
  boost::asio::io_context* io = nullptr;
};

class network {
 public:
  /// Waits that long; true: whoever waits is to give up.
  using patience = std::function<bool(std::chrono::milliseconds)>;

  /// Listens from now on. `settings` is complete (secrets.hpp) and, like the engine and its
  /// actor system, outlives this. One at a time for an engine. Throws std::runtime_error
  /// with a sentence where it cannot listen.
  network(caf::actor_system& system, actors::engine& engine, const config& settings,
          network_options options = {});
  /// Stops.
  ~network();
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// Where it can be reached; the first is the one to show.
  [[nodiscard]] const std::vector<std::string>& urls() const;

  /// Sends every client away in good order, over config::drain.time; HTTP goes on, readiness
  /// is 503. `wait` sleeps where none is given.
  void drain(const patience& wait = {});
  /// Answers every request that was begun, a few seconds at most, and closes what is open.
  /// The engine goes on. Idempotent; not on a thread of the network.
  void stop(const patience& wait = {});

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace velo::net
