// The configured drivers: their actors, what they count, and the clients that carry
// their requests.

#pragma once

#include "actors/engine.hpp"
#include "net/config.hpp"
#include "net/http_client.hpp"
#include "net/outside_driver.hpp"

#include <caf/actor_system.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace velo::net {

class driver_service {
 public:
  /// Starts them and opens the engine's door to them. `system`, `engine` and `settings`
  /// outlive it.
  driver_service(caf::actor_system& system, actors::engine& engine, const config& settings);
  /// Stops.
  ~driver_service();

  driver_service(const driver_service&) = delete;
  driver_service& operator=(const driver_service&) = delete;

  /// Returns once what was written before was handed on, or a few seconds have passed,
  /// and ends them. Before the engine's stop(). Idempotent.
  void stop();

  /// By name, of the outside servers' drivers; as long as this object lives.
  [[nodiscard]] std::vector<std::pair<std::string, const driver_counters*>> counters() const;

 private:
  struct outside {
    std::string name;
    driver_counters counters;
    std::unique_ptr<http_client> client;
  };

  caf::actor_system& system_;
  actors::engine& engine_;
  std::vector<std::unique_ptr<outside>> outside_;
  std::vector<actors::driver_actor> actors_;
};

}  // namespace velo::net
