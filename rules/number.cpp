#include "rules/number.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace velo::rules {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The parts of a JSON number: `-` whole `.` fraction `e` exponent.
struct number_parts {
  std::string_view whole;
  std::string_view fraction;
  std::string_view exponent;  ///< With its sign.
  bool negative = false;
  bool integral = true;
};

std::string_view take_digits(std::string_view& rest) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_digit);
  const auto digits = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(digits.size());
  return digits;
}

bool take(std::string_view& rest, std::string_view any_of) {
  if (rest.empty() || any_of.find(rest.front()) == std::string_view::npos) return false;
  rest.remove_prefix(1);
  return true;
}

std::optional<number_parts> split(std::string_view text) {
  number_parts parts;
  parts.negative = take(text, "-");
  parts.whole = take_digits(text);
  if (parts.whole.empty() || (parts.whole.size() > 1 && parts.whole.front() == '0')) {
    return std::nullopt;
  }
  if (take(text, ".")) {
    parts.integral = false;
    parts.fraction = take_digits(text);
    if (parts.fraction.empty()) return std::nullopt;
  }
  if (take(text, "eE")) {
    parts.integral = false;
    const auto from = text;
    take(text, "+-");
    if (take_digits(text).empty()) return std::nullopt;
    parts.exponent = from.substr(0, from.size() - text.size());
  }
  if (!text.empty()) return std::nullopt;
  return parts;
}

/// from_chars says only "out of range": whether that was too large or too small
/// follows from the place of the first digit that is not 0.
bool is_large(const number_parts& parts) {
  constexpr long long saturated = 1'000'000'000'000;
  long long exponent = 0;
  auto digits = parts.exponent;
  const bool negative = take(digits, "-");
  if (!negative) take(digits, "+");
  for (const char digit : digits) exponent = std::min(exponent * 10 + (digit - '0'), saturated);
  if (negative) exponent = -exponent;
  if (parts.whole != "0") return exponent + static_cast<long long>(parts.whole.size()) > 0;
  const auto first = parts.fraction.find_first_not_of('0');
  if (first == std::string_view::npos) return false;
  return exponent - static_cast<long long>(first) > 0;
}

std::partial_ordering flip(std::partial_ordering order) {
  return 0 <=> order;
}

std::partial_ordering compare_mixed(std::int64_t left, double right) {
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right >= two_to_63) return std::partial_ordering::less;
  if (right < -two_to_63) return std::partial_ordering::greater;
  // Now the integral part of `right` fits, and the conversion is exact.
  const auto whole = static_cast<std::int64_t>(right);
  if (left != whole) return left <=> whole;
  return 0.0 <=> (right - static_cast<double>(whole));
}

}  // namespace

std::partial_ordering compare(const number& left, const number& right) noexcept {
  if (left.integral && right.integral) return left.integer <=> right.integer;
  if (left.integral) return compare_mixed(left.integer, right.real);
  if (right.integral) return flip(compare_mixed(right.integer, left.real));
  return left.real <=> right.real;
}

bool is_number_text(std::string_view text) noexcept {
  return split(text).has_value();
}

std::optional<number> parse_number(std::string_view text) noexcept {
  // Most texts are no numbers: tell by the first character.
  if (text.empty() || !(is_digit(text.front()) || text.front() == '-')) return std::nullopt;
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  const auto* const end = text.data() + text.size();
  if (parts->integral) {
    std::int64_t value = 0;
    if (std::from_chars(text.data(), end, value).ec == std::errc()) return number::of(value);
  }
  double value = 0;
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec == std::errc() && std::isfinite(value)) return number::of(value);
  if (is_large(*parts)) return std::nullopt;
  return number::of(parts->negative ? -0.0 : 0.0);
}

std::optional<number> number_of(const nlohmann::json& value) noexcept {
  using type = nlohmann::json::value_t;
  switch (value.type()) {
    case type::number_integer:
      return number::of(*value.get_ptr<const std::int64_t*>());
    case type::number_unsigned: {
      const auto wide = *value.get_ptr<const std::uint64_t*>();
      if (wide > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        return number::of(static_cast<double>(wide));
      }
      return number::of(static_cast<std::int64_t>(wide));
    }
    case type::number_float:
      return number::of(*value.get_ptr<const double*>());
    default:
      return std::nullopt;
  }
}

std::string_view number_text(const number& value, char (&buffer)[number_text_max]) noexcept {
  auto* const last = buffer + number_text_max;
  if (value.integral) {
    const auto* const end = std::to_chars(buffer, last, value.integer).ptr;
    return {buffer, static_cast<std::size_t>(end - buffer)};
  }
  // The digits are the shortest ones (to_chars promises that; nlohmann's Grisu
  // is now and then a digit longer); the layout is that of the JSON we send.
  char digits[number_text_max];
  const auto* const end =
      std::to_chars(digits, digits + number_text_max, value.real, std::chars_format::scientific)
          .ptr;
  auto mantissa = std::string_view(digits, static_cast<std::size_t>(end - digits));
  const auto e = mantissa.find('e');
  if (e == std::string_view::npos) return {buffer, 0};  // Not finite: no JSON has it.
  int exponent = 0;
  const bool small = mantissa[e + 1] == '-';
  std::from_chars(mantissa.data() + e + 2, end, exponent);
  if (small) exponent = -exponent;
  mantissa = mantissa.substr(0, e);

  auto* out = buffer;
  if (mantissa.front() == '-') {
    *out++ = '-';
    mantissa.remove_prefix(1);
  }
  char plain[number_text_max];
  int count = 0;
  for (const char c : mantissa) {
    if (c != '.') plain[count++] = c;
  }
  const auto put = [&](const char* from, int n) { out = std::copy(from, from + n, out); };
  if (exponent >= 0 && exponent < 15) {
    const int whole = std::min(count, exponent + 1);
    put(plain, whole);
    out = std::fill_n(out, exponent + 1 - whole, '0');
    *out++ = '.';
    if (count > whole) {
      put(plain + whole, count - whole);
    } else {
      *out++ = '0';
    }
  } else if (exponent < 0 && exponent >= -4) {
    *out++ = '0';
    *out++ = '.';
    out = std::fill_n(out, -exponent - 1, '0');
    put(plain, count);
  } else {
    put(plain, 1);
    if (count > 1) {
      *out++ = '.';
      put(plain + 1, count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    const int magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude < 10) *out++ = '0';
    out = std::to_chars(out, last, magnitude).ptr;
  }
  return {buffer, static_cast<std::size_t>(out - buffer)};
}

std::string number_text(const nlohmann::json& value) {
  const auto found = number_of(value);
  if (!found) return {};
  char buffer[number_text_max];
  return std::string(number_text(*found, buffer));
}

}  // namespace velo::rules
