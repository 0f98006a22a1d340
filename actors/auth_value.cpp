#include "actors/auth_value.hpp"

#include "actors/hmac.hpp"
#include "actors/time_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace velo::actors {

namespace {

// The end of the year 9999: what is later never comes.
constexpr double seconds_max = 253402300799.0;

}  // namespace

storage::result<auth_value> read_auth(const storage::database& database,
                                      const storage::transaction& transaction,
                                      const identity& who) {
  if (!who.is_user()) return auth_value{};
  const auto revoked = is_revoked(database, transaction, who);
  if (!revoked) return revoked.error();
  if (*revoked) return auth_value{nullptr, true, true};
  auto record = database.records.get(transaction, who.collection_id, who.record_id);
  if (!record) return record.error();
  if (*record) return auth_value{std::make_shared<const nlohmann::json>(std::move(**record))};
  const auto deleted = database.tombstones.contains(transaction, who.collection_id, who.record_id);
  if (!deleted) return deleted.error();
  if (*deleted || !who.claims) return auth_value{nullptr, true, false};
  return auth_value{who.claims};
}

storage::result<bool> is_revoked(const storage::database& database,
                                 const storage::transaction& transaction, const identity& who) {
  const auto any = database.revocations.count(transaction);
  if (!any) return storage::fail(any.error());
  if (*any == 0) return false;
  const auto now = now_ms();
  const auto user = database.revocations.get(transaction, revocation_key_of_user(who.key()));
  if (!user) return storage::fail(user.error());
  if (*user && now < (*user)->until_ms && who.token.issued_s <= (*user)->issued_until_s)
    return true;
  if (who.token.id.empty()) return false;
  const auto token = database.revocations.get(transaction, revocation_key_of_token(who.token.id));
  if (!token) return storage::fail(token.error());
  return *token && now < (*token)->until_ms;
}

namespace {

// Users and tokens are kept apart, whatever their names.
std::string hashed(std::string_view kind, std::string_view name) {
  const auto digest = hmac_sha256(kind, name);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string revocation_key_of_user(std::string_view identity_key) {
  return hashed("user", identity_key);
}

std::string revocation_key_of_token(std::string_view token_id) {
  return hashed("token", token_id);
}

identity identity_of(const storage::connection& stored) {
  identity who;
  if (stored.superuser) {
    who.kind = identity_kind::superuser;
  } else if (!stored.auth_record_id.empty()) {
    who.kind = identity_kind::user;
    who.collection_id = stored.auth_collection_id;
    who.record_id = stored.auth_record_id;
    who.token = stored.token;
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

std::int64_t issued_second(const nlohmann::json& claims) {
  return static_cast<std::int64_t>(std::clamp(issued_at(claims), 0.0, seconds_max));
}

storage::token_facts facts_of(const nlohmann::json& claims, std::chrono::seconds leeway) {
  storage::token_facts facts;
  facts.issued_s = issued_second(claims);
  if (const auto id = claims.find("jti"); id != claims.end() && id->is_string()) facts.id = *id;
  const auto expires = claims.find("exp");
  if (expires == claims.end() || !expires->is_number()) return facts;
  const auto at = expires->get<double>() + static_cast<double>(leeway.count());
  if (at < seconds_max) facts.expires_ms = static_cast<std::int64_t>(std::max(at * 1000.0, 1.0));
  return facts;
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
