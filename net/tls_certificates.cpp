#include "net/tls_certificates.hpp"

#include "net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

// Forward secrecy and authenticated encryption, or nothing. TLS 1.3 has no others.
constexpr auto tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

// RFC 7301, 3.2: the only protocol we speak, or an alert.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr std::array<unsigned char, 9> ours{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, ours.data(), ours.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// A server has nobody to ask for the password of a key.
int no_password(char*, int, int, void*) {
  return -1;
}

[[noreturn]] void fail(const std::string& file, std::string_view what) {
  const auto code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  throw std::runtime_error(file + ": " + std::string(what) + " (" +
                           (reason == nullptr ? "unknown error" : reason) + ").");
}

void set_defaults(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, tls12_ciphers);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  // A write that the kernel takes in part goes on from wherever the rest has moved to.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // Clients resume with tickets, which they keep themselves.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(context, no_password);
}

}  // namespace

tls_certificates::tls_certificates(std::string certificate_file, std::string key_file,
                                   std::chrono::milliseconds look_every)
    : certificate_file_(std::move(certificate_file)),
      key_file_(std::move(key_file)),
      look_every_(look_every),
      looked_(std::chrono::steady_clock::now()),
      seen_(look()),
      context_(load()) {}

tls_certificates::~tls_certificates() = default;

tls_certificates::file_state tls_certificates::look_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size,
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

tls_certificates::pair_state tls_certificates::look() const {
  return {look_at(certificate_file_), look_at(key_file_)};
}

tls_certificates::context tls_certificates::load() const {
  ERR_clear_error();
  context made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (made == nullptr) throw std::runtime_error("TLS cannot be set up: out of memory.");
  set_defaults(made.get());
  if (SSL_CTX_use_certificate_chain_file(made.get(), certificate_file_.c_str()) != 1)
    fail(certificate_file_, "The certificate cannot be used: a chain in PEM is expected");
  if (SSL_CTX_use_PrivateKey_file(made.get(), key_file_.c_str(), SSL_FILETYPE_PEM) != 1)
    fail(key_file_, "The key cannot be used with " + certificate_file_ +
                        ": the certificate's key in PEM, without password, is expected");
  return made;
}

tls_certificates::context tls_certificates::current() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < look_every_) return context_;
  looked_ = now;
  // Looked at before it is read: a change in between is seen the next time.
  const auto there = look();
  if (there == seen_) return context_;
  seen_ = there;
  try {
    context_ = load();
    spdlog::info("a new certificate is in use: {}", certificate_file_);
  } catch (const std::runtime_error& why) {
    spdlog::error("the new certificate is not used, the old one stays: {}", why.what());
  }
  return context_;
}

std::unique_ptr<tls_stream> tls_certificates::open(int socket) {
  const auto using_now = current();
  ERR_clear_error();
  auto* session = SSL_new(using_now.get());  // Shares the context.
  if (session == nullptr) return nullptr;
  auto stream = std::make_unique<tls_stream>(session);
  if (SSL_set_fd(session, socket) != 1) return nullptr;
  return stream;
}

}  // namespace velo::net
