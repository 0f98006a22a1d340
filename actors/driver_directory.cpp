#include "actors/driver_directory.hpp"

#include <algorithm>
#include <utility>

namespace velo::actors {

bool driver_options::serves(std::string_view collection) const {
  return collections.empty() ||
         std::find(collections.begin(), collections.end(), collection) != collections.end();
}

driver_directory::driver_directory(std::vector<driver_options> drivers) {
  for (auto& d : drivers) drivers_.push_back({std::move(d), {}});
}

const open_driver* driver_directory::find(std::string_view name) const {
  const auto at = std::find_if(drivers_.begin(), drivers_.end(),
                               [&](const auto& d) { return d.options.name == name; });
  return at == drivers_.end() ? nullptr : &*at;
}

std::vector<driver_bridge_actor> driver_directory::serving(std::string_view collection) const {
  std::vector<driver_bridge_actor> out;
  for (const auto& d : drivers_)
    if (d.bridge && d.options.serves(collection)) out.push_back(d.bridge);
  return out;
}

}  // namespace velo::actors
