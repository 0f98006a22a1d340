#include "net/client_mark.hpp"

#include <boost/beast/http/field.hpp>

#include <string>
#include <string_view>

namespace velo::net {

namespace {

// FNV-1a: nobody's secret, but the same tomorrow.
void add(std::uint64_t& hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  hash = (hash ^ 0xFFU) * 1099511628211ULL;  // No text has that byte: a separator.
}

}  // namespace

std::uint64_t client_mark(const stream_socket& socket, const upgrade_request& request) {
  namespace http = boost::beast::http;
  std::uint64_t hash = 14695981039346656037ULL;
  boost::system::error_code error;
  const auto from = peer_of(socket, error);
  add(hash, from ? from->to_string() : std::string());
  const auto add_field = [&](auto name) {
    const auto value = request[name];
    add(hash, {value.data(), value.size()});
  };
  add_field("X-Forwarded-For");
  add_field(http::field::forwarded);
  add_field(http::field::user_agent);
  add_field(http::field::origin);
  return hash == 0 ? 1 : hash;
}

}  // namespace velo::net
