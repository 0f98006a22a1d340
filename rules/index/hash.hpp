// The hash behind every table of the index: multiply and fold, under a key.
//
// The mixing is that of wyhash: 128-bit products of the input and secret
// words, halves xored; about a nanosecond for 16 bytes. The secret is drawn once
// per process, so nobody outside can look for texts that share a bucket. It is no
// cryptographic hash and need not be: whatever a table finds is compared byte
// by byte, so a collision costs time and never shows a record to a stranger.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace velo::rules::index {

struct hash_key {
  std::uint64_t a, b, c;
};

/// The key of this process, made at the first call.
[[nodiscard]] const hash_key& process_hash_key() noexcept;

[[nodiscard]] inline std::uint64_t fold(std::uint64_t x, std::uint64_t y) noexcept {
#ifdef VELO_WEAK_HASH
  // Everything collides: whoever trusts a hash shows it (tests/rules/index_mutations.sh).
  return (x ^ y) & 3U;
#endif
  __extension__ using wide = unsigned __int128;
  const auto product = static_cast<wide>(x) * y;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

template <class Word>
[[nodiscard]] inline Word load(const void* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// One value under the key.
[[nodiscard]] inline std::uint64_t hash_word(std::uint64_t value, std::uint64_t kind,
                                             const hash_key& key) noexcept {
  return fold(value ^ key.a, fold(kind ^ key.b, key.c));
}

/// Any bytes under the key; `kind` keeps values of different kinds apart.
[[nodiscard]] inline std::uint64_t hash_bytes(std::string_view text, std::uint64_t kind,
                                              const hash_key& key) noexcept {
  const auto* at = text.data();
  auto left = text.size();
  std::uint64_t state = key.a ^ (kind << 32U) ^ left;
  while (left > 16) {
    state = fold(load<std::uint64_t>(at) ^ key.b, load<std::uint64_t>(at + 8) ^ state);
    at += 16;
    left -= 16;
  }
  std::uint64_t x = 0;
  std::uint64_t y = 0;
  if (left >= 8) {
    x = load<std::uint64_t>(at);
    y = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    x = load<std::uint32_t>(at);
    y = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    x = static_cast<std::uint64_t>(static_cast<unsigned char>(at[0])) << 16U |
        static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8U |
        static_cast<unsigned char>(at[left - 1]);
  }
  return fold(key.c ^ state, fold(x ^ key.b, y ^ state));
}

[[nodiscard]] inline std::uint64_t combine(std::uint64_t left, std::uint64_t right,
                                           const hash_key& key) noexcept {
  return fold(left ^ key.b, right ^ key.c);
}

}  // namespace velo::rules::index
