#include "net/http_address.hpp"

#include <algorithm>
#include <charconv>

namespace velo::net {

namespace {

constexpr std::uint16_t http_port = 80;
constexpr std::uint16_t https_port = 443;

bool is_host(std::string_view host, bool v6) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [v6](char c) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-' || c == '_';
    return v6 ? plain || c == ':' : plain;
  });
}

bool is_target(std::string_view target) {
  return std::all_of(target.begin(), target.end(),
                     [](char c) { return c > ' ' && c < '\x7f' && c != '#'; });
}

}  // namespace

std::string http_address::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  auto out = v6 ? '[' + host + ']' : host;
  if (port != (tls ? https_port : http_port)) out += ':' + std::to_string(port);
  return out;
}

std::optional<http_address> parse_http_address(std::string_view url) {
  http_address out;
  constexpr std::string_view plain = "http://";
  constexpr std::string_view secure = "https://";
  out.tls = url.starts_with(secure);
  if (!out.tls && !url.starts_with(plain)) return std::nullopt;
  url.remove_prefix(out.tls ? secure.size() : plain.size());
  out.port = out.tls ? https_port : http_port;

  const auto end = std::min(url.find_first_of("/?#"), url.size());
  auto authority = url.substr(0, end);
  out.target = url.substr(end);
  if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');
  if (!is_target(out.target)) return std::nullopt;

  const bool v6 = authority.starts_with('[');
  const auto host_end = v6 ? authority.find(']') : std::min(authority.find(':'), authority.size());
  if (host_end == std::string_view::npos) return std::nullopt;
  out.host = authority.substr(v6 ? 1 : 0, host_end - (v6 ? 1 : 0));
  if (!is_host(out.host, v6)) return std::nullopt;
  authority.remove_prefix(host_end + (v6 ? 1 : 0));
  if (authority.empty()) return out;
  const auto* last = authority.data() + authority.size();
  const auto [stop, error] = std::from_chars(authority.data() + 1, last, out.port);
  if (authority.front() != ':' || error != std::errc{} || stop != last || out.port == 0)
    return std::nullopt;
  return out;
}

}  // namespace velo::net
