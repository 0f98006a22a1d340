// The certificate that TLS listeners show, from two files that may be replaced
// at any time.
//
// The files are looked at when a client connects, once in a while: an idle server
// does nothing. A new pair is taken for handshakes from then on; connections that
// are open keep theirs. One that cannot be used is reported, and the old one stays.

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

struct ssl_ctx_st;

namespace velo::net {

class tls_stream;

/// Any thread.
class tls_certificates {
 public:
  /// Reads both files (PEM; the certificate first, then the chain). Throws
  /// std::runtime_error with a sentence where they are no usable pair.
  tls_certificates(std::string certificate_file, std::string key_file,
                   std::chrono::milliseconds look_every = std::chrono::seconds{1});
  ~tls_certificates();
  tls_certificates(const tls_certificates&) = delete;
  tls_certificates& operator=(const tls_certificates&) = delete;

  /// The server's side of TLS on `socket`, with the pair of now. Null without memory.
  [[nodiscard]] std::unique_ptr<tls_stream> open(int socket);

 private:
  using context = std::shared_ptr<ssl_ctx_st>;

  // What tells that a file is another one: changed in place, or replaced by name.
  struct file_state {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;

    bool operator==(const file_state&) const = default;
  };
  struct pair_state {
    file_state certificate;
    file_state key;

    bool operator==(const pair_state&) const = default;
  };

  [[nodiscard]] static file_state look_at(const std::string& path);
  [[nodiscard]] pair_state look() const;
  [[nodiscard]] context load() const;
  [[nodiscard]] context current();

  const std::string certificate_file_;
  const std::string key_file_;
  const std::chrono::milliseconds look_every_;

  std::mutex mutex_;  // of what follows
  std::chrono::steady_clock::time_point looked_;
  pair_state seen_;
  context context_;
};

}  // namespace velo::net
