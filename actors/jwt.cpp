#include "actors/jwt.hpp"

#include "actors/base64url.hpp"
#include "actors/hmac.hpp"
#include "actors/jwt_keys.hpp"
#include "rules/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;
using seconds = std::chrono::duration<double>;

// `iat` is no condition of validity (RFC 7519 4.1.6): a clock that is a little
// ahead must not lock its users out, a token from tomorrow is a mistake.
constexpr seconds issued_ahead_max{60};

struct token_parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;  ///< Header, dot and payload, as sent.
};

std::optional<token_parts> split(std::string_view token) {
  if (token.size() > jwt_bytes_max) return std::nullopt;
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  // A third dot is no base64url character: the signature will not decode.
  return token_parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
                     token.substr(second + 1), token.substr(0, second)};
}

std::optional<json> decode_object(std::string_view part) {
  const auto text = decode_base64url(part);
  if (!text) return std::nullopt;
  auto value = rules::parse_record(*text);
  if (!value) return std::nullopt;
  return std::move(*value);
}

// Nothing where the claim is absent; `valid` turns false where it is no number.
std::optional<seconds> numeric_date(const json& claims, const char* name, bool& valid) {
  const auto at = claims.find(name);
  if (at == claims.end()) return std::nullopt;
  if (!at->is_number()) {
    valid = false;
    return std::nullopt;
  }
  return seconds(at->get<double>());
}

bool names_audience(const json& claims, const std::string& audience) {
  const auto at = claims.find("aud");
  if (at == claims.end()) return false;
  if (at->is_array()) return std::find(at->begin(), at->end(), audience) != at->end();
  return *at == audience;
}

std::optional<jwt_error> check_times(const json& claims, seconds leeway, seconds now) {
  bool valid = true;
  const auto expires = numeric_date(claims, "exp", valid);
  const auto not_before = numeric_date(claims, "nbf", valid);
  const auto issued = numeric_date(claims, "iat", valid);
  if (!valid) return jwt_error::invalid_claim;
  if (expires && now >= *expires + leeway) return jwt_error::expired;
  if (not_before && now + leeway < *not_before) return jwt_error::not_yet_valid;
  if (issued && now + leeway + issued_ahead_max < *issued) return jwt_error::issued_in_future;
  return std::nullopt;
}

// A json can be made of anything, an error included: say which is meant.
jwt_result<json> refuse(jwt_error e) {
  return {boost::system::in_place_error, e};
}

// Names of header parameters that would have us take a key from the token, fetch
// one, or unpack what it holds.
constexpr std::array<const char*, 5> foreign_headers{"jwk", "jku", "x5u", "x5c", "zip"};

std::optional<jwt_error> check_header(const json& header) {
  if (header.contains("crit")) return jwt_error::critical_header;
  const bool foreign = std::any_of(foreign_headers.begin(), foreign_headers.end(),
                                   [&](const char* name) { return header.contains(name); });
  return foreign ? std::optional(jwt_error::foreign_header) : std::nullopt;
}

class secret_verifier final : public token_verifier {
 public:
  secret_verifier(std::string_view secret, claim_policy policy) : policy_(std::move(policy)) {
    keys_.add_secret(secret, {jwt_algorithm::hs256});
  }

  [[nodiscard]] jwt_result<json> verify(std::string_view token, time now) const override {
    auto claims = signed_claims(token, keys_);
    if (!claims) return claims;
    if (const auto wrong = check_claims(*claims, policy_, now)) return refuse(*wrong);
    return claims;
  }
  [[nodiscard]] std::optional<jwt_error> check(const json& claims, time now) const override {
    return check_claims(claims, policy_, now);
  }
  [[nodiscard]] std::chrono::seconds leeway() const override { return policy_.leeway; }

 private:
  jwt_keys keys_;
  claim_policy policy_;
};

}  // namespace

std::optional<jwt_error> check_claims(const json& claims, const claim_policy& policy,
                                      token_verifier::time now) {
  if (const auto wrong = check_times(claims, policy.leeway, now.time_since_epoch())) return wrong;
  if (!policy.issuer.empty()) {
    const auto issuer = claims.find("iss");
    if (issuer == claims.end() || *issuer != policy.issuer) return jwt_error::wrong_issuer;
  }
  if (!policy.audience.empty() && !names_audience(claims, policy.audience))
    return jwt_error::wrong_audience;
  return std::nullopt;
}

jwt_result<json> signed_claims(std::string_view token, const jwt_keys& keys) {
  const auto parts = split(token);
  if (!parts) return refuse(jwt_error::malformed);
  const auto header = decode_object(parts->header);
  if (!header) return refuse(jwt_error::malformed);
  const auto named = header->find("alg");
  const auto algorithm = named != header->end() && named->is_string()
                             ? parse_jwt_algorithm(named->get_ref<const std::string&>())
                             : std::nullopt;
  if (!algorithm || !keys.takes(*algorithm)) return refuse(jwt_error::wrong_algorithm);
  if (const auto wrong = check_header(*header)) return refuse(*wrong);
  std::string key_id;
  if (const auto kid = header->find("kid"); kid != header->end()) {
    if (!kid->is_string()) return refuse(jwt_error::malformed);
    key_id = kid->get<std::string>();
  }
  const auto signature = decode_base64url(parts->signature);
  if (!signature) return refuse(jwt_error::malformed);
  switch (keys.judge(*algorithm, key_id, parts->signed_text, *signature)) {
    case jwt_keys::verdict::no_key:
      return refuse(jwt_error::unknown_key);
    case jwt_keys::verdict::wrong:
      return refuse(jwt_error::bad_signature);
    case jwt_keys::verdict::right:
      break;
  }
  // Only now: claims of strangers are not worth parsing.
  auto claims = decode_object(parts->payload);
  if (!claims) return refuse(jwt_error::malformed);
  return {boost::system::in_place_value, std::move(*claims)};
}

std::string_view to_string(jwt_error e) noexcept {
  switch (e) {
    case jwt_error::malformed:
      return "The token is not a JSON Web Token.";
    case jwt_error::wrong_algorithm:
      return "The token is signed with an algorithm that is not accepted here.";
    case jwt_error::critical_header:
      return "The token asks for an extension that is not known here.";
    case jwt_error::foreign_header:
      return "The token's header brings a key or a compression of its own.";
    case jwt_error::unknown_key:
      return "The token is signed with a key that is not known here.";
    case jwt_error::bad_signature:
      return "The token's signature is wrong.";
    case jwt_error::invalid_claim:
      return "One of the token's exp, nbf and iat is not a number.";
    case jwt_error::expired:
      return "The token has expired.";
    case jwt_error::not_yet_valid:
      return "The token is not valid yet.";
    case jwt_error::issued_in_future:
      return "The token was issued in the future: a clock is wrong.";
    case jwt_error::wrong_issuer:
      return "The token comes from another issuer.";
    case jwt_error::wrong_audience:
      return "The token is meant for another audience.";
  }
  return "The token is not valid.";
}

void throw_exception_from_error(const jwt_error& e, const boost::source_location&) {
  throw std::runtime_error(std::string(to_string(e)));
}

std::unique_ptr<token_verifier> make_hs256_verifier(std::string secret, claim_policy policy) {
  if (secret.empty()) throw std::invalid_argument("An empty secret signs nothing.");
  return std::make_unique<secret_verifier>(secret, std::move(policy));
}

std::string mint_hs256(const json& claims, std::string_view secret) {
  auto text =
      encode_base64url(R"({"alg":"HS256","typ":"JWT"})") + '.' + encode_base64url(claims.dump());
  const auto signature = encode_base64url(hmac(sha2::sha256, secret, text));
  return text + '.' + signature;
}

}  // namespace velo::actors
