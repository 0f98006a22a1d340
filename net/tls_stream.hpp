// TLS on a socket that does not block, on the server's side.
//
// It borrows the socket and only ever reads and writes it when it is called, so
// whoever waits for the socket (Asio, or a poll_set) goes on doing so. Buffers
// of OpenSSL's are held while something is in them, not by idle connections.

#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct ssl_st;

namespace velo::net {

/// One thread at a time. Must end before its socket is closed.
class tls_stream {
 public:
  /// Takes over `session`, which has its context and its socket.
  explicit tls_stream(ssl_st* session);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  enum class progress : std::uint8_t { done, wants_to_read, wants_to_write, failed };
  /// Goes on with the handshake as far as the socket allows.
  [[nodiscard]] progress shake_hands();
  /// Why it failed, for the log.
  [[nodiscard]] const std::string& failure() const { return failure_; }
  /// It failed because the client speaks HTTP without TLS: nothing has been sent yet.
  [[nodiscard]] bool was_plain_http() const { return was_plain_http_; }

  /// No record of the protocol holds more: a read into that much room leaves
  /// nothing behind that the socket would not report as readable.
  static constexpr std::size_t record_bytes_max = 16U << 10U;

  /// Reads what there is. `error` is would_block where that is nothing, eof after the
  /// peer's goodbye, and anything else where the connection is of no more use.
  [[nodiscard]] std::size_t read(std::span<char> into, boost::system::error_code& error);

  /// Writes as much as the socket takes and returns how much that was; `error` is set
  /// where the connection is of no more use. What was not taken has to come first in
  /// the next call, with all the bytes that stood behind it in this one: a part of it
  /// may be encrypted already.
  [[nodiscard]] std::size_t write(std::string_view bytes, boost::system::error_code& error);

  /// Says goodbye, where the socket takes that right now. Nothing is written behind it.
  void shut_down();

 private:
  struct closer {
    void operator()(ssl_st* session) const;
  };

  std::unique_ptr<ssl_st, closer> session_;
  std::string failure_;
  bool was_plain_http_ = false;
  bool dead_ = false;  // after a fatal error OpenSSL must not be asked to say goodbye
};

}  // namespace velo::net
