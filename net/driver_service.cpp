#include "net/driver_service.hpp"

#include "actors/simple_drivers.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <utility>

namespace velo::net {

driver_service::driver_service(caf::actor_system& system, actors::engine& engine,
                               const config& settings)
    : system_(system), engine_(engine) {
  std::vector<actors::driver_options> drivers;
  for (const auto& d : settings.drivers) {
    if (d.kind == driver_kind::embedded) continue;
    actors::driver_options options{d.name, d.collections, d.channel_prefix, {}};
    if (d.is_outside()) {
      auto& o = *outside_.emplace_back(std::make_unique<outside>());
      o.name = d.name;
      http_client_options client;
      client.connections_per_place_max = d.connections;
      o.client = std::make_unique<http_client>(client);
      options.driver = system.spawn<outside_driver_behavior>(std::cref(d), std::ref(*o.client),
                                                             std::ref(o.counters));
    } else {
      options.driver = d.kind == driver_kind::log ? actors::spawn_log_driver(system, d.name)
                                                  : actors::spawn_null_driver(system);
    }
    actors_.push_back(options.driver);
    drivers.push_back(std::move(options));
  }
  if (!drivers.empty()) engine.open_drivers(std::move(drivers));
}

driver_service::~driver_service() {
  stop();
}

void driver_service::stop() {
  if (actors_.empty()) return;
  engine_.close_drivers();
  caf::scoped_actor self(system_);
  for (auto& actor : std::exchange(actors_, {})) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
  }
}

std::vector<std::pair<std::string, const driver_counters*>> driver_service::counters() const {
  std::vector<std::pair<std::string, const driver_counters*>> all;
  for (const auto& o : outside_) all.emplace_back(o->name, &o->counters);
  return all;
}

}  // namespace velo::net
