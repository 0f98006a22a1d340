#include "rules/like.hpp"

#include <algorithm>
#include <array>

#include "rules/utf8.hpp"

namespace velo::rules {

namespace {

/// Most texts are ASCII, and these two are the inner loop.
template <bool Fold>
bool ascii(char byte, code_point& found) noexcept {
  if (static_cast<unsigned char>(byte) >= 0x80) return false;
  const bool upper = Fold && byte >= 'A' && byte <= 'Z';
  found.value = static_cast<char32_t>(upper ? byte + 32 : byte);
  return true;
}

template <bool Fold>
code_point next(std::string_view text, std::size_t position) noexcept {
  if (code_point found; ascii<Fold>(text[position], found)) return found;
  auto found = decode(text, position);
  if constexpr (Fold) found.value = fold_case(found.value);
  return found;
}

template <bool Fold>
code_point previous(std::string_view text, std::size_t end) noexcept {
  if (code_point found; ascii<Fold>(text[end - 1], found)) return found;
  auto found = decode_back(text, end);
  if constexpr (Fold) found.value = fold_case(found.value);
  return found;
}

constexpr std::size_t word_bits = 64;

void set(std::uint64_t* mask, std::size_t bit) {
  mask[bit / word_bits] |= std::uint64_t{1} << (bit % word_bits);
}

bool test(const std::uint64_t* mask, std::size_t bit) {
  return (mask[bit / word_bits] >> (bit % word_bits) & 1U) != 0;
}

}  // namespace

like_pattern::like_pattern(std::string_view pattern, bool fold) : fold_(fold), segments_(1) {
  bool wild = false;
  for (std::size_t i = 0; i < pattern.size();) {
    if (pattern[i] == '%') {
      wild = true;
      segments_.emplace_back();
      ++i;
      continue;
    }
    auto& current = segments_.back();
    if (pattern[i] == '_') {
      wild = true;
      current.has_any = true;
      current.units.push_back(any);
      ++i;
      continue;
    }
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    const auto found = decode(pattern, i);
    current.units.push_back(fold ? fold_case(found.value) : found.value);
    i += found.bytes;
  }
  if (!wild) {
    segments_.emplace(segments_.begin());
    segments_.emplace_back();
  }
  if (segments_.size() > 2) {
    // `%%` is `%`.
    std::erase_if(segments_, [this](const segment& s) {
      return s.units.empty() && &s != &segments_.front() && &s != &segments_.back();
    });
  }
  for (std::size_t i = 1; i + 1 < segments_.size(); ++i) segments_[i].prepare();
}

void like_pattern::segment::prepare() {
  if (!has_any) {
    failure.assign(units.size(), 0);
    std::uint32_t matched = 0;
    for (std::size_t i = 1; i < units.size(); ++i) {
      while (matched > 0 && units[i] != units[matched]) matched = failure[matched - 1];
      if (units[i] == units[matched]) ++matched;
      failure[i] = matched;
    }
    return;
  }
  words = (units.size() + word_bits - 1) / word_bits;
  any_mask.assign(words, 0);
  std::vector<std::pair<char32_t, std::uint32_t>> places;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i] == any) {
      set(any_mask.data(), i);
    } else {
      places.emplace_back(units[i], static_cast<std::uint32_t>(i));
    }
  }
  std::sort(places.begin(), places.end());
  for (auto from = places.begin(); from != places.end();) {
    const auto to = std::find_if(from, places.end(),
                                 [&](const auto& place) { return place.first != from->first; });
    const auto count = static_cast<std::size_t>(to - from);
    if (count > words) {
      const auto row = rows.size();
      entries.push_back({from->first, static_cast<std::uint32_t>(row), 0});
      rows.insert(rows.end(), any_mask.begin(), any_mask.end());
      for (; from != to; ++from) set(rows.data() + row, from->second);
    } else {
      entries.push_back({from->first, static_cast<std::uint32_t>(positions.size()),
                         static_cast<std::uint32_t>(count)});
      for (; from != to; ++from) positions.push_back(from->second);
    }
  }
}

bool like_pattern::matches(std::string_view text) const {
  return fold_ ? run<true>(text) : run<false>(text);
}

template <bool Fold>
bool like_pattern::run(std::string_view text) const {
  std::size_t begin = 0;
  for (const auto unit : segments_.front().units) {
    if (begin == text.size()) return false;
    const auto found = next<Fold>(text, begin);
    if (unit != any && unit != found.value) return false;
    begin += found.bytes;
  }
  if (segments_.size() == 1) return begin == text.size();

  const auto& tail = segments_.back().units;
  std::size_t end = text.size();
  for (auto unit = tail.rbegin(); unit != tail.rend(); ++unit) {
    if (end <= begin) return false;
    const auto found = previous<Fold>(text, end);
    if (*unit != any && *unit != found.value) return false;
    end -= found.bytes;
  }

  text = text.substr(0, end);
  for (std::size_t i = 1; i + 1 < segments_.size(); ++i) {
    if (!find<Fold>(segments_[i], text, begin)) return false;
  }
  return true;
}

template <bool Fold>
bool like_pattern::find(const segment& wanted, std::string_view text, std::size_t& position) {
  // A code point has at least a byte: saves the search where it cannot succeed.
  if (text.size() - position < wanted.units.size()) return false;
  return wanted.has_any ? find_any<Fold>(wanted, text, position)
                        : find_plain<Fold>(wanted, text, position);
}

template <bool Fold>
bool like_pattern::find_plain(const segment& wanted, std::string_view text, std::size_t& position) {
  const auto& units = wanted.units;
  std::size_t matched = 0;
  while (matched < units.size()) {
    if (!Fold && matched == 0 && units[0] < 0x80) {
      position = text.find(static_cast<char>(units[0]), position);
      if (position == std::string_view::npos) return false;
    }
    if (position >= text.size()) return false;
    const auto found = next<Fold>(text, position);
    position += found.bytes;
    while (matched > 0 && units[matched] != found.value) matched = wanted.failure[matched - 1];
    if (units[matched] == found.value) ++matched;
  }
  return true;
}

template <bool Fold>
bool like_pattern::find_any(const segment& wanted, std::string_view text, std::size_t& position) {
  const auto words = wanted.words;
  constexpr std::size_t few = 64;
  std::array<std::uint64_t, few> state_array{};
  std::array<std::uint32_t, few> kept_array;
  std::vector<std::uint64_t> state_vector;
  std::vector<std::uint32_t> kept_vector;
  auto* state = state_array.data();
  auto* kept = kept_array.data();  // At most one position a word, see prepare().
  if (words > few) {
    state_vector.resize(words);
    kept_vector.resize(words);
    state = state_vector.data();
    kept = kept_vector.data();
  }
  const auto last = wanted.units.size() - 1;
  while (position < text.size()) {
    const auto found = next<Fold>(text, position);
    position += found.bytes;
    // Bit i of the shifted state: the i units before this character matched.
    std::uint64_t carry = 1;
    for (std::size_t w = 0; w < words; ++w) {
      const auto shifted = state[w] << 1U | carry;
      carry = state[w] >> (word_bits - 1);
      state[w] = shifted;
    }
    const auto entry =
        std::lower_bound(wanted.entries.begin(), wanted.entries.end(), found.value,
                         [](const segment::entry& e, char32_t unit) { return e.unit < unit; });
    const bool known = entry != wanted.entries.end() && entry->unit == found.value;
    if (known && entry->count == 0) {
      const auto* row = wanted.rows.data() + entry->first;
      for (std::size_t w = 0; w < words; ++w) state[w] &= row[w];
    } else {
      std::size_t count = 0;
      if (known) {
        for (std::uint32_t i = 0; i < entry->count; ++i) {
          const auto place = wanted.positions[entry->first + i];
          if (test(state, place)) kept[count++] = place;
        }
      }
      for (std::size_t w = 0; w < words; ++w) state[w] &= wanted.any_mask[w];
      for (std::size_t i = 0; i < count; ++i) set(state, kept[i]);
    }
    if (test(state, last)) return true;
  }
  return false;
}

}  // namespace velo::rules
