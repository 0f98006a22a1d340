// The record that travels, and the stamp in it.
//
// The stamp (sequence and publishing time as digits of fixed width, nothing that
// JSON would escape) is found in a received frame by its head. All frames of a
// run look alike, so the reader looks first where it found the last one, and
// parses digits only when they differ from the last: an event comes a thousand times.

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace velo::bench {

struct stamp {
  std::uint32_t sequence = 0;
  std::uint64_t published_ns = 0;
};

inline constexpr std::string_view stamp_head = "~velo~";
inline constexpr std::size_t sequence_digits = 10;
inline constexpr std::size_t time_digits = 19;
inline constexpr std::size_t stamp_bytes = stamp_head.size() + sequence_digits + 1 + time_digits;

inline void write_digits(char* at, std::size_t width, std::uint64_t value) {
  for (std::size_t i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

[[nodiscard]] inline std::uint64_t read_digits(const char* at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value * 10 + static_cast<unsigned>(at[i] - '0');
  return value;
}

/// Writes `stamp_bytes` characters.
inline void write_stamp(char* at, const stamp& s) {
  std::memcpy(at, stamp_head.data(), stamp_head.size());
  at += stamp_head.size();
  write_digits(at, sequence_digits, s.sequence);
  at[sequence_digits] = '~';
  write_digits(at + sequence_digits + 1, time_digits, s.published_ns);
}

/// What other servers have for a class: a channel whose last three characters are its number.
inline constexpr std::string_view class_channel = "bench000";

inline void write_class(char* channel, unsigned event_class) {
  write_digits(channel + class_channel.size() - 3, 3, event_class);
}

[[nodiscard]] inline std::string channel_of_class(unsigned event_class) {
  std::string name(class_channel);
  write_class(name.data(), event_class);
  return name;
}

class stamp_reader {
 public:
  /// Returns whether `text` contains a stamp.
  bool read(std::string_view text, stamp& out) {
    if (offset_ + stamp_bytes > text.size() ||
        std::memcmp(text.data() + offset_, stamp_head.data(), stamp_head.size()) != 0) {
      const auto found = text.find(stamp_head);
      if (found == std::string_view::npos || found + stamp_bytes > text.size()) return false;
      offset_ = found;
    }
    const char* at = text.data() + offset_;
    if (std::memcmp(at, last_text_.data(), stamp_bytes) != 0) {
      std::memcpy(last_text_.data(), at, stamp_bytes);
      at += stamp_head.size();
      last_.sequence = static_cast<std::uint32_t>(read_digits(at, sequence_digits));
      last_.published_ns = read_digits(at + sequence_digits + 1, time_digits);
    }
    out = last_;
    return true;
  }

 private:
  std::size_t offset_ = 0;
  std::array<char, stamp_bytes> last_text_{};
  stamp last_;
};

/// A record of a fixed number of bytes whose varying parts are written in place:
/// {"id":"r0000000000","k":100,"m":"~velo~...","n":0}
/// `k` is 100 + the event's class; `n` is 0, so that a filter `n != 7` always matches.
class record_template {
 public:
  static constexpr std::size_t id_digits = 10;

  /// Pads to `bytes`; smaller than the parts is an error of the caller (see bytes_min()).
  /// With another `quote` than JSON's it can stand inside of a JSON string as it is.
  explicit record_template(std::size_t bytes, char quote = '"')
      : text_(R"({"id":"r0000000000","k":100,"m":")"), stamp_at_(text_.size()) {
    text_.append(stamp_bytes, '0');
    constexpr std::string_view tail = R"(","n":0})";
    text_.append(bytes - text_.size() - tail.size(), 'x');
    text_ += tail;
    std::ranges::replace(text_, '"', quote);
  }

  [[nodiscard]] static constexpr std::size_t bytes_min() { return 100; }
  [[nodiscard]] const std::string& text() const { return text_; }

  /// Writes into a copy of text() that begins at `record`.
  void fill(char* record, std::uint64_t id, unsigned event_class, const stamp& s) const {
    write_digits(record + id_at, id_digits, id);
    write_digits(record + class_at, 3, 100 + event_class);
    write_stamp(record + stamp_at_, s);
  }

 private:
  static constexpr std::size_t id_at = 8;
  static constexpr std::size_t class_at = id_at + id_digits + 6;

  std::string text_;
  std::size_t stamp_at_;
};

}  // namespace velo::bench
