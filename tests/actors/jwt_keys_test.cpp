// Every algorithm, and what must not pass for it: keys of another family, of
// another id, tokens changed in any byte.

#include "actors/jwt_keys.hpp"

#include "actors/base64url.hpp"
#include "actors/hmac.hpp"
#include "actors/jwt.hpp"
#include "actors/jwt_mint.hpp"
#include "actors/jwt_source.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/test_keys.hpp"

#include <rhonabwy.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace velo::actors;
using namespace velo::test;
using Catch::Contains;
using nlohmann::json;

namespace {

constexpr const char* secret = "a secret that is at least thirty-two bytes long";
const json claims{{"sub", "u1"}, {"role", "reader"}};

const key_pair& rsa() {
  static const auto pair = rsa_pair();
  return pair;
}
const key_pair& ec() {
  static const auto pair = ec_pair();
  return pair;
}
const key_pair& ed() {
  static const auto pair = ed25519_pair();
  return pair;
}

struct kind {
  jwt_algorithm algorithm;
  const key_pair* pair;  // null: the secret
};
const std::vector<kind>& kinds() {
  static const std::vector<kind> all{
      {jwt_algorithm::hs256, nullptr}, {jwt_algorithm::hs384, nullptr},
      {jwt_algorithm::hs512, nullptr}, {jwt_algorithm::rs256, &rsa()},
      {jwt_algorithm::ps256, &rsa()},  {jwt_algorithm::es256, &ec()},
      {jwt_algorithm::eddsa, &ed()}};
  return all;
}

std::string mint(const kind& k, const json& what = claims, const std::string& kid = {}) {
  jwt_signing_key key;
  (k.pair != nullptr ? key.private_key : key.secret) =
      k.pair != nullptr ? k.pair->private_pem : secret;
  key.id = kid;
  key.algorithm = k.algorithm;
  return mint_token(what, key).value();
}

jwt_keys keys_for(const kind& k, jwt_algorithms wanted) {
  jwt_keys keys;
  if (k.pair == nullptr)
    keys.add_secret(secret, wanted);
  else
    keys.add_pem(k.pair->public_pem, wanted).value();
  return keys;
}

std::string outcome_of(const std::string& token, const jwt_keys& keys) {
  const auto found = signed_claims(token, keys);
  return found ? "valid" : std::string(to_string(found.error()));
}
std::string sentence(jwt_error e) {
  return std::string(to_string(e));
}

/// The public part as a JWK.
json jwk_of(const key_pair& pair, const std::string& kid) {
  jwk_t* jwk = nullptr;
  r_jwk_init(&jwk);
  REQUIRE(r_jwk_import_from_pem_der(jwk, R_X509_TYPE_PUBKEY, R_FORMAT_PEM,
                                    reinterpret_cast<const unsigned char*>(pair.public_pem.data()),
                                    pair.public_pem.size()) == RHN_OK);
  char* text = r_jwk_export_to_json_str(jwk, 0);
  auto out = json::parse(text);
  r_free(text);
  r_jwk_free(jwk);
  out["kid"] = kid;
  return out;
}

constexpr jwt_algorithms all{jwt_algorithm::hs256, jwt_algorithm::hs384, jwt_algorithm::hs512,
                             jwt_algorithm::rs256, jwt_algorithm::ps256, jwt_algorithm::es256,
                             jwt_algorithm::eddsa};

std::string with_header(const std::string& token, const json& header) {
  return encode_base64url(header.dump()) + token.substr(token.find('.'));
}

}  // namespace

TEST_CASE("a token of each algorithm is verified with its key", "[actors][jwt]") {
  for (const auto& k : kinds()) {
    CAPTURE(to_string(k.algorithm));
    const auto token = mint(k);
    const auto found = signed_claims(token, keys_for(k, {k.algorithm}));
    REQUIRE(found.has_value());
    CHECK(*found == claims);
    CHECK(outcome_of(token, keys_for(k, all)) == "valid");
  }
}

TEST_CASE("only configured algorithms are taken", "[actors][jwt]") {
  for (const auto& k : kinds()) {
    for (const auto& other : kinds()) {
      if (other.algorithm == k.algorithm || other.pair != k.pair) continue;
      CAPTURE(to_string(k.algorithm), to_string(other.algorithm));
      CHECK(outcome_of(mint(k), keys_for(k, {other.algorithm})) ==
            sentence(jwt_error::wrong_algorithm));
    }
  }
}

TEST_CASE("a key serves no other family", "[actors][jwt]") {
  jwt_keys keys;
  for (const auto* pair : {&rsa(), &ec(), &ed()}) keys.add_pem(pair->public_pem, all).value();
  // The classic: the public key's text as the secret of an HMAC.
  for (const auto* pair : {&rsa(), &ec(), &ed()}) {
    for (const auto& text :
         {pair->public_pem, pair->public_pem.substr(0, pair->public_pem.size() - 1)}) {
      jwt_signing_key forged;
      forged.secret = text;
      forged.algorithm = jwt_algorithm::hs256;
      CHECK(outcome_of(mint_token(claims, forged).value(), keys) ==
            sentence(jwt_error::wrong_algorithm));
      keys.add_secret(secret, {jwt_algorithm::hs256});
      CHECK(outcome_of(mint_token(claims, forged).value(), keys) ==
            sentence(jwt_error::bad_signature));
      jwt_keys without;
      for (const auto* again : {&rsa(), &ec(), &ed()})
        without.add_pem(again->public_pem, all).value();
      keys = std::move(without);
    }
  }
  // One's signature under another's name.
  for (const auto& k : kinds()) {
    if (k.pair == nullptr) continue;
    for (const auto& other : kinds()) {
      if (other.algorithm == k.algorithm) continue;
      CAPTURE(to_string(k.algorithm), to_string(other.algorithm));
      const auto renamed = with_header(mint(k), {{"alg", to_string(other.algorithm)}});
      CHECK(outcome_of(renamed, keys) != "valid");
    }
  }
  for (const char* name : {"none", "None", "NONE", "", "hs256", "RS512", "ES384", "dir", "A128KW"})
    CHECK(outcome_of(with_header(mint(kinds()[3]), {{"alg", name}}), keys) ==
          sentence(jwt_error::wrong_algorithm));
}

TEST_CASE("a token that brings its key, or is packed, is refused", "[actors][jwt]") {
  const auto& k = kinds()[5];
  const auto keys = keys_for(k, all);
  const auto token = mint(k);
  const json odd{{"jwk", jwk_of(*k.pair, "x")},
                 {"jku", "https://example.org/keys"},
                 {"x5u", "https://example.org/cert"},
                 {"x5c", json::array({"MIIB"})},
                 {"zip", "DEF"}};
  for (const auto& [name, value] : odd.items())
    CHECK(outcome_of(with_header(token, {{"alg", "ES256"}, {name, value}}), keys) ==
          sentence(jwt_error::foreign_header));
  CHECK(outcome_of(with_header(token, {{"alg", "ES256"}, {"crit", {"b64"}}, {"b64", false}}),
                   keys) == sentence(jwt_error::critical_header));
  // Five parts are an encrypted token.
  CHECK(outcome_of(token + ".a.b", keys) == sentence(jwt_error::malformed));
  CHECK(outcome_of(with_header(token, {{"alg", "ES256"}, {"kid", 7}}), keys) ==
        sentence(jwt_error::malformed));
}

TEST_CASE("a token changed in any byte is refused", "[actors][jwt]") {
  for (const auto& k : kinds()) {
    CAPTURE(to_string(k.algorithm));
    const auto keys = keys_for(k, {k.algorithm});
    const auto token = mint(k);
    std::size_t valid = 0;
    for (std::size_t i = 0; i < token.size(); ++i) {
      auto changed = token;
      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      valid += signed_claims(changed, keys) ? 1 : 0;
    }
    CHECK(valid == 0);
    for (const auto& cut : {token.substr(0, token.size() - 1), token + "A", token.substr(1)})
      CHECK_FALSE(signed_claims(cut, keys).has_value());
  }
}

TEST_CASE("a set of keys is chosen from by id, algorithm and use", "[actors][jwt]") {
  const kind signer{jwt_algorithm::es256, &ec()};
  const auto other = ec_pair();
  json set{{"keys", json::array({jwk_of(other, "new"), jwk_of(ec(), "old")})}};
  jwt_keys keys;
  keys.add_jwks(set.dump(), all).value();
  CHECK(outcome_of(mint(signer, claims, "old"), keys) == "valid");
  CHECK(outcome_of(mint(signer, claims), keys) == "valid");
  CHECK(outcome_of(mint(signer, claims, "new"), keys) == sentence(jwt_error::bad_signature));
  CHECK(outcome_of(mint(signer, claims, "none"), keys) == sentence(jwt_error::unknown_key));
  CHECK(outcome_of(mint({jwt_algorithm::rs256, &rsa()}), keys) ==
        sentence(jwt_error::wrong_algorithm));

  const auto refusal = [](const json& text) {
    jwt_keys none;
    const auto added = none.add_jwks(text.is_string() ? text.get<std::string>() : text.dump(), all);
    return added ? std::string("taken") : added.error().sentence;
  };
  auto encrypting = jwk_of(ec(), "e");
  encrypting["use"] = "enc";
  auto signing_only = jwk_of(ec(), "s");
  signing_only["key_ops"] = {"sign"};
  auto another = jwk_of(ec(), "a");
  another["alg"] = "ES384";
  const json useless{encrypting,
                     signing_only,
                     another,
                     7,
                     json{{"kty", "EC"}},
                     json{{"kty", "oct"}, {"k", "%"}},
                     jwk_of(ec_pair("P-384"), "p")};
  CHECK_THAT(refusal({{"keys", useless}}), Contains("no key for any of the algorithms"));
  CHECK_THAT(refusal("not json"), Contains("no JSON Web Key Set"));
  CHECK_THAT(refusal({{"keys", 7}}), Contains("no array \"keys\""));
  CHECK(refusal({{"keys", json::array()}}) == "taken");  // nobody's, on purpose
  CHECK_THAT(refusal({{"keys", std::vector<json>(jwt_keys::keys_max + 1, jwk_of(ec(), "k"))}}),
             Contains("more than 64 keys"));
}

TEST_CASE("keys that cannot be used are named as such", "[actors][jwt]") {
  const auto refusal = [](const std::string& pem, jwt_algorithms wanted = all) {
    jwt_keys keys;
    const auto added = keys.add_pem(pem, wanted);
    return added ? std::string("taken") : added.error().sentence;
  };
  CHECK(refusal(rsa().public_pem) == "taken");
  CHECK_THAT(refusal(rsa().private_pem), Contains("private key"));
  CHECK_THAT(refusal(rsa_pair(1024).public_pem), Contains("2048 bits"));
  CHECK_THAT(refusal(ec_pair("P-384").public_pem), Contains("P-256"));
  CHECK_THAT(refusal("-----BEGIN PUBLIC KEY-----\nMA==\n-----END PUBLIC KEY-----\n"),
             Contains("no public key"));
  CHECK_THAT(refusal(rsa().public_pem, {jwt_algorithm::es256}), Contains("None of the algorithms"));
}

TEST_CASE("files of keys are read again when they change", "[actors][jwt]") {
  const velo::storage::temp_directory temp;
  const auto write = [](const std::filesystem::path& path, const std::string& text) {
    const auto next = path.string() + ".new";
    std::ofstream(next) << text;
    std::filesystem::rename(next, path);
  };
  const auto now = token_verifier::time(std::chrono::seconds(1000));
  std::filesystem::create_directories(temp.data());
  const auto file = temp.data() / "keys.json";
  const auto set_of = [](const key_pair& pair) {
    return json{{"keys", {jwk_of(pair, "k")}}}.dump();
  };
  jwt_settings settings;
  settings.jwks_file = file.string();
  CHECK_THAT(make_verifier(settings).error().sentence, Contains("cannot be opened"));
  write(file, set_of(ec()));
  const auto verifier = make_verifier(settings).value();
  const auto token = mint({jwt_algorithm::es256, &ec()}, claims, "k");
  CHECK(verifier->verify(token, now).has_value());
  CHECK_FALSE(verifier->refresh());

  const auto second = ec_pair();
  write(file, set_of(second));
  CHECK(verifier->refresh());
  CHECK_FALSE(verifier->refresh());
  CHECK_FALSE(verifier->verify(token, now).has_value());
  CHECK(verifier->verify(mint({jwt_algorithm::es256, &second}, claims, "k"), now).has_value());

  // Broken, without a key of use, gone: what was read before stays.
  for (const std::string broken : {"{", "", R"({"keys":[{"kty":"oct","k":""}]})"}) {
    write(file, broken);
    CHECK_FALSE(verifier->refresh());
    CHECK(verifier->verify(mint({jwt_algorithm::es256, &second}, claims, "k"), now).has_value());
  }
  std::filesystem::remove(file);
  CHECK_FALSE(verifier->refresh());
  CHECK(verifier->verify(mint({jwt_algorithm::es256, &second}, claims, "k"), now).has_value());
  write(file, set_of(ec()));
  CHECK(verifier->refresh());
  CHECK(verifier->verify(token, now).has_value());

  // Nobody's, on purpose.
  write(file, R"({"keys":[]})");
  CHECK(verifier->refresh());
  CHECK_FALSE(verifier->verify(token, now).has_value());
  write(file, set_of(ec()));
  CHECK(verifier->refresh());
  CHECK(verifier->verify(token, now).has_value());
}

TEST_CASE("a configured verifier looks at the claims too", "[actors][jwt]") {
  jwt_settings settings;
  CHECK(make_verifier(settings).value() == nullptr);
  settings.public_key = ed().public_pem;
  settings.policy = {"me", "you", std::chrono::seconds(5)};
  const auto verifier = make_verifier(settings).value();
  const auto at = [&](const json& what, std::int64_t seconds) {
    const auto found = verifier->verify(mint({jwt_algorithm::eddsa, &ed()}, what),
                                        token_verifier::time(std::chrono::seconds(seconds)));
    return found ? "valid" : std::string(to_string(found.error()));
  };
  const json good{{"sub", "u"}, {"iss", "me"}, {"aud", {"him", "you"}}, {"exp", 100}, {"nbf", 50}};
  CHECK(at(good, 104) == "valid");
  CHECK(at(good, 105) == sentence(jwt_error::expired));
  CHECK(at(good, 45) == "valid");
  CHECK(at(good, 44) == sentence(jwt_error::not_yet_valid));
  auto wrong = good;
  wrong["iss"] = "him";
  CHECK(at(wrong, 60) == sentence(jwt_error::wrong_issuer));
  wrong = good;
  wrong["aud"] = "him";
  CHECK(at(wrong, 60) == sentence(jwt_error::wrong_audience));
  const auto later = verifier->check(good, token_verifier::time(std::chrono::seconds(200)));
  REQUIRE(later.has_value());
  CHECK(sentence(*later) == sentence(jwt_error::expired));
}
