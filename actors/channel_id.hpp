// The UUID that names a record channel: its canonical text, without a heap
// allocation, since a million of them are held at once.

#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

class channel_id {
 public:
  static constexpr std::size_t size = 36;

  channel_id() = default;

  /// Nothing unless `text` is a UUID in lower-case canonical form.
  [[nodiscard]] static std::optional<channel_id> parse(std::string_view text) {
    if (text.size() != size) return std::nullopt;
    for (std::size_t i = 0; i < size; ++i) {
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      const char c = text[i];
      const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      if (dash ? c != '-' : !hex) return std::nullopt;
    }
    channel_id id;
    std::memcpy(id.text_.data(), text.data(), size);
    return id;
  }

  [[nodiscard]] std::string_view text() const { return {text_.data(), size}; }
  [[nodiscard]] std::string str() const { return std::string(text()); }

  auto operator<=>(const channel_id&) const = default;

 private:
  std::array<char, size> text_{};
};

}  // namespace velo::actors

template <>
struct std::hash<velo::actors::channel_id> {
  std::size_t operator()(const velo::actors::channel_id& id) const noexcept {
    return std::hash<std::string_view>{}(id.text());
  }
};
