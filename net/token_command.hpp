// Tokens by configuration: what the server verifies with, and `velo token`, which
// makes one for development.

#pragma once

#include "actors/jwt_source.hpp"
#include "net/config.hpp"

#include <optional>
#include <string>
#include <vector>

namespace velo::net {

/// What `velo token` was given.
struct token_arguments {
  std::string subject;              ///< `sub`
  std::string collection;           ///< Empty: the claim is left out.
  std::string expires;              ///< A duration, or `never`.
  std::vector<std::string> claims;  ///< `name=value`; the value JSON, or else a text.
  std::string algorithm;            ///< Empty: what goes with the key.
  std::string secret;               ///< Of HMACs.
  std::string key_file;             ///< Of a private key in PEM, or a JWK.
  std::string key_id;               ///< `kid`
};

[[nodiscard]] actors::jwt_settings jwt_settings_of(const auth_config& auth);

/// A token as `arguments` want it; what they leave open the configuration says.
[[nodiscard]] config_result<std::string> make_token(const token_arguments& arguments,
                                                    const auth_config& auth);

}  // namespace velo::net
