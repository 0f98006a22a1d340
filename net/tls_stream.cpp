#include "net/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <boost/asio/error.hpp>

#include <cerrno>

namespace velo::net {

namespace {

using boost::system::error_code;

static_assert(tls_stream::record_bytes_max == SSL3_RT_MAX_PLAIN_LENGTH);

// Of a connection that is of no more use: never one that asks to try again.
error_code last_error() {
  if (errno == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
    return boost::asio::error::connection_reset;
  return {errno, boost::system::system_category()};
}

std::string reason_of(unsigned long code) {
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "the connection has ended" : reason;
}

}  // namespace

void tls_stream::closer::operator()(ssl_st* session) const {
  SSL_free(session);
}

tls_stream::tls_stream(ssl_st* session) : session_(session) {}

tls_stream::~tls_stream() = default;

tls_stream::progress tls_stream::shake_hands() {
  ERR_clear_error();
  const int done = SSL_accept(session_.get());
  if (done == 1) return progress::done;
  switch (SSL_get_error(session_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      return progress::wants_to_read;
    case SSL_ERROR_WANT_WRITE:
      return progress::wants_to_write;
    default:
      break;
  }
  const auto code = ERR_peek_last_error();
  dead_ = true;
  failure_ = reason_of(code);
  was_plain_http_ = ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  return progress::failed;
}

std::size_t tls_stream::read(std::span<char> into, error_code& error) {
  ERR_clear_error();
  errno = 0;
  std::size_t got = 0;
  const int done = SSL_read_ex(session_.get(), into.data(), into.size(), &got);
  if (done == 1) return got;
  switch (SSL_get_error(session_.get(), done)) {
    case SSL_ERROR_WANT_READ:
      error = boost::asio::error::would_block;
      return 0;
    case SSL_ERROR_ZERO_RETURN:
      error = boost::asio::error::eof;
      return 0;
    default:
      // Wanting to write is among them: the peer asks for new keys without reading our
      // answers. Waiting for it would leave what it sends readable all the time.
      error = last_error();
      dead_ = true;
      ERR_clear_error();
      return 0;
  }
}

std::size_t tls_stream::write(std::string_view bytes, error_code& error) {
  std::size_t total = 0;
  while (total < bytes.size()) {
    ERR_clear_error();
    errno = 0;
    std::size_t taken = 0;
    const int done =
        SSL_write_ex(session_.get(), bytes.data() + total, bytes.size() - total, &taken);
    if (done == 1) {
      total += taken;
      continue;
    }
    if (SSL_get_error(session_.get(), done) == SSL_ERROR_WANT_WRITE) return total;
    error = last_error();
    dead_ = true;
    ERR_clear_error();
    return total;
  }
  return total;
}

void tls_stream::shut_down() {
  if (dead_ || SSL_in_init(session_.get()) != 0) return;
  ERR_clear_error();
  static_cast<void>(SSL_shutdown(session_.get()));
  ERR_clear_error();
}

}  // namespace velo::net
