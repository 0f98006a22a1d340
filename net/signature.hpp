// Pusher's channel signatures: HMAC-SHA256 with the app's secret, lower-case
// hex (PUSHER_PROTOCOL.md 5.3). Pure functions, safe from any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace velo::net {

struct app;

[[nodiscard]] std::string hmac_sha256_hex(std::string_view secret, std::string_view text);

/// The `auth` of a subscription, `key:hex`. `channel_data` is signed where it
/// is not empty. Nothing where `socket_id` or `channel` is malformed: a colon in
/// one of them could make the signature that of something else.
[[nodiscard]] std::optional<std::string> sign_channel(std::string_view key, std::string_view secret,
                                                      std::string_view socket_id,
                                                      std::string_view channel,
                                                      std::string_view channel_data = {});

/// Whether `auth` is the above. Its key must be `key`, the one this connection
/// came in with, and its hex lower-case. Takes the same time wherever they differ.
[[nodiscard]] bool verify_channel_auth(std::string_view key, std::string_view secret,
                                       std::string_view socket_id, std::string_view channel,
                                       std::string_view auth, std::string_view channel_data = {});

/// The same with whichever of the app's keys `auth` begins with.
[[nodiscard]] bool verify_channel_auth(const app& of, std::string_view socket_id,
                                       std::string_view channel, std::string_view auth,
                                       std::string_view channel_data = {});

/// The `auth` of a sign-in. Nothing where `socket_id` is malformed.
[[nodiscard]] std::optional<std::string> sign_user(std::string_view key, std::string_view secret,
                                                   std::string_view socket_id,
                                                   std::string_view user_data);

[[nodiscard]] bool verify_user_auth(std::string_view key, std::string_view secret,
                                    std::string_view socket_id, std::string_view user_data,
                                    std::string_view auth);
/// The same with whichever of the app's keys `auth` begins with.
[[nodiscard]] bool verify_user_auth(const app& of, std::string_view socket_id,
                                    std::string_view user_data, std::string_view auth);

}  // namespace velo::net
