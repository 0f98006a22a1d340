// Durations and sizes as people write them: `5m`, `250ms`, `64KiB`.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::net {

/// A whole number with ms, s, m or h; several of them add up: `1h30m`.
/// Nothing for anything else, a plain number and what does not fit included.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A whole number of bytes, or with B, KiB, MiB, GiB or TiB. Not KB: people
/// mean 1000 and 1024 by it.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// In the largest unit that it is a whole number of; the parsers give it back.
[[nodiscard]] std::string to_duration_text(std::chrono::milliseconds time);
[[nodiscard]] std::string to_size_text(std::uint64_t bytes);

}  // namespace velo::net
