#include "actors/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

namespace velo::actors {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void fill(std::span<unsigned char> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
    throw std::runtime_error("The system has no source of random numbers.");
}

// RAND_bytes takes about a microsecond however few bytes are asked for.
class random_buffer {
 public:
  void take(std::span<unsigned char> out) {
    if (out.size() > bytes_.size() - used_) {
      if (out.size() > bytes_.size()) return fill(out);
      used_ = bytes_.size();  // What is left is short: begin anew. Nothing is used twice.
      fill(bytes_);
      used_ = 0;
    }
    std::memcpy(out.data(), bytes_.data() + used_, out.size());
    // Secrets come from here: they shall not lie in memory a second time.
    OPENSSL_cleanse(bytes_.data() + used_, out.size());
    used_ += out.size();
  }

 private:
  std::array<unsigned char, 512> bytes_{};
  std::size_t used_ = bytes_.size();
};

std::uint64_t random_bits(unsigned count) {
  std::array<unsigned char, 8> bytes{};
  random_bytes(bytes);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value >> (64U - count);
}

}  // namespace

void random_bytes(std::span<unsigned char> out) {
  thread_local random_buffer buffer;
  if (!out.empty()) buffer.take(out);
}

std::string random_uuid_v4() {
  std::array<unsigned char, 16> bytes{};
  random_bytes(bytes);
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);  // version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);  // variant of RFC 4122
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += hex_digits[bytes[i] >> 4U];
    out += hex_digits[bytes[i] & 15U];
  }
  return out;
}

std::string random_id(std::size_t size) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  // The largest multiple of 36 a byte can count to: what lies above would make
  // the first letters likelier.
  constexpr unsigned fair = 256 / 36 * 36;
  std::string out;
  out.reserve(size);
  std::array<unsigned char, 32> bytes{};
  while (out.size() < size) {
    const auto some = std::span(bytes).first(std::min(bytes.size(), size - out.size()));
    random_bytes(some);
    for (const auto byte : some) {
      if (byte < fair) out += alphabet[byte % alphabet.size()];
    }
  }
  return out;
}

std::string random_hex(std::size_t size) {
  std::string out(size, '\0');
  random_bytes({reinterpret_cast<unsigned char*>(out.data()), out.size()});
  for (char& c : out) c = hex_digits[static_cast<unsigned char>(c) & 15U];
  return out;
}

std::string random_socket_id() {
  return std::to_string(random_bits(48)) + '.' + std::to_string(random_bits(48));
}

}  // namespace velo::actors
