#include "net/endpoints/write_support.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace velo::net {

namespace {

constexpr std::size_t key_bytes_max = 255;

std::string sha256(std::string_view text) {
  std::string digest(32, '\0');
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  return digest;
}

std::string to_hex(std::string_view bytes) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += hex[b >> 4U];
    out += hex[b & 0xFU];
  }
  return out;
}

actors::outcome<std::optional<actors::idempotency>> idempotency_under(const request& r,
                                                                      const std::string& identity,
                                                                      std::string_view route) {
  auto key = r.header("Idempotency-Key");
  if (key.empty()) key = r.header("X-Idempotency-Key");
  if (key.empty()) return std::optional<actors::idempotency>{};
  if (key.size() > key_bytes_max)
    return actors::invalid("Idempotency-Key", "An Idempotency-Key has at most 255 bytes.");
  // The parts' lengths stand before them, so the joint is unambiguous.
  std::string scope = fmt::format("{} {} {}\n", identity.size(), r.method.size(), route.size());
  scope.append(identity).append(r.method).append(route).append(key);
  return std::optional{actors::idempotency{sha256(scope), to_hex(sha256(r.body))}};
}

}  // namespace

actors::outcome<std::optional<actors::idempotency>> idempotency_of(const request& r,
                                                                   const actors::identity& who) {
  return idempotency_under(r, who.key(), r.raw_target);
}

// Without the query: its timestamp and signature differ with every repetition.
actors::outcome<std::optional<actors::idempotency>> event_idempotency_of(
    const request& r, const std::string& app_id) {
  return idempotency_under(r, app_id, r.path);
}

nlohmann::json failure_json(const actors::failure& why) {
  nlohmann::json body{{"message", why.message}};
  if (!why.errors.empty()) {
    auto& errors = body["errors"] = nlohmann::json::object();
    for (const auto& [field, sentence] : why.errors) errors[field].push_back(sentence);
  }
  return body;
}

}  // namespace velo::net
