#include "net/websocket_admission.hpp"

#include "net/url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace velo::net {

namespace {

constexpr int protocol_min = 5;
constexpr int protocol_max = 7;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Linear but for the last `*`, to which it comes back: quadratic at worst, in
/// texts that the configuration and one header line bound.
bool matches(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string_view host_of(std::string_view origin) {
  if (const auto scheme = origin.find("://"); scheme != std::string_view::npos) {
    origin.remove_prefix(scheme + 3);
  }
  // The colons of an IPv6 address stand in brackets.
  const auto bracket = origin.rfind(']');
  const auto port = origin.find(':', bracket == std::string_view::npos ? 0 : bracket);
  return origin.substr(0, port);
}

/// Nothing where there is none: then it is taken for the latest.
std::optional<std::string> protocol_of(std::string_view query) {
  const auto all = parse_parameters(query);
  if (!all) return std::nullopt;
  std::optional<std::string> last;
  for (const auto& [name, value] : *all) {
    if (name == "protocol") last = value;
  }
  return last;
}

}  // namespace

bool origin_allowed(std::string_view origin, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [origin](const std::string& pattern) {
    return matches(origin, pattern) || matches(host_of(origin), pattern);
  });
}

boost::system::result<const app*, close_code> admit(const std::vector<app>& apps,
                                                    std::string_view path_prefix,
                                                    std::string_view target,
                                                    std::string_view origin) {
  const auto parts = split_target(target);
  if (!parts || !parts->path.starts_with(path_prefix)) return close_code::path_not_found;
  auto path = parts->path.substr(path_prefix.size());
  constexpr std::string_view route = "/app/";
  if (!path.starts_with(route)) return close_code::path_not_found;
  path.remove_prefix(route.size());

  const auto key = percent_decode(path.substr(0, path.find('/')));
  const auto* found = key ? find_app_of_key(apps, *key) : nullptr;
  if (found == nullptr) return close_code::unknown_app;
  if (!found->enabled) return close_code::app_disabled;
  const auto slash = path.find('/');
  if (slash != std::string_view::npos && slash + 1 != path.size()) {
    return close_code::path_not_found;
  }

  if (const auto protocol = protocol_of(parts->query)) {
    int version = 0;
    const auto* end = protocol->data() + protocol->size();
    const auto [stopped, error] = std::from_chars(protocol->data(), end, version);
    if (stopped != end || error == std::errc::invalid_argument) return close_code::invalid_version;
    if (error != std::errc{} || version < protocol_min || version > protocol_max) {
      return close_code::unsupported_protocol;
    }
  }
  if (!origin.empty() && !origin_allowed(origin, found->allowed_origins)) {
    return close_code::connection_unauthorized;
  }
  return found;
}

void throw_exception_from_error(close_code code, const boost::source_location&) {
  throw std::runtime_error(std::string(sentence(code)));
}

}  // namespace velo::net
