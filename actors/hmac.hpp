// HMAC-SHA256 (RFC 2104), by OpenSSL.

#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace velo::actors {

using sha256_digest = std::array<unsigned char, 32>;

/// Throws std::runtime_error where OpenSSL cannot compute it (no memory, no provider).
[[nodiscard]] sha256_digest hmac_sha256(std::string_view key, std::string_view text);

}  // namespace velo::actors
