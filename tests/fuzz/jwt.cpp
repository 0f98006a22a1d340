// Any bytes as a token, as a key set and as a public key; and, up to the first line
// end, as a header whose payload is the rest, rightly signed: what is behind the
// signature is reached too.

#include "actors/jwt.hpp"
#include "actors/base64url.hpp"
#include "actors/hmac.hpp"
#include "actors/jwt_keys.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace velo::actors;

constexpr std::string_view secret = "a secret that is at least thirty-two bytes long";
constexpr jwt_algorithms all{jwt_algorithm::hs256, jwt_algorithm::hs384, jwt_algorithm::hs512,
                             jwt_algorithm::rs256, jwt_algorithm::ps256, jwt_algorithm::es256,
                             jwt_algorithm::eddsa};

const jwt_keys& keys() {
  static const auto made = [] {
    jwt_keys k;
    k.add_secret(secret, all);
    // RFC 8037 appendix A, RFC 7515 appendix A.3.
    static_cast<void>(k.add_jwks(
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
           {"kty":"EC","crv":"P-256","kid":"ec",
            "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})",
        all));
    return k;
  }();
  return made;
}

void judge(const std::string& token) {
  const auto claims = signed_claims(token, keys());
  if (!claims) return;
  if (!claims->is_object()) std::abort();
  static_cast<void>(check_claims(*claims, {"issuer", "audience", std::chrono::seconds(5)},
                                 token_verifier::time(std::chrono::seconds(1000))));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  const std::string text(reinterpret_cast<const char*>(data), size);
  judge(text);
  const auto line = text.find('\n');
  const auto signed_text = encode_base64url(text.substr(0, line)) + '.' +
                           encode_base64url(line == std::string::npos ? "" : text.substr(line + 1));
  judge(signed_text + '.' + encode_base64url(hmac(sha2::sha256, secret, signed_text)));
  jwt_keys some;
  static_cast<void>(some.add_jwks(text, all));
  static_cast<void>(some.add_pem(text, all));
  return 0;
}
