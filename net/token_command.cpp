#include "net/token_command.hpp"

#include "actors/jwt_mint.hpp"
#include "actors/random.hpp"
#include "net/setting.hpp"
#include "net/units.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

constexpr std::size_t token_id_size = 20;

config_errors failed(std::string sentence) {
  return {{std::move(sentence)}};
}

// `name=value`; nothing where there is no name.
std::optional<std::pair<std::string, json>> read_claim(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  const auto written = text.substr(equals + 1);
  auto value = json::parse(written, nullptr, false);
  if (value.is_discarded()) value = written;
  return std::pair(text.substr(0, equals), std::move(value));
}

config_result<json> claims_of(const token_arguments& wanted, const auth_config& auth) {
  const auto now =
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()).time_since_epoch();
  json claims{{"sub", wanted.subject},
              {"iat", static_cast<std::int64_t>(now.count())},
              {"jti", actors::random_id(token_id_size)}};
  if (!wanted.collection.empty()) claims["collection"] = wanted.collection;
  if (!auth.issuer.empty()) claims["iss"] = auth.issuer;
  if (!auth.audience.empty()) claims["aud"] = auth.audience;
  if (wanted.expires != "never") {
    const auto life = parse_duration(wanted.expires);
    if (!life)
      return failed("--expires: " + quoted_toml(wanted.expires) +
                    " is no duration: write such as 90s, 15m, 24h or never.");
    claims["exp"] =
        static_cast<std::int64_t>((now + std::chrono::ceil<std::chrono::seconds>(*life)).count());
  }
  for (const auto& text : wanted.claims) {
    auto claim = read_claim(text);
    if (!claim) return failed("--claim: " + quoted_toml(text) + " is no claim: write NAME=VALUE.");
    claims[claim->first] = std::move(claim->second);
  }
  if (!claims["sub"].is_string() || claims["sub"].get_ref<const std::string&>().empty())
    return failed("--sub: Say whose token it is: the id of the user's record.");
  return {boost::system::in_place_value, std::move(claims)};
}

// The algorithm of a secret that is configured and named by nobody.
std::optional<actors::jwt_algorithm> configured_hmac(const auth_config& auth) {
  const auto at = std::ranges::find_if(
      auth.algorithms, [](const std::string& name) { return name.starts_with("HS"); });
  return at == auth.algorithms.end() ? std::nullopt : actors::parse_jwt_algorithm(*at);
}

config_result<actors::jwt_signing_key> key_of(const token_arguments& wanted,
                                              const auth_config& auth) {
  actors::jwt_signing_key key;
  key.id = wanted.key_id;
  if (!wanted.algorithm.empty()) {
    key.algorithm = actors::parse_jwt_algorithm(wanted.algorithm);
    if (!key.algorithm)
      return failed("--algorithm: " + quoted_toml(wanted.algorithm) +
                    " is none: write HS256, HS384, HS512, RS256, PS256, ES256 or EdDSA.");
  }
  if (!wanted.secret.empty() && !wanted.key_file.empty())
    return failed("--secret and --key: One of them signs, not both.");
  if (!wanted.key_file.empty()) {
    std::ifstream file(wanted.key_file, std::ios::binary);
    if (!file) return failed("--key: " + wanted.key_file + ": The file cannot be opened.");
    key.private_key.assign(std::istreambuf_iterator<char>(file), {});
    return key;
  }
  key.secret = wanted.secret.empty() ? auth.jwt_secret : wanted.secret;
  if (key.secret.empty())
    return failed("There is nothing to sign with: give --secret or --key, or set auth.jwt_secret.");
  if (!key.algorithm) key.algorithm = configured_hmac(auth);
  return key;
}

}  // namespace

actors::jwt_settings jwt_settings_of(const auth_config& auth) {
  actors::jwt_settings s;
  s.secret = auth.jwt_secret;
  s.public_key = auth.public_key;
  s.jwks_file = auth.jwks_file;
  for (const auto& name : auth.algorithms)
    if (const auto a = actors::parse_jwt_algorithm(name)) s.algorithms.add(*a);
  s.policy = {auth.issuer, auth.audience,
              std::chrono::duration_cast<std::chrono::seconds>(auth.leeway)};
  return s;
}

config_result<std::string> make_token(const token_arguments& arguments, const auth_config& auth) {
  const auto claims = claims_of(arguments, auth);
  if (!claims) return claims.error();
  const auto key = key_of(arguments, auth);
  if (!key) return key.error();
  auto token = actors::mint_token(*claims, *key);
  if (!token) return failed(token.error().sentence);
  return std::move(*token);
}

}  // namespace velo::net
