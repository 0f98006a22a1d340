// UTF-8 that comes in pieces, cut anywhere: says at the first byte that cannot
// be part of it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace velo::net {

/// Judges one text from its first piece on. Overlong forms, surrogates and what
/// is beyond U+10FFFF are not valid (RFC 3629).
class utf8_validator {
 public:
  /// False from the first piece on that cannot be continued to valid text.
  [[nodiscard]] bool accept(std::string_view piece) {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      if (missing_ == 0) {
        i = skip_ascii(piece, i);
        if (i == piece.size()) break;
      }
      if (!accept(static_cast<std::uint8_t>(piece[i]))) return false;
    }
    return true;
  }

  /// Whether the text may end here.
  [[nodiscard]] bool complete() const { return missing_ == 0; }

 private:
  static std::size_t skip_ascii(std::string_view piece, std::size_t from) {
    constexpr std::uint64_t high_bits = 0x8080808080808080U;
    for (std::uint64_t eight = 0; from + sizeof eight <= piece.size(); from += sizeof eight) {
      std::memcpy(&eight, piece.data() + from, sizeof eight);
      if ((eight & high_bits) != 0) break;
    }
    while (from < piece.size() && static_cast<std::uint8_t>(piece[from]) < 0x80U) ++from;
    return from;
  }

  bool accept(std::uint8_t byte) {
    if (missing_ > 0) {
      if (byte < least_ || byte > most_) return false;
      expect(missing_ - 1U);
      return true;
    }
    if (byte < 0x80U) return true;
    if (byte < 0xC2U || byte > 0xF4U) return false;
    expect(byte < 0xE0U ? 1 : byte < 0xF0U ? 2 : 3);
    // Only the second byte of a sequence tells overlong forms and the like.
    if (byte == 0xE0U) least_ = 0xA0U;
    if (byte == 0xEDU) most_ = 0x9FU;
    if (byte == 0xF0U) least_ = 0x90U;
    if (byte == 0xF4U) most_ = 0x8FU;
    return true;
  }

  void expect(unsigned continuations) {
    missing_ = static_cast<std::uint8_t>(continuations);
    least_ = 0x80U;
    most_ = 0xBFU;
  }

  std::uint8_t missing_ = 0;  // continuation bytes
  std::uint8_t least_ = 0;    // and what the next of them may be
  std::uint8_t most_ = 0;
};

}  // namespace velo::net
