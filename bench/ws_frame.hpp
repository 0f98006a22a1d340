// RFC 6455 frames, as far as a client needs them that never fragments.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bench/error.hpp"

namespace velo::bench {

namespace opcode {
inline constexpr unsigned text = 1;
inline constexpr unsigned binary = 2;
inline constexpr unsigned close = 8;
inline constexpr unsigned ping = 9;
inline constexpr unsigned pong = 10;
}  // namespace opcode

struct ws_frame {
  unsigned opcode = 0;
  std::string_view payload;
  std::size_t bytes = 0;  ///< Header included.
};

/// Takes the complete frame at the front of `bytes`; false when more is needed.
/// A masked, fragmented or oversized frame of the server is an error.
inline bool take_frame(std::string_view bytes, ws_frame& frame) {
  constexpr std::uint64_t payload_bytes_max = 16U << 20U;
  if (bytes.size() < 2) return false;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  std::uint64_t length = byte(1);
  std::size_t header = 2;
  if (length == 126) {
    header = 4;
    if (bytes.size() < header) return false;
    length = static_cast<std::uint64_t>(byte(2)) << 8U | byte(3);
  } else if (length == 127) {
    header = 10;
    if (bytes.size() < header) return false;
    length = 0;
    for (std::size_t i = 2; i < header; ++i) length = length << 8U | byte(i);
  } else if (length > 127) {
    fail("the server sent a masked WebSocket frame");
  }
  // FIN set, no reserved bits: everything else is outside what was negotiated.
  if ((byte(0) & 0xf0U) != 0x80U) {
    fail("the server sent a WebSocket frame that begins with {:#04x}", byte(0));
  }
  if (length > payload_bytes_max) fail("the server sent a WebSocket frame of {} bytes", length);
  if (bytes.size() - header < length) return false;
  frame.opcode = byte(0) & 0x0fU;
  frame.payload = bytes.substr(header, length);
  frame.bytes = header + length;
  return true;
}

/// The header of an unmasked text frame: what a server sends.
[[nodiscard]] inline std::string server_header(std::size_t payload_bytes) {
  std::string header{static_cast<char>(0x80U | opcode::text)};
  if (payload_bytes < 126) return header += static_cast<char>(payload_bytes);
  const unsigned length_bytes = payload_bytes < 65536 ? 2 : 8;
  header += static_cast<char>(length_bytes == 2 ? 126 : 127);
  for (unsigned i = length_bytes; i-- > 0;) {
    header += static_cast<char>(static_cast<std::uint64_t>(payload_bytes) >> (8 * i) & 0xffU);
  }
  return header;
}

/// A masked frame of at most 65535 bytes: what a client sends.
[[nodiscard]] inline std::string client_frame(unsigned op, std::string_view payload) {
  constexpr std::string_view mask = "velo";
  std::string frame{static_cast<char>(0x80U | op)};
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size() & 0xffU);
  }
  frame += mask;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ mask[i % mask.size()]);
  }
  return frame;
}

}  // namespace velo::bench
