// What a channel's name says about it (PUSHER_PROTOCOL.md 5.2 and 12).

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace velo::actors {

inline constexpr std::size_t channel_name_bytes_max = 164;  ///< Where nobody says otherwise.
/// What may be said at most (limits.channel_name_bytes).
inline constexpr std::size_t channel_name_bytes_ever = 1024;
inline constexpr std::string_view server_to_user_prefix = "#server-to-user-";

enum class channel_kind : std::uint8_t {
  open,  ///< Any other name: whoever knows it may listen.
  cache,
  private_plain,
  private_cache,
  private_encrypted,
  private_encrypted_cache,
  presence,
  presence_cache,
  server_to_user,  ///< `#server-to-user-{id}`: for a socket signed in as that user.
  reserved,        ///< Any other name with `#`: refused.
};

/// The kind by the longest prefix, hyphen included: `private` alone is open.
[[nodiscard]] channel_kind kind_of(std::string_view channel);

/// The prefix that says so: `private-encrypted-`; empty for an open channel, and
/// for names with `#`.
[[nodiscard]] std::string_view kind_prefix(std::string_view channel);

/// Whether a subscription has to carry a signature.
[[nodiscard]] bool needs_signature(channel_kind kind);
[[nodiscard]] bool is_presence(channel_kind kind);
[[nodiscard]] bool is_cache(channel_kind kind);
/// Whether clients may send events of their own on it: private and presence, but
/// nothing that the server could not read.
[[nodiscard]] bool takes_client_events(channel_kind kind);

/// One `#` at most, in front, then 1 or more of `A-Z a-z 0-9 _ - = @ , . ;`, so many bytes in all.
[[nodiscard]] bool is_channel_name(std::string_view text,
                                   std::size_t bytes_max = channel_name_bytes_max);

/// `digits.digits`: what the libraries of application servers insist on before they sign.
[[nodiscard]] bool is_socket_id(std::string_view text);

}  // namespace velo::actors
