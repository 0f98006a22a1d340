#include "actors/auth_value.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

storage::result<auth_value> read_auth(const storage::database& database,
                                      const storage::transaction& transaction,
                                      const identity& who) {
  if (!who.is_user()) return auth_value{};
  auto record = database.records.get(transaction, who.collection_id, who.record_id);
  if (!record) return record.error();
  if (*record)
    return auth_value{std::make_shared<const nlohmann::json>(std::move(**record)), false};
  const auto deleted = database.tombstones.contains(transaction, who.collection_id, who.record_id);
  if (!deleted) return deleted.error();
  if (*deleted || !who.claims) return auth_value{nullptr, true};
  return auth_value{who.claims, false};
}

identity identity_of(const storage::connection& stored) {
  identity who;
  if (stored.superuser) {
    who.kind = identity_kind::superuser;
  } else if (!stored.auth_record_id.empty()) {
    who.kind = identity_kind::user;
    who.collection_id = stored.auth_collection_id;
    who.record_id = stored.auth_record_id;
    if (stored.claims.is_object())
      who.claims = std::make_shared<const nlohmann::json>(stored.claims);
  }
  return who;
}

bool renews(const nlohmann::json& claims, const nlohmann::json& before) {
  return claims.is_object() && before.is_object() && claims != before &&
         issued_at(claims) >= issued_at(before);
}

double issued_at(const nlohmann::json& claims) {
  const auto at = claims.find("iat");
  return at != claims.end() && at->is_number() ? at->get<double>() : 0.0;
}

std::string had_users_key(const std::string& collection_name) {
  return "had_users." + collection_name;
}

bool speaks_for(const identity& who, const storage::connection& stored) {
  return who.kind != identity_kind::guest && who.key() == identity_of(stored).key();
}

storage::result<std::vector<std::string>> hidden_of_user(const storage::database& database,
                                                         const storage::transaction& transaction,
                                                         const identity& who) {
  if (!who.is_user()) return std::vector<std::string>{};
  auto own = database.collections.get(transaction, who.collection_id);
  if (!own) return own.error();
  return *own ? (*own)->hidden : std::vector<std::string>{};
}

}  // namespace velo::actors
