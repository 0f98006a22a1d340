// What `@request.auth` is for an identity, as one read transaction sees it.

#pragma once

#include "actors/identity.hpp"
#include "storage/database.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

struct auth_value {
  /// The stored record, else the claims; null for a guest or a superuser.
  std::shared_ptr<const nlohmann::json> auth;
  /// The identity is none any more: the user's record was deleted, or the token revoked.
  bool gone = false;
  bool revoked = false;  ///< It is the token.
};

[[nodiscard]] storage::result<auth_value> read_auth(const storage::database& database,
                                                    const storage::transaction& transaction,
                                                    const identity& who);

/// Whether the user's tokens of then, or this one, were revoked.
[[nodiscard]] storage::result<bool> is_revoked(const storage::database& database,
                                               const storage::transaction& transaction,
                                               const identity& who);

/// Where storage::revocation_table keeps what is revoked of a user, by identity::key(),
/// and of a token, by its id.
[[nodiscard]] std::string revocation_key_of_user(std::string_view identity_key);
[[nodiscard]] std::string revocation_key_of_token(std::string_view token_id);

/// The identity that a stored connection was made with.
[[nodiscard]] identity identity_of(const storage::connection& stored);

/// Whether `claims` take the place of `before`, a connection's: both are the
/// identity of one user, and `claims` are not those of an older token.
[[nodiscard]] bool renews(const nlohmann::json& claims, const nlohmann::json& before);

/// When a token was issued, by its claims, in seconds; 0 where they do not say.
[[nodiscard]] double issued_at(const nlohmann::json& claims);

/// The same as a whole number of seconds.
[[nodiscard]] std::int64_t issued_second(const nlohmann::json& claims);

/// What a subscription notes of the token that these claims are of, which is taken
/// for `leeway` after its `exp`.
[[nodiscard]] storage::token_facts facts_of(const nlohmann::json& claims,
                                            std::chrono::seconds leeway);

/// Whether `who` is the identity that `stored` was made with; a guest is nobody's.
[[nodiscard]] bool speaks_for(const identity& who, const storage::connection& stored);

/// The meta entry that says an auth collection of this name was dropped.
[[nodiscard]] std::string had_users_key(const std::string& collection_name);

/// The hidden fields of the user's own collection; none for others.
[[nodiscard]] storage::result<std::vector<std::string>> hidden_of_user(
    const storage::database& database, const storage::transaction& transaction,
    const identity& who);

}  // namespace velo::actors
