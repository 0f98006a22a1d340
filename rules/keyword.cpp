#include "rules/keyword.hpp"

#include <algorithm>
#include <array>

namespace velo::rules {

namespace {

struct spelled {
  std::string_view text;
  keyword word;
};

constexpr std::array<spelled, 10> spellings{{{"and", keyword::and_},
                                             {"or", keyword::or_},
                                             {"not", keyword::not_},
                                             {"in", keyword::in},
                                             {"like", keyword::like},
                                             {"ilike", keyword::ilike},
                                             {"is", keyword::is},
                                             {"null", keyword::null},
                                             {"true", keyword::true_},
                                             {"false", keyword::false_}}};

constexpr char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_name_start(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}

}  // namespace

keyword keyword_of(std::string_view word) noexcept {
  if (word.size() < 2 || word.size() > 5) return keyword::none;
  for (const auto& [text, found] : spellings) {
    if (std::equal(word.begin(), word.end(), text.begin(), text.end(),
                   [](char a, char b) { return lower(a) == b; })) {
      return found;
    }
  }
  return keyword::none;
}

bool is_name(std::string_view word) noexcept {
  return !word.empty() && is_name_start(word.front()) &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return is_name_start(c) || is_digit(c); });
}

bool is_digits(std::string_view word) noexcept {
  return !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
}

}  // namespace velo::rules
