// Makes tokens, for development and tests; the server itself never does.

#pragma once

#include "actors/jwt_keys.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace velo::actors {

struct jwt_signing_key {
  std::string secret;                      ///< Of HMACs.
  std::string private_key;                 ///< PEM or JWK, of all others.
  std::string id;                          ///< Its `kid`; empty: none.
  std::optional<jwt_algorithm> algorithm;  ///< None: what goes with the key.
};

/// A signed token with these claims, an object.
[[nodiscard]] boost::system::result<std::string, key_error> mint_token(const nlohmann::json& claims,
                                                                       const jwt_signing_key& with);

}  // namespace velo::actors
