// Refusals on the Pusher API: `{"error", "code", "status"}` (PUSHER_PROTOCOL.md 13.3).

#pragma once

#include "net/http.hpp"

#include <string_view>

namespace velo::net {

/// With the code that belongs to the status: `bad_request`, `payload_too_large`...
[[nodiscard]] response pusher_error(unsigned status, std::string_view sentence);

/// Whether a decoded path without mount prefix belongs to the Pusher API.
[[nodiscard]] bool is_pusher_path(std::string_view path);

}  // namespace velo::net
