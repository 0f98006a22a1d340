// A minimal HTTP/1.1 client: keep-alive, pipelined, bodies with Content-Length.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench/poller.hpp"
#include "bench/socket.hpp"

namespace velo::bench {

struct http_response {
  int status = 0;
  std::string_view body;  ///< Valid during the handler only.
};

/// Returns a complete JSON request. An empty token sends no Authorization.
[[nodiscard]] std::string http_request(std::string_view method, std::string_view target,
                                       std::string_view token, std::string_view body);

/// One connection. Answers arrive in the order of the requests.
class http_connection final : public event_source {
 public:
  using handler = std::function<void(const http_response&)>;

  http_connection(poller& poll, std::uint16_t port, handler on_response);
  http_connection(const http_connection&) = delete;
  http_connection& operator=(const http_connection&) = delete;
  ~http_connection() { reset_connection(fd_); }

  /// Sends now what the kernel takes, the rest when it takes more. Connects anew where
  /// the last answer said that the server closes.
  void send(std::string_view request);

  /// Requests without an answer yet.
  [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

  void ready(std::uint32_t events) override;

 private:
  void flush();
  void read();
  /// Takes one complete answer off the front of `bytes`; false when it is incomplete.
  bool take_response(std::string_view& bytes);

  poller& poll_;
  std::uint16_t port_;
  file_descriptor fd_;
  handler on_response_;
  std::string out_;
  std::string in_;
  std::size_t outstanding_ = 0;
  bool connected_ = false;
  bool closed_ = false;
  bool ends_ = false;  // the server said so
};

/// One call on a connection of its own; throws unless the status is 2xx. Returns the body.
std::string http_call(poller& poll, std::uint16_t port, std::string_view request,
                      std::chrono::seconds patience);

struct http_batch {
  std::size_t count = 0;
  std::size_t connections = 64;  ///< Parallel, so that the server can commit in groups.
  std::size_t depth = 8;         ///< Pipelined on each.
  std::chrono::seconds patience{60};
  std::function<std::string(std::size_t)> request;
  std::function<void(std::size_t, const http_response&)> on_response;
};

/// Makes `count` calls, `connections * depth` at a time.
void http_run(poller& poll, std::uint16_t port, const http_batch& batch);

}  // namespace velo::bench
