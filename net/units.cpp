#include "net/units.hpp"

#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace velo::net {

namespace {

using unit = std::pair<std::string_view, std::uint64_t>;

constexpr std::array<unit, 4> duration_units{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<unit, 5> size_units{{{"TiB", 1ULL << 40U},
                                          {"GiB", 1ULL << 30U},
                                          {"MiB", 1ULL << 20U},
                                          {"KiB", 1ULL << 10U},
                                          {"B", 1}}};

// Far above any sense, and sums of it stay in range.
constexpr std::uint64_t value_max = 1ULL << 60U;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes a number off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return n;
}

// Takes a number and its unit off the front: the value in the smallest unit.
std::optional<std::uint64_t> take_part(std::string_view& text, std::span<const unit> units) {
  const auto n = take_number(text);
  if (!n) return std::nullopt;
  std::size_t size = 0;
  while (size < text.size() && !is_digit(text[size])) ++size;
  for (const auto& [name, factor] : units) {
    if (text.substr(0, size) != name) continue;
    if (*n > value_max / factor) return std::nullopt;
    text.remove_prefix(size);
    return *n * factor;
  }
  return std::nullopt;
}

std::string in_largest_unit(std::uint64_t n, std::span<const unit> units) {
  for (const auto& [name, factor] : units) {
    if (n >= factor && n % factor == 0) return std::to_string(n / factor) + std::string(name);
  }
  return "0" + std::string(units.back().first);
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const auto part = take_part(text, duration_units);
    if (!part || sum + *part > value_max) return std::nullopt;
    sum += *part;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(sum));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  auto rest = text;
  const auto plain = take_number(rest);
  if (plain && rest.empty()) return *plain <= value_max ? plain : std::nullopt;
  const auto bytes = take_part(text, size_units);
  return text.empty() ? bytes : std::nullopt;
}

std::string to_duration_text(std::chrono::milliseconds time) {
  if (time.count() == 0) return "0s";
  return in_largest_unit(static_cast<std::uint64_t>(time.count()), duration_units);
}

std::string to_size_text(std::uint64_t bytes) {
  return in_largest_unit(bytes, size_units);
}

}  // namespace velo::net
