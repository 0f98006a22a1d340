#include "actors/jwt.hpp"

#include "actors/base64url.hpp"
#include "actors/constant_time.hpp"
#include "actors/hmac.hpp"
#include "rules/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
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

std::string mac(std::string_view secret, std::string_view text) {
  const auto digest = hmac_sha256(secret, text);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

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

// A json can be made of anything, an error included: say which is meant.
jwt_result<json> refuse(jwt_error e) {
  return {boost::system::in_place_error, e};
}

class hs256_verifier final : public token_verifier {
 public:
  hs256_verifier(std::string secret, claim_policy policy)
      : secret_(std::move(secret)), policy_(std::move(policy)) {}

  [[nodiscard]] jwt_result<json> verify(std::string_view token, time now) const override {
    const auto parts = split(token);
    if (!parts) return refuse(jwt_error::malformed);
    const auto header = decode_object(parts->header);
    if (!header) return refuse(jwt_error::malformed);
    // The token may not choose how it is checked: `alg` has to be ours.
    const auto algorithm = header->find("alg");
    if (algorithm == header->end() || *algorithm != "HS256")
      return refuse(jwt_error::wrong_algorithm);
    if (header->contains("crit")) return refuse(jwt_error::critical_header);
    const auto signature = decode_base64url(parts->signature);
    if (!signature) return refuse(jwt_error::malformed);
    if (!constant_time_equal(*signature, mac(secret_, parts->signed_text)))
      return refuse(jwt_error::bad_signature);
    // Only now: claims of strangers are not worth parsing.
    auto claims = decode_object(parts->payload);
    if (!claims) return refuse(jwt_error::malformed);
    if (const auto wrong = check_claims(*claims, policy_, now)) return refuse(*wrong);
    return {boost::system::in_place_value, std::move(*claims)};
  }

 private:
  std::string secret_;
  claim_policy policy_;
};

}  // namespace

std::string_view to_string(jwt_error e) noexcept {
  switch (e) {
    case jwt_error::malformed:
      return "The token is not a JSON Web Token.";
    case jwt_error::wrong_algorithm:
      return "The token is signed with an algorithm that is not accepted here.";
    case jwt_error::critical_header:
      return "The token asks for an extension that is not known here.";
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
  return std::make_unique<hs256_verifier>(std::move(secret), std::move(policy));
}

std::unique_ptr<token_verifier> make_hs256_verifier(std::string secret, std::string issuer,
                                                    std::string audience,
                                                    std::chrono::seconds leeway) {
  return make_hs256_verifier(std::move(secret),
                             claim_policy{std::move(issuer), std::move(audience), leeway});
}

std::string mint_hs256(const json& claims, std::string_view secret) {
  auto text =
      encode_base64url(R"({"alg":"HS256","typ":"JWT"})") + '.' + encode_base64url(claims.dump());
  const auto signature = encode_base64url(mac(secret, text));
  return text + '.' + signature;
}

}  // namespace velo::actors
