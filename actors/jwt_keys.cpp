#include "actors/jwt_keys.hpp"

#include "actors/base64url.hpp"
#include "actors/constant_time.hpp"
#include "actors/hmac.hpp"
#include "actors/rhonabwy_handles.hpp"
#include "rules/json.hpp"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<std::string_view, jwt_algorithm>, 7> names{{
    {"HS256", jwt_algorithm::hs256},
    {"HS384", jwt_algorithm::hs384},
    {"HS512", jwt_algorithm::hs512},
    {"RS256", jwt_algorithm::rs256},
    {"PS256", jwt_algorithm::ps256},
    {"ES256", jwt_algorithm::es256},
    {"EdDSA", jwt_algorithm::eddsa},
}};

constexpr unsigned rsa_bits_min = 2048;
constexpr std::size_t es256_bytes = 64;  // r and s, 32 each (RFC 7518 3.4)
constexpr std::size_t eddsa_bytes = 64;

struct pubkey_free {
  void operator()(gnutls_pubkey_t key) const { gnutls_pubkey_deinit(key); }
};
using pubkey = std::unique_ptr<gnutls_pubkey_st, pubkey_free>;

gnutls_datum_t datum(std::string_view bytes) {
  return {reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data())),
          static_cast<unsigned>(bytes.size())};
}

sha2 hash_of(jwt_algorithm a) {
  if (a == jwt_algorithm::hs384) return sha2::sha384;
  return a == jwt_algorithm::hs512 ? sha2::sha512 : sha2::sha256;
}

// The algorithms that a public key is for, by what it is.
jwt_algorithms family_of(gnutls_pubkey_t key) {
  unsigned bits = 0;
  switch (gnutls_pubkey_get_pk_algorithm(key, &bits)) {
    case GNUTLS_PK_RSA:
      if (bits < rsa_bits_min) return {};
      return {jwt_algorithm::rs256, jwt_algorithm::ps256};
    case GNUTLS_PK_ECDSA: {
      gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
      if (gnutls_pubkey_export_ecc_raw2(key, &curve, nullptr, nullptr, 0) != 0) return {};
      if (curve != GNUTLS_ECC_CURVE_SECP256R1) return {};
      return {jwt_algorithm::es256};
    }
    case GNUTLS_PK_EDDSA_ED25519:
      return {jwt_algorithm::eddsa};
    default:
      return {};
  }
}

bool verifies(gnutls_pubkey_t key, gnutls_sign_algorithm_t how, std::string_view text,
              const gnutls_datum_t& signature) {
  const auto data = datum(text);
  return gnutls_pubkey_verify_data2(key, how, 0, &data, &signature) >= 0;
}

bool verifies_es256(gnutls_pubkey_t key, std::string_view text, std::string_view signature) {
  if (signature.size() != es256_bytes) return false;
  const auto r = datum(signature.substr(0, es256_bytes / 2));
  const auto s = datum(signature.substr(es256_bytes / 2));
  gnutls_datum_t der{};
  if (gnutls_encode_rs_value(&der, &r, &s) != 0) return false;
  const bool right = verifies(key, GNUTLS_SIGN_ECDSA_SHA256, text, der);
  gnutls_free(der.data);
  return right;
}

key_error wrong(std::string sentence) {
  return {std::move(sentence)};
}

std::string text_at(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// Whether a JWK may verify signatures, as far as it says.
bool is_for_signatures(const json& jwk) {
  if (const auto use = jwk.find("use"); use != jwk.end() && *use != "sig") return false;
  const auto operations = jwk.find("key_ops");
  if (operations == jwk.end()) return true;
  return operations->is_array() &&
         std::find(operations->begin(), operations->end(), "verify") != operations->end();
}

}  // namespace

struct jwt_keys::key {
  jwt_algorithms algorithms;
  std::string id;      // its `kid`; empty: it has none
  std::string secret;  // of HMACs
  pubkey open;         // of all others

  [[nodiscard]] bool verifies(jwt_algorithm a, std::string_view text,
                              std::string_view signature) const {
    switch (a) {
      case jwt_algorithm::hs256:
      case jwt_algorithm::hs384:
      case jwt_algorithm::hs512:
        return constant_time_equal(signature, hmac(hash_of(a), secret, text));
      case jwt_algorithm::rs256:
        return actors::verifies(open.get(), GNUTLS_SIGN_RSA_SHA256, text, datum(signature));
      case jwt_algorithm::ps256:
        return actors::verifies(open.get(), GNUTLS_SIGN_RSA_PSS_SHA256, text, datum(signature));
      case jwt_algorithm::es256:
        return verifies_es256(open.get(), text, signature);
      case jwt_algorithm::eddsa:
        return signature.size() == eddsa_bytes &&
               actors::verifies(open.get(), GNUTLS_SIGN_EDDSA_ED25519, text, datum(signature));
    }
    return false;
  }
};

jwt_keys::jwt_keys() = default;
jwt_keys::jwt_keys(jwt_keys&&) noexcept = default;
jwt_keys& jwt_keys::operator=(jwt_keys&&) noexcept = default;
jwt_keys::~jwt_keys() = default;

std::optional<jwt_algorithm> parse_jwt_algorithm(std::string_view name) {
  const auto* const at =
      std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
  return at == names.end() ? std::nullopt : std::optional(at->second);
}

std::string_view to_string(jwt_algorithm a) noexcept {
  const auto* const at =
      std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.second == a; });
  return at == names.end() ? std::string_view() : at->first;
}

void jwt_keys::add_secret(std::string_view secret, jwt_algorithms wanted) {
  auto k = std::make_unique<key>();
  k->algorithms = wanted & hmac_algorithms;
  k->secret = secret;
  if (!k->secret.empty() && !k->algorithms.empty()) keys_.push_back(std::move(k));
}

boost::system::result<void, key_error> jwt_keys::add_pem(const std::string& pem,
                                                         jwt_algorithms wanted) {
  if (pem.find("PRIVATE KEY-----") != std::string::npos)
    return wrong("It is a private key, which belongs to whoever signs: write its public key.");
  const bool certificate = pem.find("BEGIN CERTIFICATE-----") != std::string::npos;
  const auto jwk = make_jwk();
  if (r_jwk_import_from_pem_der(
          jwk.get(), certificate ? R_X509_TYPE_CERTIFICATE : R_X509_TYPE_PUBKEY, R_FORMAT_PEM,
          reinterpret_cast<const unsigned char*>(pem.data()), pem.size()) != RHN_OK)
    return wrong("It is no public key in PEM (-----BEGIN PUBLIC KEY-----).");
  auto k = std::make_unique<key>();
  k->open.reset(r_jwk_export_to_gnutls_pubkey(jwk.get(), R_FLAG_IGNORE_REMOTE));
  if (!k->open) return wrong("It is no public key that can be used.");
  const auto family = family_of(k->open.get());
  if (family.empty())
    return wrong("Keys are RSA of 2048 bits or more, P-256 or Ed25519; this one is none of them.");
  k->algorithms = family & wanted;
  if (k->algorithms.empty())
    return wrong("None of the algorithms that are accepted goes with a key of this kind.");
  keys_.push_back(std::move(k));
  return {};
}

boost::system::result<void, key_error> jwt_keys::add_jwks(std::string_view text,
                                                          jwt_algorithms wanted) {
  const auto set = rules::parse_record(text);
  if (!set) return wrong("It is no JSON Web Key Set: " + set.error().message);
  const auto listed = set->find("keys");
  if (listed == set->end() || !listed->is_array())
    return wrong("It is no JSON Web Key Set: it has no array \"keys\".");
  if (listed->size() > keys_max)
    return wrong("It has more than " + std::to_string(keys_max) + " keys.");
  std::vector<std::unique_ptr<const key>> found;
  for (const auto& entry : *listed) {
    if (!entry.is_object() || !is_for_signatures(entry)) continue;
    auto k = std::make_unique<key>();
    k->id = text_at(entry, "kid");
    if (text_at(entry, "kty") == "oct") {
      auto secret = decode_base64url(text_at(entry, "k"));
      if (!secret || secret->empty()) continue;
      k->secret = std::move(*secret);
      k->algorithms = hmac_algorithms;
    } else {
      // No certificates and no addresses: the key is what its numbers say.
      json bare;
      for (const char* name : {"kty", "n", "e", "crv", "x", "y"})
        if (const auto at = entry.find(name); at != entry.end()) bare[name] = *at;
      const auto jwk = make_jwk();
      if (r_jwk_import_from_json_str(jwk.get(), bare.dump().c_str()) != RHN_OK) continue;
      k->open.reset(r_jwk_export_to_gnutls_pubkey(jwk.get(), R_FLAG_IGNORE_REMOTE));
      if (!k->open) continue;
      k->algorithms = family_of(k->open.get());
    }
    k->algorithms = k->algorithms & wanted;
    if (entry.contains("alg")) {
      const auto only = parse_jwt_algorithm(text_at(entry, "alg"));
      k->algorithms = only ? k->algorithms & jwt_algorithms{*only} : jwt_algorithms{};
    }
    if (!k->algorithms.empty()) found.push_back(std::move(k));
  }
  // An empty set is a word of its own: nobody's tokens are taken.
  if (found.empty() && !listed->empty())
    return wrong("It has no key for any of the algorithms that are accepted.");
  for (auto& k : found) keys_.push_back(std::move(k));
  return {};
}

bool jwt_keys::takes(jwt_algorithm a) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const auto& k) { return k->algorithms.has(a); });
}

jwt_keys::verdict jwt_keys::judge(jwt_algorithm a, std::string_view key_id, std::string_view text,
                                  std::string_view signature) const {
  auto found = verdict::no_key;
  for (const auto& k : keys_) {
    if (!k->algorithms.has(a)) continue;
    if (!key_id.empty() && !k->id.empty() && k->id != key_id) continue;
    if (k->verifies(a, text, signature)) return verdict::right;
    found = verdict::wrong;
  }
  return found;
}

}  // namespace velo::actors
