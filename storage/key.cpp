#include "storage/key.hpp"

#include <cassert>

namespace velo::storage {

namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr std::size_t uuid_text_bytes = 36;

bool is_dash_position(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_storable_id(std::string_view id) {
  return !id.empty() && id.size() <= id_bytes_max && id.find('\0') == std::string_view::npos;
}

result<std::string> collection_prefix(std::string_view collection_id) {
  if (!is_storable_id(collection_id)) return errc::invalid_key;
  std::string key(collection_id);
  key += '\0';
  return key;
}

result<std::string> record_key(std::string_view collection_id, std::string_view record_id) {
  if (!is_storable_id(record_id)) return errc::invalid_key;
  auto key = collection_prefix(collection_id);
  if (key) key->append(record_id);
  return key;
}

void append_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint64_t read_big_endian(std::string_view eight_bytes) {
  assert(eight_bytes.size() == 8);
  std::uint64_t value = 0;
  for (const char c : eight_bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void append_ordered(std::string& out, std::int64_t value) {
  append_big_endian(out, static_cast<std::uint64_t>(value) ^ sign_bit);
}

std::int64_t read_ordered(std::string_view eight_bytes) {
  return static_cast<std::int64_t>(read_big_endian(eight_bytes) ^ sign_bit);
}

result<std::string> pack_uuid(std::string_view text) {
  if (text.size() != uuid_text_bytes) return errc::invalid_key;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_dash_position(i)) {
      if (text[i++] != '-') return errc::invalid_key;
      continue;
    }
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return errc::invalid_key;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

std::string unpack_uuid(std::string_view sixteen_bytes) {
  assert(sixteen_bytes.size() == uuid_bytes);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : sixteen_bytes) {
    if (is_dash_position(out.size())) out += '-';
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

}  // namespace velo::storage
