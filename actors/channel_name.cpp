#include "actors/channel_name.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace velo::actors {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         std::string_view("_-=@,.;").find(c) != std::string_view::npos;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// A prefix comes before every prefix of it.
constexpr std::array<std::pair<std::string_view, channel_kind>, 9> prefixes{{
    {"private-encrypted-cache-", channel_kind::private_encrypted_cache},
    {"private-encrypted-", channel_kind::private_encrypted},
    {"private-cache-", channel_kind::private_cache},
    {"private-", channel_kind::private_plain},
    {"presence-cache-", channel_kind::presence_cache},
    {"presence-", channel_kind::presence},
    {"cache-", channel_kind::cache},
    {server_to_user_prefix, channel_kind::server_to_user},
    {"#", channel_kind::reserved},
}};

// Nobody's identifiers are longer; a sane bound for what is echoed and signed.
constexpr std::size_t socket_id_bytes_max = 64;

}  // namespace

channel_kind kind_of(std::string_view channel) {
  for (const auto& [prefix, kind] : prefixes) {
    if (channel.starts_with(prefix)) return kind;
  }
  return channel_kind::open;
}

std::string_view kind_prefix(std::string_view channel) {
  if (channel.starts_with('#')) return {};
  for (const auto& [prefix, kind] : prefixes) {
    if (channel.starts_with(prefix)) return prefix;
  }
  return {};
}

bool needs_signature(channel_kind kind) {
  switch (kind) {
    case channel_kind::private_plain:
    case channel_kind::private_cache:
    case channel_kind::private_encrypted:
    case channel_kind::private_encrypted_cache:
    case channel_kind::presence:
    case channel_kind::presence_cache:
      return true;
    case channel_kind::open:
    case channel_kind::cache:
    case channel_kind::server_to_user:
    case channel_kind::reserved:
      return false;
  }
  return true;
}

bool is_presence(channel_kind kind) {
  return kind == channel_kind::presence || kind == channel_kind::presence_cache;
}

bool takes_client_events(channel_kind kind) {
  return kind == channel_kind::private_plain || kind == channel_kind::private_cache ||
         is_presence(kind);
}

bool is_cache(channel_kind kind) {
  return kind == channel_kind::cache || kind == channel_kind::private_cache ||
         kind == channel_kind::private_encrypted_cache || kind == channel_kind::presence_cache;
}

bool is_channel_name(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) return false;
  if (text.starts_with('#')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_char);
}

bool is_socket_id(std::string_view text) {
  if (text.size() > socket_id_bytes_max) return false;
  const auto dot = text.find('.');
  return dot != std::string_view::npos && all_digits(text.substr(0, dot)) &&
         all_digits(text.substr(dot + 1));
}

}  // namespace velo::actors
