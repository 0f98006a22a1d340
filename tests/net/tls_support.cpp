#include "tests/net/tls_support.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace velo::net::test {

namespace {

template <class Write>
void write_pem(const std::filesystem::path& path, Write&& write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr || !write(file)) throw std::runtime_error("cannot write " + path.string());
  std::fclose(file);
}

}  // namespace

void make_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key,
                      const std::string& common_name) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
  constexpr long hour = 3600;
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -hour);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), hour);
  X509_set_pubkey(made.get(), pair.get());
  auto* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(made.get(), name);
  X509_sign(made.get(), pair.get(), EVP_sha256());
  write_pem(certificate, [&](std::FILE* f) { return PEM_write_X509(f, made.get()) == 1; });
  write_pem(key, [&](std::FILE* f) {
    return PEM_write_PrivateKey(f, pair.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1;
  });
}

ssl_ptr tls_client(int socket) {
  static const std::unique_ptr<SSL_CTX, ssl_deleter> context = [] {
    std::unique_ptr<SSL_CTX, ssl_deleter> made(SSL_CTX_new(TLS_client_method()));
    // A server that hangs up on a dead peer says no goodbye; what arrived is judged by itself.
    SSL_CTX_set_options(made.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    return made;
  }();
  ssl_ptr client(SSL_new(context.get()));
  SSL_set_fd(client.get(), socket);
  SSL_set_connect_state(client.get());
  return client;
}

std::string common_name_of_peer(SSL* client) {
  const std::unique_ptr<X509, void (*)(X509*)> shown(SSL_get1_peer_certificate(client), X509_free);
  if (shown == nullptr) return {};
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(shown.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

}  // namespace velo::net::test
