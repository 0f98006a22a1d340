#include "rules/index/range_leaves.hpp"

#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace velo::rules::index {

std::optional<leaf_number> range_leaves::add(slot_number slot, interval range) {
  if (open_.size() <= slot) open_.resize(slot + 1);
  auto& open = open_[slot];
  if (open.empty()) {
    std::uint32_t fresh = 0;
    if (!free_.empty()) {
      fresh = free_.back();
      free_.pop_back();
    } else if (end() < max) {
      if (groups_.empty()) groups_.emplace_back();
      fresh = static_cast<std::uint32_t>(groups_.size());
      groups_.emplace_back();
      uses_.resize(end());
    } else {
      return std::nullopt;
    }
    auto& made = groups_[fresh];
    made.lo.fill(infinity);
    made.hi.fill(-infinity);
    made.slot = slot;
    made.used = 0;
    open.push_back(fresh);
  }
  const auto number = open.back();
  auto& into = groups_[number];
  const auto lane = static_cast<std::uint32_t>(std::countr_one(into.used));
  into.used |= 1U << lane;
  into.lo[lane] = range.lo;
  into.hi[lane] = range.hi;
  if (std::popcount(into.used) == lanes) open.pop_back();
  const auto leaf = static_cast<leaf_number>(number * lanes + lane);
  uses_[leaf] = 1;
  return leaf;
}

void range_leaves::remove(leaf_number leaf) {
  const auto number = static_cast<std::uint32_t>(leaf / lanes);
  const auto lane = leaf % lanes;
  auto& from = groups_[number];
  auto& open = open_[from.slot];
  if (std::popcount(from.used) == lanes) open.push_back(number);
  from.used &= ~(1U << lane);
  from.lo[lane] = infinity;
  from.hi[lane] = -infinity;
  if (from.used != 0) return;
  std::erase(open, number);
  from.slot = 0;
  free_.push_back(number);
}

void range_leaves::clear() {
  // Not `= {}`, which keeps the memory.
  groups_ = std::vector<group>();
  uses_ = std::vector<std::uint32_t>();
  open_ = std::vector<std::vector<std::uint32_t>>();
  free_ = std::vector<std::uint32_t>();
}

void range_leaves::judge(const double* numbers, std::uint8_t* truths) const noexcept {
  for (std::size_t number = 1; number < groups_.size(); ++number) {
    const auto& at = groups_[number];
    auto* const out = truths + number * lanes * 2;
    const double value = numbers[at.slot];
#if defined(__SSE2__)
    const auto values = _mm_set1_pd(value);
    const auto inside = [&](std::size_t i) {
      return _mm_castpd_si128(_mm_and_pd(_mm_cmple_pd(_mm_loadu_pd(&at.lo[i]), values),
                                         _mm_cmple_pd(values, _mm_loadu_pd(&at.hi[i]))));
    };
    // Narrowed twice, each verdict is two bytes, of which the second is to be the opposite.
    const auto second = _mm_set1_epi16(static_cast<short>(0xFF00));
    for (std::size_t i = 0; i < lanes; i += 8) {
      const auto first_four = _mm_packs_epi32(inside(i), inside(i + 2));
      const auto last_four = _mm_packs_epi32(inside(i + 4), inside(i + 6));
      const auto verdicts = _mm_xor_si128(_mm_packs_epi16(first_four, last_four), second);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * 2),
                       _mm_and_si128(verdicts, _mm_set1_epi8(1)));
    }
#else
    for (std::size_t i = 0; i < lanes; ++i) {
      const bool inside = (value >= at.lo[i]) & (value <= at.hi[i]);
      out[i * 2] = static_cast<std::uint8_t>(inside);
      out[i * 2 + 1] = static_cast<std::uint8_t>(!inside);
    }
#endif
  }
}

std::size_t range_leaves::memory_bytes() const noexcept {
  auto bytes = groups_.capacity() * sizeof(group) + uses_.capacity() * sizeof(std::uint32_t) +
               open_.capacity() * sizeof(std::vector<std::uint32_t>) +
               free_.capacity() * sizeof(std::uint32_t);
  for (const auto& one : open_) bytes += one.capacity() * sizeof(std::uint32_t);
  return bytes;
}

}  // namespace velo::rules::index
