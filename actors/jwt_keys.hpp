// The keys that tokens are verified with, each with the algorithms it serves.
//
// JWK, JWKS and PEM are read by librhonabwy, signatures are verified by GnuTLS
// beneath it with the key as it was read once. An algorithm meets only keys of
// its family: an RSA key never serves as an HMAC secret, a P-256 key nothing but
// ES256. HMACs are compared in constant time.

#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

enum class jwt_algorithm : std::uint8_t { hs256, hs384, hs512, rs256, ps256, es256, eddsa };

/// `HS256`…; nothing for any other name, `none` among them.
[[nodiscard]] std::optional<jwt_algorithm> parse_jwt_algorithm(std::string_view name);
[[nodiscard]] std::string_view to_string(jwt_algorithm a) noexcept;

/// A set of algorithms.
class jwt_algorithms {
 public:
  constexpr jwt_algorithms() = default;
  constexpr jwt_algorithms(std::initializer_list<jwt_algorithm> some) {
    for (const auto a : some) add(a);
  }
  constexpr void add(jwt_algorithm a) { bits_ |= bit(a); }
  [[nodiscard]] constexpr bool has(jwt_algorithm a) const { return (bits_ & bit(a)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr jwt_algorithms operator&(jwt_algorithms other) const {
    other.bits_ &= bits_;
    return other;
  }
  constexpr bool operator==(const jwt_algorithms&) const = default;

 private:
  static constexpr std::uint8_t bit(jwt_algorithm a) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(a));
  }
  std::uint8_t bits_ = 0;
};

inline constexpr jwt_algorithms hmac_algorithms{jwt_algorithm::hs256, jwt_algorithm::hs384,
                                                jwt_algorithm::hs512};
inline constexpr jwt_algorithms public_key_algorithms{jwt_algorithm::rs256, jwt_algorithm::ps256,
                                                      jwt_algorithm::es256, jwt_algorithm::eddsa};

/// What is wrong with a key, as a sentence.
struct key_error {
  std::string sentence;
};
[[noreturn]] inline void throw_exception_from_error(const key_error& e,
                                                    const boost::source_location&) {
  throw std::runtime_error(e.sentence);
}

/// Filled once, then read from any thread.
class jwt_keys {
 public:
  static constexpr std::size_t keys_max = 64;

  jwt_keys();
  jwt_keys(jwt_keys&&) noexcept;
  jwt_keys& operator=(jwt_keys&&) noexcept;
  ~jwt_keys();

  /// A secret for those of `wanted` that are HMACs.
  void add_secret(std::string_view secret, jwt_algorithms wanted);
  /// A public key or certificate in PEM. Refuses a private one, an RSA key of less
  /// than 2048 bits, and a key that serves none of `wanted`.
  [[nodiscard]] boost::system::result<void, key_error> add_pem(const std::string& pem,
                                                               jwt_algorithms wanted);
  /// A JSON Web Key Set. Keys that are not for signatures, or of kinds that are not
  /// known here, are passed over; refuses a text that is no set, a set with none left,
  /// and more than keys_max.
  [[nodiscard]] boost::system::result<void, key_error> add_jwks(std::string_view text,
                                                                jwt_algorithms wanted);

  /// Whether a key serves `a`.
  [[nodiscard]] bool takes(jwt_algorithm a) const;

  enum class verdict : std::uint8_t { right, wrong, no_key };
  /// Tries the keys that serve `a`: with a `key_id` those of this id, and those that
  /// have none; without, all.
  [[nodiscard]] verdict judge(jwt_algorithm a, std::string_view key_id, std::string_view text,
                              std::string_view signature) const;

 private:
  struct key;

  std::vector<std::unique_ptr<const key>> keys_;
};

}  // namespace velo::actors
