// Who is calling: a guest, a user of an auth collection, a superuser, or the
// ingest key (HTTP_API.md, 'Who is calling').

#pragma once

#include "storage/connection.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace velo::actors {

enum class identity_kind : std::uint8_t { guest, user, superuser, ingest };

struct identity {
  identity_kind kind = identity_kind::guest;
  std::string collection_id{};  ///< A user's auth collection.
  std::string record_id{};      ///< A user's record id: the token's `sub`.
  /// The verified claims, where they are the identity because no record of this
  /// user was ever stored; null where the stored record is.
  std::shared_ptr<const nlohmann::json> claims{};
  storage::token_facts token{};  ///< Of a user; what it is revoked and expires by.

  [[nodiscard]] bool is_user() const { return kind == identity_kind::user; }
  /// Superuser and ingest: may write everything, and silence any socket.
  [[nodiscard]] bool privileged() const {
    return kind == identity_kind::superuser || kind == identity_kind::ingest;
  }
  /// Equal for equal identities, whatever token they came with; empty for a guest.
  [[nodiscard]] std::string key() const;
};

/// What a user signs in as on a WebSocket. Ids are unique in their collection only: a user
/// of another one than the default shall not be taken for one of it. No id has a dot.
[[nodiscard]] std::string sign_in_id(std::string_view collection_name, std::string_view record_id,
                                     std::string_view default_collection);

/// The key of a user, as identity::key() gives it.
[[nodiscard]] std::string user_key(std::string_view collection_id, std::string_view record_id);

}  // namespace velo::actors
