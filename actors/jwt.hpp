// JSON Web Tokens (RFC 7515, 7519): who a bearer token says the caller is.
//
// A token names its algorithm, but has no say in it: only configured algorithms
// are taken, each with keys of its own family alone (jwt_keys.hpp). Headers that
// bring or point to a key, ask for extensions or compress are refused.

#pragma once

#include <boost/system/result.hpp>
#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

class jwt_keys;

enum class jwt_error : std::uint8_t {
  malformed,         ///< Not three base64url parts of JSON, too long, or nested too deep.
  wrong_algorithm,   ///< `alg` is not a configured one; `none` never is.
  critical_header,   ///< `crit` asks for an extension; we know none.
  foreign_header,    ///< `jwk`, `jku`, `x5u`, `x5c`, `zip`: a key of its own, or packed.
  unknown_key,       ///< There is no key for its `alg` and `kid`.
  bad_signature,     ///< Not signed with a key of ours.
  invalid_claim,     ///< `exp`, `nbf` or `iat` is no number.
  expired,           ///< `exp` has passed.
  not_yet_valid,     ///< `nbf` has not come.
  issued_in_future,  ///< `iat` is ahead of this clock by more than a minute.
  wrong_issuer,      ///< `iss` is not the configured one.
  wrong_audience,    ///< `aud` does not name the configured one.
};

/// A sentence for people. It says nothing that helps to forge a token.
[[nodiscard]] std::string_view to_string(jwt_error e) noexcept;

[[noreturn]] void throw_exception_from_error(const jwt_error& e, const boost::source_location&);

template <class T>
using jwt_result = boost::system::result<T, jwt_error>;

/// Longer tokens are malformed, unread.
inline constexpr std::size_t jwt_bytes_max = 8192;

/// What a token has to hold beside a good signature.
struct claim_policy {
  std::string issuer;              ///< Empty: `iss` is not looked at.
  std::string audience;            ///< Empty: `aud` is not looked at.
  std::chrono::seconds leeway{0};  ///< How far clocks may differ.
};

/// For one thread at a time.
class token_verifier {
 public:
  using time = std::chrono::system_clock::time_point;

  token_verifier() = default;
  token_verifier(const token_verifier&) = delete;
  token_verifier& operator=(const token_verifier&) = delete;
  virtual ~token_verifier() = default;

  /// The claims, an object, of a token that is valid at `now`. Never throws for
  /// what is in the token.
  [[nodiscard]] virtual jwt_result<nlohmann::json> verify(std::string_view token,
                                                          time now) const = 0;
  /// What is wrong at `now` with the claims of a token that was valid before.
  [[nodiscard]] virtual std::optional<jwt_error> check(const nlohmann::json& /*claims*/,
                                                       time /*now*/) const {
    return std::nullopt;
  }
  /// How long after its `exp` a token is still taken.
  [[nodiscard]] virtual std::chrono::seconds leeway() const { return {}; }
  /// Takes keys that have changed on disk; whether there were any. What was
  /// verified before counts no more then.
  virtual bool refresh() { return false; }
};

/// What `policy` finds wrong with claims at `now`.
[[nodiscard]] std::optional<jwt_error> check_claims(const nlohmann::json& claims,
                                                    const claim_policy& policy,
                                                    token_verifier::time now);

/// The claims of a token that is signed with one of `keys`, whatever they say.
[[nodiscard]] jwt_result<nlohmann::json> signed_claims(std::string_view token,
                                                       const jwt_keys& keys);

/// Throws std::invalid_argument for an empty secret, which anybody could sign with.
[[nodiscard]] std::unique_ptr<token_verifier> make_hs256_verifier(std::string secret,
                                                                  claim_policy policy = {});

/// A token that a verifier of the same secret takes; `claims` is an object.
[[nodiscard]] std::string mint_hs256(const nlohmann::json& claims, std::string_view secret);

}  // namespace velo::actors
