// Which drivers there are, and whose subscriptions leave through them.

#pragma once

#include "actors/driver_bridge.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

/// A driver, and what is to leave through it.
struct driver_options {
  std::string name;                      ///< No other has it.
  std::vector<std::string> collections;  ///< By name; empty: all, those made later included.
  std::string channel_prefix = "velo.realtime.";  ///< Of the channels' names behind it.
  driver_actor driver;

  [[nodiscard]] bool serves(std::string_view collection) const;
};

struct open_driver {
  driver_options options;
  driver_bridge_actor bridge;
};

/// Filled by engine::open_drivers, then only read; any thread.
class driver_directory {
 public:
  driver_directory() = default;
  explicit driver_directory(std::vector<driver_options> drivers);

  [[nodiscard]] bool empty() const { return drivers_.empty(); }
  [[nodiscard]] std::vector<open_driver>& all() { return drivers_; }
  [[nodiscard]] const std::vector<open_driver>& all() const { return drivers_; }
  /// Null where there is none of this name.
  [[nodiscard]] const open_driver* find(std::string_view name) const;
  /// The bridges of those that serve a collection.
  [[nodiscard]] std::vector<driver_bridge_actor> serving(std::string_view collection) const;

 private:
  std::vector<open_driver> drivers_;
};

}  // namespace velo::actors
