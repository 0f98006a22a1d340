#include "actors/jwt_mint.hpp"

#include "actors/rhonabwy_handles.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

namespace {

jwa_alg number_of(jwt_algorithm a) {
  return r_str_to_jwa_alg(std::string(to_string(a)).c_str());
}

std::optional<jwt_algorithm> usual_for(int key_type) {
  if ((key_type & R_KEY_TYPE_HMAC) != 0) return jwt_algorithm::hs256;
  if ((key_type & R_KEY_TYPE_RSA) != 0) return jwt_algorithm::rs256;
  if ((key_type & R_KEY_TYPE_EC) != 0) return jwt_algorithm::es256;
  if ((key_type & R_KEY_TYPE_EDDSA) != 0) return jwt_algorithm::eddsa;
  return std::nullopt;
}

bool import(jwk_t* jwk, const jwt_signing_key& with) {
  if (with.private_key.empty())
    return r_jwk_import_from_symmetric_key(
               jwk, reinterpret_cast<const unsigned char*>(with.secret.data()),
               with.secret.size()) == RHN_OK;
  if (with.private_key.find("-----BEGIN ") == std::string::npos)
    return r_jwk_import_from_json_str(jwk, with.private_key.c_str()) == RHN_OK;
  const bool read =
      r_jwk_import_from_pem_der(jwk, R_X509_TYPE_PRIVKEY, R_FORMAT_PEM,
                                reinterpret_cast<const unsigned char*>(with.private_key.data()),
                                with.private_key.size()) == RHN_OK;
  // It makes up an id for the key, which whoever verifies does not know.
  if (read) r_jwk_delete_property_str(jwk, "kid");
  return read;
}

}  // namespace

boost::system::result<std::string, key_error> mint_token(const nlohmann::json& claims,
                                                         const jwt_signing_key& with) {
  if (with.secret.empty() && with.private_key.empty())
    return key_error{"There is no key to sign with."};
  const auto jwk = make_jwk();
  if (!import(jwk.get(), with))
    return key_error{"The key to sign with is neither a private key in PEM nor a JWK."};
  const auto type = r_jwk_key_type(jwk.get(), nullptr, R_FLAG_IGNORE_REMOTE);
  const auto algorithm = with.algorithm ? with.algorithm : usual_for(type);
  if (!algorithm) return key_error{"The key to sign with is of a kind that is not known here."};
  const auto jws = make_jws();
  const auto payload = claims.dump();
  r_jws_set_alg(jws.get(), number_of(*algorithm));
  r_jws_set_header_str_value(jws.get(), "typ", "JWT");
  if (!with.id.empty()) r_jws_set_header_str_value(jws.get(), "kid", with.id.c_str());
  r_jws_set_payload(jws.get(), reinterpret_cast<const unsigned char*>(payload.data()),
                    payload.size());
  const rhonabwy_text token(r_jws_serialize(jws.get(), jwk.get(), R_FLAG_IGNORE_REMOTE));
  if (!token)
    return key_error{std::string(to_string(*algorithm)) +
                     " does not go with the key to sign with."};
  return {boost::system::in_place_value, token.get()};
}

}  // namespace velo::actors
