// Requests that we send: webhooks, and whatever else is told or asked outside.
//
// HTTP/1.1, a few kept-alive connections to each place. A server's certificate
// and name are verified against the system's authorities (SSL_CERT_FILE names
// others). Redirects are answers like any other: nobody is sent elsewhere.

#pragma once

#include "net/http_address.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace velo::net {

struct http_call {
  http_address to;
  std::string method = "POST";
  /// `Host`, `Content-Length`, `User-Agent` and `Connection` are the client's.
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  /// For all of it, the search for the host included, once its turn has come.
  std::chrono::milliseconds timeout{10'000};
};

struct http_answer {
  unsigned status = 0;
  std::string body;  ///< As far as it was read; at most http_client_options::body_bytes_max.
  std::string content_type{};  ///< The header; empty where there is none.
  bool complete = true;        ///< That is all of the body.
};

/// Why there is no answer: a sentence for the log.
struct http_failure {
  std::string sentence;
};
[[noreturn]] void throw_exception_from_error(const http_failure& f, const boost::source_location&);

using http_outcome = boost::system::result<http_answer, http_failure>;

struct http_client_options {
  std::size_t connections_per_place_max = 4;
  std::size_t body_bytes_max = 64U << 10U;
  std::chrono::milliseconds idle_timeout{15'000};  ///< Then an unused connection is closed.
};

/// Has a thread of its own. Its end cancels what is under way.
class http_client {
 public:
  explicit http_client(http_client_options options = {});
  ~http_client();

  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Sends `call`, after those to the same place for which no connection was free.
  /// A request that a kept-alive connection lost before any answer is sent once more
  /// on a new one. `done` is called once, on the client's thread; not after its end.
  /// Any thread.
  void send(http_call call, std::function<void(http_outcome)> done);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace velo::net
