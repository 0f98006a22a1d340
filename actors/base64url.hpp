// base64url without padding, as RFC 7515 uses it. Decoding is strict: bytes have
// exactly one text, so that no two tokens mean the same.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

[[nodiscard]] std::string encode_base64url(std::string_view bytes);

/// Nothing where there is padding, another character, an impossible length or a
/// stray bit in the last character.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

}  // namespace velo::actors
