#include "rules/index/grams.hpp"

#include <algorithm>
#include <string>

namespace velo::rules::index {

namespace {

/// Of bytes that are no UTF-8 the parts depend on where one begins to read.
bool is_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto next = decode(text, i);
    if (!next.valid) return false;
    i += next.bytes;
  }
  return true;
}

}  // namespace

std::vector<gram> required_grams(std::string_view pattern, bool fold) {
  if (!is_utf8(pattern)) return {};
  std::vector<gram> found;
  std::string plain;
  const auto finish = [&] {
    for_each_gram(plain, fold, [&](gram one) { found.push_back(one); });
    plain.clear();
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%' || pattern[i] == '_') {
      finish();
      continue;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    plain += pattern[i];
  }
  finish();
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

bool is_plain_contains(std::string_view pattern) noexcept {
  return !pattern.empty() && pattern.find_first_of("%_\\") == std::string_view::npos &&
         is_utf8(pattern);
}

}  // namespace velo::rules::index
