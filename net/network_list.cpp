#include "net/network_list.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace velo::net {

namespace {

namespace ip = boost::asio::ip;
using bytes = ip::address_v6::bytes_type;

constexpr unsigned mapped_bits = 96;

bytes bytes_of(const ip::address& address) {
  if (address.is_v6()) return address.to_v6().to_bytes();
  return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

bool shares_prefix(const bytes& a, const bytes& b, unsigned bits) {
  const auto whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const auto rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

client_source parse_address(std::string_view text) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  return address;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// `192.0.2.1`, `2001:db8::1`, and both as some proxies write them: with a port.
client_source parse_hop(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == std::string_view::npos ? std::nullopt : parse_address(text.substr(1, end - 1));
  }
  if (std::count(text.begin(), text.end(), ':') == 1) text = text.substr(0, text.find(':'));
  return parse_address(text);
}

}  // namespace

bool network_list::add(std::string_view text) {
  if (text == "unix") return unix_ = true;
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return false;
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned bits = longest;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc() || end != digits.data() + digits.size() || bits > longest)
      return false;
  }
  networks_.push_back({bytes_of(*address), address->is_v4() ? mapped_bits + bits : bits});
  return true;
}

bool network_list::contains(const client_source& source) const {
  if (!source) return unix_;
  const auto address = bytes_of(*source);
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const network& n) { return shares_prefix(n.prefix, address, n.bits); });
}

bool is_network(std::string_view network) {
  return network_list().add(network);
}

client_source client_behind(const client_source& peer,
                            const std::vector<std::string_view>& forwarded,
                            const network_list& trusted) {
  auto client = peer;
  if (!trusted.contains(peer)) return client;
  for (auto header = forwarded.rbegin(); header != forwarded.rend(); ++header) {
    for (auto rest = *header;;) {
      const auto comma = rest.rfind(',');
      const auto hop = parse_hop(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      if (!hop) return client;
      client = hop;
      if (!trusted.contains(client)) return client;
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

std::string to_text(const client_source& source) {
  if (!source) return "unix";
  if (source->is_v6() && source->to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, source->to_v6()).to_string();
  return source->to_string();
}

}  // namespace velo::net
