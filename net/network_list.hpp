// Networks by their prefixes, and the address that a request really comes from
// when trusted proxies stand before the server.

#pragma once

#include <boost/asio/ip/address.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

/// Where a connection comes from: an IP address, or nothing for a Unix socket.
using client_source = std::optional<boost::asio::ip::address>;

/// Pure; any thread.
class network_list {
 public:
  /// Adds `10.0.0.0/8`, `2001:db8::/32`, a single address, or `unix` for whoever
  /// comes over a Unix socket. False where it is none of these.
  [[nodiscard]] bool add(std::string_view network);

  /// An IPv4 address in its IPv6 form (`::ffff:10.0.0.1`) is the IPv4 address.
  [[nodiscard]] bool contains(const client_source& source) const;

 private:
  struct network {
    boost::asio::ip::address_v6::bytes_type prefix;  // IPv4 as mapped
    unsigned bits;
  };

  std::vector<network> networks_;
  bool unix_ = false;
};

/// Whether `network` is one that a network_list takes.
[[nodiscard]] bool is_network(std::string_view network);

/// The client behind `peer`. Where the peer is trusted, `forwarded` (the values of all
/// X-Forwarded-For headers, in order) is read from the right, past every trusted hop:
/// the first other address is the client's. What stands left of it, or cannot be read,
/// anybody may have written, and counts for nothing.
[[nodiscard]] client_source client_behind(const client_source& peer,
                                          const std::vector<std::string_view>& forwarded,
                                          const network_list& trusted);

/// The address as text, IPv4 in its own form; `unix` for a Unix socket.
[[nodiscard]] std::string to_text(const client_source& source);

}  // namespace velo::net
