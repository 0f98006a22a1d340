// Where a request of ours goes: an `http://` or `https://` URL in its parts.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::net {

struct http_address {
  bool tls = false;
  std::string host;  ///< Name or address; an IPv6 address without its brackets.
  std::uint16_t port = 0;
  std::string target;  ///< Path and query; `/` where the URL has none.

  bool operator==(const http_address&) const = default;

  /// For the `Host` header: brackets and a port only where they are needed.
  [[nodiscard]] std::string authority() const;
};

/// Nothing for other schemes, and for a URL with a user, a fragment, or
/// characters that a request line cannot have.
[[nodiscard]] std::optional<http_address> parse_http_address(std::string_view url);

}  // namespace velo::net
