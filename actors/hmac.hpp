// HMAC (RFC 2104) of the SHA-2 family, by OpenSSL.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace velo::actors {

using sha256_digest = std::array<unsigned char, 32>;

/// Throws std::runtime_error where OpenSSL cannot compute it (no memory, no provider).
[[nodiscard]] sha256_digest hmac_sha256(std::string_view key, std::string_view text);

enum class sha2 : std::uint8_t { sha256, sha384, sha512 };

/// The same of a hash to choose: 32, 48 or 64 bytes.
[[nodiscard]] std::string hmac(sha2 hash, std::string_view key, std::string_view text);

}  // namespace velo::actors
