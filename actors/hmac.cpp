#include "actors/hmac.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace velo::actors {

namespace {

const EVP_MD* function_of(sha2 hash) {
  switch (hash) {
    case sha2::sha256:
      return EVP_sha256();
    case sha2::sha384:
      return EVP_sha384();
    case sha2::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

std::string hmac(sha2 hash, std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (HMAC(function_of(hash), key.data(), static_cast<int>(key.size()), bytes, text.size(),
           digest.data(), &size) == nullptr)
    throw std::runtime_error("OpenSSL cannot compute an HMAC.");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

sha256_digest hmac_sha256(std::string_view key, std::string_view text) {
  const auto mac = hmac(sha2::sha256, key, text);
  sha256_digest digest{};
  std::copy(mac.begin(), mac.end(), digest.begin());
  return digest;
}

}  // namespace velo::actors
