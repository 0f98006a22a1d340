#include "net/request_signature.hpp"

#include "actors/constant_time.hpp"
#include "net/signature.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

// By name, in the order in which they are signed.
using signed_values = std::map<std::string, std::string, std::less<>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// The name of the array of which `name` is an element: `channels` of `channels[]`
// and of `channels[0]`.
std::optional<std::string_view> array_name(std::string_view name) {
  const auto bracket = name.find('[');
  if (bracket == 0 || bracket == std::string_view::npos || name.back() != ']') return std::nullopt;
  const auto index = name.substr(bracket + 1, name.size() - bracket - 2);
  const bool digits =
      std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::optional(name.substr(0, bracket)) : std::nullopt;
}

// Nothing where a name occurs twice: which of its values counts would depend on
// the reader. `brackets`: some libraries sign an array under its name as sent.
std::optional<signed_values> values_of(const parameters& query, bool brackets) {
  signed_values out;
  std::map<std::string, bool> arrays;
  for (const auto& [sent, value] : query) {
    const auto name = lower(sent);
    const auto array = array_name(name);
    const auto key = array ? std::string(*array) + (brackets ? "[]" : "") : name;
    const auto [known, is_new] = arrays.emplace(array ? std::string(*array) : name, !!array);
    if (is_new) {
      out[key] = value;
    } else if (known->second && array) {
      out[key] += ',' + value;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

std::string text_to_sign(std::string_view method, std::string_view path,
                         const signed_values& values) {
  std::string out(method);
  out.append("\n").append(path).append("\n");
  bool first = true;
  for (const auto& [name, value] : values) {
    if (!std::exchange(first, false)) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

bool matches(const app_key& with, const signed_parts& what, const signed_values& values,
             std::string_view signature) {
  bool found = false;
  for (const auto path : {what.raw_path, what.path}) {
    const auto expected = hmac_sha256_hex(with.secret, text_to_sign(what.method, path, values));
    found = actors::constant_time_equal(expected, signature) || found;
    if (what.path == what.raw_path) break;
  }
  return found;
}

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return n;
}

const std::string& at(const signed_values& values, std::string_view name) {
  static const std::string none;
  const auto found = values.find(name);
  return found == values.end() ? none : found->second;
}

}  // namespace

std::string md5_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, 16> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
    throw std::runtime_error("OpenSSL computes no MD5, which the Pusher API needs.");
  std::string out;
  for (const auto byte : digest) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

boost::system::result<const app_key*, signature_error> verify_request(const app& of,
                                                                      const signed_parts& what,
                                                                      std::chrono::seconds now,
                                                                      std::chrono::seconds window) {
  auto values = values_of(what.query, false);
  if (!values) return signature_error{"A query parameter is there twice."};
  const auto signature = at(*values, "auth_signature");
  if (signature.empty())
    return signature_error{"The request is not signed: auth_signature is missing."};
  const auto* key = of.find_key(at(*values, "auth_key"));
  if (key == nullptr) return signature_error{"auth_key is none of this app's keys."};
  if (at(*values, "auth_version") != "1.0") return signature_error{"auth_version must be 1.0."};
  const auto time = whole_number(at(*values, "auth_timestamp"));
  if (!time) return signature_error{"auth_timestamp is Unix time in whole seconds."};
  // Compared without a difference, which a huge number would overflow.
  if (*time < (now - window).count() || *time > (now + window).count())
    return signature_error{"auth_timestamp is more than " + std::to_string(window.count()) +
                           " seconds off: it says " + std::to_string(*time) + ", it is now " +
                           std::to_string(now.count()) + '.'};
  values->erase("auth_signature");
  auto as_sent = values_of(what.query, true);
  as_sent->erase("auth_signature");
  const bool authentic = matches(*key, what, *values, signature) ||
                         (*as_sent != *values && matches(*key, what, *as_sent, signature));
  if (!authentic) return signature_error{"auth_signature is not that of this request."};
  const auto sum = values->find("body_md5");
  if (sum == values->end()) {
    if (what.body.empty()) return key;
    return signature_error{"The body is not signed: body_md5 is missing."};
  }
  if (!actors::constant_time_equal(sum->second, md5_hex(what.body)))
    return signature_error{"body_md5 is not that of the body."};
  return key;
}

std::string signed_query(const app_key& with, std::string_view method, std::string_view path,
                         parameters more, std::string_view body, std::chrono::seconds now) {
  more.emplace_back("auth_key", with.key);
  more.emplace_back("auth_timestamp", std::to_string(now.count()));
  more.emplace_back("auth_version", "1.0");
  if (!body.empty()) more.emplace_back("body_md5", md5_hex(body));
  signed_values values;
  for (auto& [name, value] : more) values[std::move(name)] = std::move(value);
  std::string out;
  for (const auto& [name, value] : values)
    out.append(name).append("=").append(percent_encode(value)).append("&");
  return out + "auth_signature=" + hmac_sha256_hex(with.secret, text_to_sign(method, path, values));
}

void throw_exception_from_error(const signature_error& e, const boost::source_location&) {
  throw std::runtime_error(e.sentence);
}

}  // namespace velo::net
