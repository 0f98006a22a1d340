// One stored subscription ("connection" in the API): a record channel, what it
// asked for and for whom. It outlives its socket and a restart of the server.

#pragma once

#include "storage/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace velo::storage {

/// What is known of the token that speaks for a subscription.
struct token_facts {
  std::string id;               ///< `jti`; empty: it has none.
  std::int64_t issued_s = 0;    ///< `iat` in Unix seconds; 0: it does not say.
  std::int64_t expires_ms = 0;  ///< From then on it is refused; 0: never.

  [[nodiscard]] bool has_expired(std::int64_t now_ms) const {
    return expires_ms != 0 && now_ms >= expires_ms;
  }
  bool operator==(const token_facts&) const = default;
};

struct connection {
  std::string uuid;  ///< Of its channel, 36 characters in lower case; the key.
  std::string collection_id;
  std::string app_id;
  std::string auth_collection_id;
  std::string auth_record_id;  ///< Empty: a guest.
  bool superuser = false;
  nlohmann::json claims;  ///< An object where claims are the identity, else null.
  std::string socket_id;  ///< The socket it was made with; may be empty.
  std::string filter;
  nlohmann::json options = nlohmann::json::object();  ///< {"events":[...],"query":{...}}, or {}.
  bool is_public = false;
  std::int64_t last_seen_ms = 0;  ///< Unix milliseconds, as are all times here.
  std::int64_t created_ms = 0;
  std::uint64_t number = 0;    ///< Dense, from 1, never used twice: the key of its positions.
  std::uint64_t sequence = 0;  ///< The collection's last when it was made: where it begins.
  std::string epoch;           ///< Of the log that sequence belongs to; empty: not known.
  token_facts token;           ///< The newest that spoke for it; of users only.

  bool operator==(const connection&) const = default;
};

/// CBOR without the uuid, which is the key. errc::invalid_value if claims or
/// options are nested too deeply.
result<std::string> encode(const connection& c);

/// The reverse; errc::corrupt for any bytes that encode does not produce.
result<connection> decode_connection(std::string_view uuid, std::string_view bytes);

/// Whose an encoded connection is, read without the rest: views into `bytes`.
/// Both are empty for guests and superusers.
struct connection_owner {
  std::string_view auth_collection_id;
  std::string_view auth_record_id;
};
result<connection_owner> decode_owner(std::string_view bytes);

/// Reads, or replaces in place, last_seen_ms of an encoded connection: it has a
/// fixed width and place, since it is what changes most.
result<std::int64_t> decode_last_seen_ms(std::string_view bytes);
result<void> replace_last_seen_ms(std::string& bytes, std::int64_t last_seen_ms);

}  // namespace velo::storage
