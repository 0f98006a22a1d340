#include "net/frame_parser.hpp"

#include "net/frame_header.hpp"
#include "net/utf8_validator.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

namespace velo::net {

namespace {

using kind = client_item::kind;

constexpr std::size_t header_bytes_max = 14;
constexpr std::size_t control_bytes_max = 125;

struct header {
  std::uint8_t opcode = 0;
  bool fin = false;
  std::array<std::uint8_t, 4> mask{};
  std::uint64_t payload_bytes = 0;
  std::size_t size = 0;  // of the header itself

  [[nodiscard]] bool is(frame_opcode op) const { return opcode == static_cast<std::uint8_t>(op); }
  [[nodiscard]] bool is_control() const { return (opcode & 0x8U) != 0; }
};

client_item violation(close_code code) {
  return {kind::violation, number(code), {}};
}

std::uint8_t byte_at(std::span<const char> bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

bool is_known(const header& h) {
  return h.is(frame_opcode::continuation) || h.is(frame_opcode::text) ||
         h.is(frame_opcode::binary) || h.is(frame_opcode::close) || h.is(frame_opcode::ping) ||
         h.is(frame_opcode::pong);
}

enum class header_state : std::uint8_t { incomplete, complete, malformed };

// Reads as much as there is: two bytes suffice to refuse most of what is wrong.
header_state read_header(std::span<const char> bytes, header& h) {
  if (bytes.size() < 2) return header_state::incomplete;
  h.fin = (byte_at(bytes, 0) & 0x80U) != 0;
  h.opcode = byte_at(bytes, 0) & 0x0FU;
  const bool reserved = (byte_at(bytes, 0) & 0x70U) != 0;
  const bool masked = (byte_at(bytes, 1) & 0x80U) != 0;
  if (reserved || !masked || !is_known(h)) return header_state::malformed;

  h.payload_bytes = byte_at(bytes, 1) & 0x7FU;
  if (h.is_control() && (!h.fin || h.payload_bytes > control_bytes_max)) {
    return header_state::malformed;
  }
  const std::size_t length_bytes = h.payload_bytes == 126 ? 2 : h.payload_bytes == 127 ? 8 : 0;
  h.size = 2 + length_bytes + h.mask.size();
  if (bytes.size() < h.size) return header_state::incomplete;
  if (length_bytes > 0) {
    const std::uint64_t shorter_max = length_bytes == 2 ? 125 : 65535;
    h.payload_bytes = 0;
    for (std::size_t i = 0; i < length_bytes; ++i) {
      h.payload_bytes = h.payload_bytes << 8U | byte_at(bytes, 2 + i);
    }
    const bool not_shortest = h.payload_bytes <= shorter_max;
    if (not_shortest || h.payload_bytes >> 63U != 0) return header_state::malformed;
  }
  std::memcpy(h.mask.data(), bytes.data() + 2 + length_bytes, h.mask.size());
  return header_state::complete;
}

// `done` bytes of the payload came before these.
void unmask(std::span<char> bytes, const std::array<std::uint8_t, 4>& mask, std::uint64_t done) {
  std::array<std::uint8_t, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(done + i) % mask.size()];
  std::uint64_t eight_of_mask = 0;
  std::memcpy(&eight_of_mask, turned.data(), turned.size());
  std::size_t at = 0;
  for (std::uint64_t eight = 0; at + sizeof eight <= bytes.size(); at += sizeof eight) {
    std::memcpy(&eight, bytes.data() + at, sizeof eight);
    eight ^= eight_of_mask;
    std::memcpy(bytes.data() + at, &eight, sizeof eight);
  }
  for (; at < bytes.size(); ++at) {
    bytes[at] = static_cast<char>(byte_at(bytes, at) ^ turned[at % turned.size()]);
  }
}

bool is_utf8(std::string_view text) {
  utf8_validator validator;
  return validator.accept(text) && validator.complete();
}

client_item close_item(std::string_view payload) {
  if (payload.empty()) return {kind::close, 0, {}};
  if (payload.size() == 1) return violation(close_code::protocol_error);
  const auto code = static_cast<std::uint16_t>(byte_at(payload, 0) << 8U | byte_at(payload, 1));
  if (!may_be_received(code)) return violation(close_code::protocol_error);
  payload.remove_prefix(2);
  if (!is_utf8(payload)) return violation(close_code::invalid_payload);
  return {kind::close, code, payload};
}

client_item control_item(const header& h, std::string_view payload) {
  if (h.is(frame_opcode::ping)) return {kind::ping, 0, payload};
  if (h.is(frame_opcode::pong)) return {kind::pong, 0, payload};
  return close_item(payload);
}

}  // namespace

bool may_be_received(std::uint16_t code) {
  // 1004 is reserved; 1005, 1006 and 1015 stand for what never was on the wire.
  const bool of_protocol =
      code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
  return of_protocol || (code >= 3000 && code <= 4999);
}

// A frame that is cut off, or a message that lacks fragments.
struct frame_parser::unfinished {
  std::array<char, header_bytes_max> header_bytes;
  std::size_t header_size = 0;  // of those that have come
  header frame;
  bool in_payload = false;
  std::uint64_t payload_done = 0;

  bool in_message = false;  // its first frame has begun
  std::string message;
  utf8_validator validator;
  std::string control;

  // The caller still looks at what was handed out last.
  bool message_is_out = false;

  [[nodiscard]] bool take_header(std::span<char>& input);
  [[nodiscard]] client_item judge(std::size_t message_bytes_max);
  [[nodiscard]] client_item take_payload(std::span<char>& input);
  [[nodiscard]] client_item end_frame();
};

frame_parser::frame_parser() = default;
frame_parser::~frame_parser() = default;
frame_parser::frame_parser(frame_parser&& other) noexcept = default;
frame_parser& frame_parser::operator=(frame_parser&& other) noexcept = default;

client_item frame_parser::next(std::span<char>& input, std::size_t message_bytes_max) {
  if (unfinished_ && unfinished_->message_is_out) unfinished_.reset();
  if (unfinished_) return resume(input, message_bytes_max);
  if (input.empty()) return {};

  header h;
  const auto state = read_header(input, h);
  const bool whole =
      state == header_state::complete && h.fin && (h.is_control() || h.is(frame_opcode::text)) &&
      h.payload_bytes <= message_bytes_max && h.payload_bytes <= input.size() - h.size;
  if (!whole) {
    unfinished_ = std::make_unique<unfinished>();
    return resume(input, message_bytes_max);
  }
  const auto payload = input.subspan(h.size, static_cast<std::size_t>(h.payload_bytes));
  input = input.subspan(h.size + payload.size());
  unmask(payload, h.mask, 0);
  const std::string_view text(payload.data(), payload.size());
  if (h.is_control()) return control_item(h, text);
  if (!is_utf8(text)) return violation(close_code::invalid_payload);
  return {kind::text, 0, text};
}

client_item frame_parser::resume(std::span<char>& input, std::size_t message_bytes_max) {
  auto& now = *unfinished_;
  for (;;) {
    if (!now.in_payload) {
      const bool complete = now.take_header(input);
      if (const auto wrong = now.judge(message_bytes_max); wrong.what == kind::violation) {
        return wrong;
      }
      if (!complete) return {};
      now.in_payload = true;
      now.payload_done = 0;
    }
    const auto item = now.take_payload(input);
    if (item.what != kind::nothing) {
      if (!now.in_message && item.what != kind::text) {
        // A lone control frame that was cut off: it goes as the message would.
        now.message_is_out = true;
      }
      return item;
    }
    if (now.in_payload) return {};  // the input is used up
  }
}

bool frame_parser::unfinished::take_header(std::span<char>& input) {
  header_state state = header_state::incomplete;
  while (state == header_state::incomplete && !input.empty()) {
    header_bytes[header_size++] = input.front();
    input = input.subspan(1);
    state = read_header(std::span(header_bytes).first(header_size), frame);
    if (state == header_state::malformed) break;
  }
  return state == header_state::complete;
}

// Whether the frame may come where it does, by as much of its header as is known.
client_item frame_parser::unfinished::judge(std::size_t message_bytes_max) {
  if (header_size < 2) return {};
  const auto received = std::span(header_bytes).first(header_size);
  header known;
  // What two bytes decide is decided by them, however the frame was cut.
  if (read_header(received.first(2), known) == header_state::malformed)
    return violation(close_code::protocol_error);
  if (!known.is_control() && known.is(frame_opcode::continuation) != in_message)
    return violation(close_code::protocol_error);
  if (known.is(frame_opcode::binary)) return violation(close_code::unsupported_data);
  const auto state = read_header(received, known);
  if (state == header_state::malformed) return violation(close_code::protocol_error);
  if (known.is_control()) return {};
  const bool too_big =
      state == header_state::complete &&
      known.payload_bytes > message_bytes_max - std::min(message.size(), message_bytes_max);
  return too_big ? violation(close_code::message_too_big) : client_item{};
}

client_item frame_parser::unfinished::take_payload(std::span<char>& input) {
  const auto count = static_cast<std::size_t>(
      std::min<std::uint64_t>(frame.payload_bytes - payload_done, input.size()));
  const auto piece = input.first(count);
  input = input.subspan(count);
  unmask(piece, frame.mask, payload_done);
  payload_done += count;
  const std::string_view text(piece.data(), piece.size());
  if (frame.is_control()) {
    if (payload_done == count) control.clear();
    control += text;
  } else {
    in_message = true;
    if (!validator.accept(text)) return violation(close_code::invalid_payload);
    message += text;
  }
  return payload_done == frame.payload_bytes ? end_frame() : client_item{};
}

client_item frame_parser::unfinished::end_frame() {
  in_payload = false;
  header_size = 0;
  if (frame.is_control()) return control_item(frame, control);
  if (!frame.fin) return {};
  if (!validator.complete()) return violation(close_code::invalid_payload);
  message_is_out = true;
  return {kind::text, 0, message};
}

}  // namespace velo::net
