// Keys made anew for a test, by OpenSSL: another library than the one that is tested.

#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace velo::test {

struct key_pair {
  std::string private_pem;
  std::string public_pem;
};

using pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

inline key_pair pems_of(EVP_PKEY* key) {
  if (key == nullptr) throw std::runtime_error("OpenSSL makes no key");
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  const auto taken = [&] {
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &bytes);
    std::string text(bytes, static_cast<std::size_t>(size));
    BIO_reset(out.get());
    return text;
  };
  key_pair pair;
  PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  pair.private_pem = taken();
  PEM_write_bio_PUBKEY(out.get(), key);
  pair.public_pem = taken();
  return pair;
}

inline key_pair rsa_pair(unsigned bits = 2048) {
  return pems_of(pkey(EVP_RSA_gen(bits), &EVP_PKEY_free).get());
}
inline key_pair ec_pair(const char* curve = "P-256") {
  return pems_of(pkey(EVP_EC_gen(curve), &EVP_PKEY_free).get());
}
inline key_pair ed25519_pair() {
  return pems_of(pkey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free).get());
}

}  // namespace velo::test
