#include "rules/time_text.hpp"

#include <algorithm>

namespace velo::rules {

namespace {

constexpr std::string_view form = "0000-00-00 00:00:00.000Z";

void put(std::string& text, std::size_t position, std::size_t digits, unsigned value) {
  for (std::size_t i = digits; i-- > 0; value /= 10) {
    text[position + i] = static_cast<char>('0' + value % 10);
  }
}

unsigned get(std::string_view text, std::size_t position, std::size_t digits) {
  unsigned value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    value = value * 10 + static_cast<unsigned>(text[position + i] - '0');
  }
  return value;
}

}  // namespace

std::string format_time(moment when) {
  using namespace std::chrono;
  constexpr moment first = sys_days(year{0} / January / 1);
  constexpr moment last = moment(sys_days(year{10000} / January / 1)) - milliseconds(1);
  when = std::clamp(when, first, last);
  const auto midnight = floor<days>(when);
  const year_month_day date(midnight);
  const hh_mm_ss time(when - midnight);
  std::string text(form);
  put(text, 0, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put(text, 5, 2, static_cast<unsigned>(date.month()));
  put(text, 8, 2, static_cast<unsigned>(date.day()));
  put(text, 11, 2, static_cast<unsigned>(time.hours().count()));
  put(text, 14, 2, static_cast<unsigned>(time.minutes().count()));
  put(text, 17, 2, static_cast<unsigned>(time.seconds().count()));
  put(text, 20, 3, static_cast<unsigned>(time.subseconds().count()));
  return text;
}

std::optional<moment> parse_time(std::string_view text) noexcept {
  using namespace std::chrono;
  if (text.size() != form.size()) return std::nullopt;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool fits = form[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!fits) return std::nullopt;
  }
  const year_month_day date(year(static_cast<int>(get(text, 0, 4))), month(get(text, 5, 2)),
                            day(get(text, 8, 2)));
  const auto hour = get(text, 11, 2);
  const auto minute = get(text, 14, 2);
  const auto second = get(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return moment(sys_days(date)) + hours(hour) + minutes(minute) + seconds(second) +
         milliseconds(get(text, 20, 3));
}

}  // namespace velo::rules
