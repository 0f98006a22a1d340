#include "actors/hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdexcept>

namespace velo::actors {

sha256_digest hmac_sha256(std::string_view key, std::string_view text) {
  sha256_digest digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(),
           digest.data(), &size) == nullptr ||
      size != digest.size())
    throw std::runtime_error("OpenSSL cannot compute HMAC-SHA256.");
  return digest;
}

}  // namespace velo::actors
