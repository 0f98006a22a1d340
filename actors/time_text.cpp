#include "actors/time_text.hpp"

#include "rules/time_text.hpp"

#include <chrono>

namespace velo::actors {

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string time_text(std::int64_t ms) {
  return rules::format_time(rules::moment{std::chrono::milliseconds{ms}});
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto moment = rules::parse_time(text);
  if (!moment) return std::nullopt;
  return moment->time_since_epoch().count();
}

}  // namespace velo::actors
