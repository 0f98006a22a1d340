#include "rules/rule.hpp"

#include "rules/parser.hpp"

namespace velo::rules {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

result<rule> rule::parse(const std::optional<std::string>& text, const limits& bounds,
                         std::vector<warning>* warnings) {
  if (!text) return rule();
  const bool fits = text->size() <= bounds.expression_bytes;
  if (fits && without_blanks(*text) == "SUPERUSER_ONLY") return rule();
  auto condition = rules::parse(*text, bounds, warnings);
  if (!condition) return condition.error();
  return rule(std::move(*condition));
}

const expression& rule::condition() const noexcept {
  static const expression nobody(false);
  return condition_ ? *condition_ : nobody;
}

}  // namespace velo::rules
