// The header of a WebSocket frame that a server sends: whole, not masked (RFC 6455, 5.2).

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace velo::net {

enum class frame_opcode : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// Two, four or ten bytes, by the payload's length.
class frame_header {
 public:
  frame_header(frame_opcode opcode, std::size_t payload_bytes) {
    put(0x80U | static_cast<unsigned>(opcode));
    if (payload_bytes < 126) {
      put(payload_bytes);
    } else if (payload_bytes < 65536) {
      put(126);
      put_length(payload_bytes, 2);
    } else {
      put(127);
      put_length(payload_bytes, 8);
    }
  }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  void put(std::size_t byte) {
    bytes_[size_++] = static_cast<char>(static_cast<unsigned char>(byte & 0xFFU));
  }
  void put_length(std::size_t length, unsigned bytes) {
    while (bytes-- > 0) put(length >> (8 * bytes));
  }

  std::array<char, 10> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace velo::net
