// The bytes of a WebSocket client, taken apart into messages and control frames
// (RFC 6455, section 5). Text only: a binary frame is refused by its header.
//
// What arrives whole is unmasked and judged where it lies; only what is cut off
// takes memory, until the rest has come. A parser that waits for nothing is one
// pointer large.

#pragma once

#include "net/close_code.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace velo::net {

/// What a client sent.
struct client_item {
  enum class kind : std::uint8_t {
    nothing,    ///< The input is used up, and what it held is kept.
    text,       ///< A whole message; valid UTF-8.
    ping,       ///< To be answered by a pong with the same payload.
    pong,       ///< A sign of life.
    close,      ///< The client's last frame: `code` (0: it gave none) and the reason.
    violation,  ///< `code` says of what: the connection has to be closed with it.
  };
  kind what = kind::nothing;
  std::uint16_t code = 0;
  std::string_view payload;  ///< Until the next call, or until the input is reused.
};

class frame_parser {
 public:
  frame_parser();
  ~frame_parser();
  frame_parser(frame_parser&& other) noexcept;
  frame_parser& operator=(frame_parser&& other) noexcept;

  /// Takes the next message or control frame off the front of `input`, which it
  /// unmasks in place; to be called until there is nothing more. After a `close`
  /// or a `violation` there is nothing left to parse: the rest of the input is
  /// the caller's to drop. A message above `message_bytes_max` is a violation
  /// as soon as its headers say so.
  [[nodiscard]] client_item next(std::span<char>& input, std::size_t message_bytes_max);

  /// Waits for the rest of nothing.
  [[nodiscard]] bool idle() const { return unfinished_ == nullptr; }

 private:
  struct unfinished;

  [[nodiscard]] client_item resume(std::span<char>& input, std::size_t message_bytes_max);

  std::unique_ptr<unfinished> unfinished_;
};

/// Whether a peer may give this code in its close frame (RFC 6455, 7.4).
[[nodiscard]] bool may_be_received(std::uint16_t close_code);

}  // namespace velo::net
