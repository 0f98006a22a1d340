#include "actors/driver.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

std::string payload(const event& e) {
  const auto text = nlohmann::json::parse('"' + e.data + '"', nullptr, false);
  return text.is_string() ? text.get<std::string>() : std::string();
}

}  // namespace velo::actors
