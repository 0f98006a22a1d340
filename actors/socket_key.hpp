// A socket id as two numbers: thousands of subscribers are compared with the one
// that shall not hear its own event, and each holds one.

#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace velo::actors {

struct socket_key {
  std::uint64_t first = 0, second = 0;

  bool operator==(const socket_key&) const = default;

  /// Nothing where `id` is none that we give out: `digits.digits`, each within 64 bits.
  [[nodiscard]] static std::optional<socket_key> parse(std::string_view id) {
    socket_key key;
    const auto* end = id.data() + id.size();
    const auto [dot, bad] = std::from_chars(id.data(), end, key.first);
    if (bad != std::errc{} || dot == end || *dot != '.') return std::nullopt;
    const auto [stop, wrong] = std::from_chars(dot + 1, end, key.second);
    if (wrong != std::errc{} || stop != end) return std::nullopt;
    return key;
  }
};

}  // namespace velo::actors
