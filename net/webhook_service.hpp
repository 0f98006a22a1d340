// The webhooks of all apps: an actor for each app that has some, and the client
// that carries their requests.

#pragma once

#include "actors/engine.hpp"
#include "actors/webhooks.hpp"
#include "net/config.hpp"
#include "net/http_client.hpp"

#include <caf/actor_system.hpp>

#include <map>
#include <string>

namespace velo::net {

class webhook_service final : private actors::webhook_transport {
 public:
  /// `system`, `engine` and `settings` outlive it.
  webhook_service(caf::actor_system& system, const actors::engine& engine, const config& settings);
  /// Stops.
  ~webhook_service() override;

  /// Hears of the app's channels; an empty handle where it has no webhook.
  [[nodiscard]] actors::webhook_actor of(const std::string& app_id) const;

  /// Returns once all that the actors heard is on disk, and ends them. After the
  /// channels, before the engine's store. Idempotent.
  void stop();

 private:
  void post(const std::string& app_id, std::size_t target, std::string body,
            std::function<void(std::string)> done) override;

  caf::actor_system& system_;
  const config& settings_;
  std::map<std::string, actors::webhook_queue_actor> actors_;
  http_client client_;
};

}  // namespace velo::net
