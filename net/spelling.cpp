#include "net/spelling.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace velo::net {

namespace {

// Damerau's distance, restricted (no letter is moved twice). Three rows of the table suffice.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t word_bytes_max = 100;  // Nothing we know is so long.
  if (word.size() > word_bytes_max) return {};
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  for (const auto& candidate : candidates) {
    const auto d = distance(word, candidate);
    if (d > std::max<std::size_t>(1, candidate.size() / 3)) continue;
    if (nearest != nullptr && d >= least) continue;
    nearest = &candidate;
    least = d;
  }
  return nearest == nullptr ? std::string() : " Did you mean " + *nearest + "?";
}

}  // namespace velo::net
