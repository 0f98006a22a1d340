#include "storage/random.hpp"

#include <openssl/rand.h>

#include <array>
#include <stdexcept>

namespace velo::storage {

std::string random_hex_id() {
  std::array<unsigned char, 8> bytes{};
  // Fails only where the kernel has no randomness at all; nothing is safe then.
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw std::runtime_error("The system has no source of random numbers.");
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

}  // namespace velo::storage
