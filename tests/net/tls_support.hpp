// A certificate of one's own and the client's side of TLS, for tests.

#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace velo::net::test {

/// Writes a new key and a certificate for it, signed by itself, with that common name.
void make_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key,
                      const std::string& common_name = "velo");

struct ssl_deleter {
  void operator()(SSL* session) const { SSL_free(session); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ssl_ptr = std::unique_ptr<SSL, ssl_deleter>;

/// A client on `socket`, before its handshake; it believes every certificate.
[[nodiscard]] ssl_ptr tls_client(int socket);

/// The common name of the certificate that the server has shown.
[[nodiscard]] std::string common_name_of_peer(SSL* client);

}  // namespace velo::net::test
