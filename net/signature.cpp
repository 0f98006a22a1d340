#include "net/signature.hpp"

#include "actors/constant_time.hpp"
#include "actors/hmac.hpp"
#include "net/app.hpp"
#include "net/channel_name.hpp"

namespace velo::net {

namespace {

std::string with_key(std::string_view key, const std::string& hex) {
  std::string out(key);
  out += ':';
  out += hex;
  return out;
}

// The app's pair that `auth` names before its colon.
const app_key* key_of(const app& a, std::string_view auth) {
  return a.find_key(auth.substr(0, auth.find(':')));
}

// The key of an app has no colon (config_apps.cpp), so equality of the whole text is
// equality of both its parts.
bool matches(const std::optional<std::string>& expected, std::string_view auth) {
  return expected && actors::constant_time_equal(*expected, auth);
}

}  // namespace

std::string hmac_sha256_hex(std::string_view secret, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(64);
  for (const auto byte : actors::hmac_sha256(secret, text)) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

std::optional<std::string> sign_channel(std::string_view key, std::string_view secret,
                                        std::string_view socket_id, std::string_view channel,
                                        std::string_view channel_data) {
  if (!is_socket_id(socket_id) || !is_channel_name(channel, channel_name_bytes_ever))
    return std::nullopt;
  std::string text(socket_id);
  text += ':';
  text += channel;
  if (!channel_data.empty()) {
    text += ':';
    text += channel_data;
  }
  return with_key(key, hmac_sha256_hex(secret, text));
}

bool verify_channel_auth(std::string_view key, std::string_view secret, std::string_view socket_id,
                         std::string_view channel, std::string_view auth,
                         std::string_view channel_data) {
  return matches(sign_channel(key, secret, socket_id, channel, channel_data), auth);
}

bool verify_channel_auth(const app& of, std::string_view socket_id, std::string_view channel,
                         std::string_view auth, std::string_view channel_data) {
  const auto* pair = key_of(of, auth);
  return pair != nullptr &&
         verify_channel_auth(pair->key, pair->secret, socket_id, channel, auth, channel_data);
}

std::optional<std::string> sign_user(std::string_view key, std::string_view secret,
                                     std::string_view socket_id, std::string_view user_data) {
  if (!is_socket_id(socket_id)) return std::nullopt;
  std::string text(socket_id);
  text += "::user::";
  text += user_data;
  return with_key(key, hmac_sha256_hex(secret, text));
}

bool verify_user_auth(std::string_view key, std::string_view secret, std::string_view socket_id,
                      std::string_view user_data, std::string_view auth) {
  return matches(sign_user(key, secret, socket_id, user_data), auth);
}

bool verify_user_auth(const app& of, std::string_view socket_id, std::string_view user_data,
                      std::string_view auth) {
  const auto* pair = key_of(of, auth);
  return pair != nullptr && verify_user_auth(pair->key, pair->secret, socket_id, user_data, auth);
}

}  // namespace velo::net
