#include "bench/pusher_request.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>

#include "bench/error.hpp"
#include "bench/http.hpp"

namespace velo::bench {
namespace {

std::string hex(const unsigned char* bytes, unsigned size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += digits[bytes[i] >> 4U];
    out += digits[bytes[i] & 0xFU];
  }
  return out;
}

std::string md5(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
  return hex(digest.data(), size);
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return hex(digest.data(), size);
}

}  // namespace

std::string pusher_request(std::string_view body) {
  const auto path = fmt::format("/apps/{}/events", pusher_app_id);
  const auto query = fmt::format("auth_key={}&auth_timestamp={}&auth_version=1.0&body_md5={}",
                                 pusher_app_key, std::time(nullptr), md5(body));
  const auto signature = hmac_sha256(pusher_app_secret, fmt::format("POST\n{}\n{}", path, query));
  return http_request("POST", fmt::format("{}?{}&auth_signature={}", path, query, signature), {},
                      body);
}

}  // namespace velo::bench
