// A verifier of what is configured: a secret, a public key, a JWKS file. Files
// are read again when they change; a file that is broken then is logged, and what
// was read before stays.

#pragma once

#include "actors/jwt.hpp"
#include "actors/jwt_keys.hpp"

#include <memory>
#include <string>

namespace velo::actors {

struct jwt_settings {
  std::string secret;      ///< Of HMACs; empty: none.
  std::string public_key;  ///< PEM, or the path of a file of it; empty: none.
  std::string jwks_file;   ///< Path of a JSON Web Key Set; empty: none.
  /// Empty: HS256 for a secret; for public keys what goes with their kind.
  jwt_algorithms algorithms;
  claim_policy policy;

  [[nodiscard]] bool any_key() const {
    return !secret.empty() || !public_key.empty() || !jwks_file.empty();
  }
};

/// Reads the keys. Null where none is configured; an error where one cannot be used.
[[nodiscard]] boost::system::result<std::unique_ptr<token_verifier>, key_error> make_verifier(
    jwt_settings settings);

}  // namespace velo::actors
