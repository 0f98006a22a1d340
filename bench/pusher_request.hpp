// A signed request of the Pusher HTTP API.

#pragma once

#include <string>
#include <string_view>

namespace velo::bench {

inline constexpr std::string_view pusher_app_id = "bench";
inline constexpr std::string_view pusher_app_key = "bench-key";
inline constexpr std::string_view pusher_app_secret = "bench-secret";

/// POST /apps/{id}/events with this body, as an HTTP request.
[[nodiscard]] std::string pusher_request(std::string_view body);

}  // namespace velo::bench
