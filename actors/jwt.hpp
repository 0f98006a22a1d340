// JSON Web Tokens (RFC 7515, 7519): who a bearer token says the caller is.
//
// One interface whatever the algorithm; HS256 is the only one so far. A
// verifier is immutable and may be used from any thread.

#pragma once

#include <boost/system/result.hpp>
#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace velo::actors {

enum class jwt_error : std::uint8_t {
  malformed,         ///< Not three base64url parts of JSON, too long, or nested too deep.
  wrong_algorithm,   ///< `alg` is not the configured one; `none` never is.
  critical_header,   ///< `crit` asks for an extension; we know none.
  bad_signature,     ///< Not signed with our secret.
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
};

/// What a token has to hold beside a good signature.
struct claim_policy {
  std::string issuer;              ///< Empty: `iss` is not looked at.
  std::string audience;            ///< Empty: `aud` is not looked at.
  std::chrono::seconds leeway{0};  ///< How far clocks may differ.
};

/// Throws std::invalid_argument for an empty secret, which anybody could sign with.
[[nodiscard]] std::unique_ptr<token_verifier> make_hs256_verifier(std::string secret,
                                                                  claim_policy policy = {});
[[nodiscard]] std::unique_ptr<token_verifier> make_hs256_verifier(std::string secret,
                                                                  std::string issuer,
                                                                  std::string audience,
                                                                  std::chrono::seconds leeway);

/// A token that a verifier of the same secret takes; `claims` is an object.
[[nodiscard]] std::string mint_hs256(const nlohmann::json& claims, std::string_view secret);

}  // namespace velo::actors
