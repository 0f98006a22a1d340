// How likely a leaf is to hold: what it did lately, and what is known before.

#include <algorithm>
#include <cmath>

#include "rules/index/leaf_store.hpp"

namespace velo::rules::index {

double leaf_store::probability(leaf_number leaf) const noexcept {
  constexpr double weight = 20;  ///< Of what is likely, in events.
  if (is_range(leaf)) return probability(ranges_.slot_of(leaf), range_of(leaf));
  const auto& known = leaf_record(leaf);
  if (known.mode == leaf_mode::general) return 0.5;
  const auto& use = uses_[known.slot];
  double prior = 0.05;
  if (!is_gram(known.mode)) {
    // What many ask for is likely to come; what few ask for is as likely as any.
    const auto m = static_cast<std::size_t>(known.mode);
    prior = std::max(static_cast<double>(known.uses) / std::max(1U, use.leaf_uses[m]),
                     1.0 / std::max(1U, use.leaves[m]));
  }
  const auto age = std::min<unsigned>(31, static_cast<std::uint16_t>(epoch_ - known.hits_epoch));
  const double hits = known.hits >> age;
  return std::min(1.0, (hits + weight * prior) / (window_ + weight));
}

double leaf_store::probability(slot_number slot, interval range) const noexcept {
  const auto& use = uses_[slot];
  const auto count = std::min<std::size_t>(use.sampled, use.samples.size());
  if (count < 8) return std::isinf(range.lo) || std::isinf(range.hi) ? 0.5 : 0.1;
  const auto inside =
      std::count_if(use.samples.begin(), use.samples.begin() + static_cast<std::ptrdiff_t>(count),
                    [&](float sample) { return range.holds(sample); });
  return (static_cast<double>(inside) + 0.5) / static_cast<double>(count + 1);
}

void leaf_store::lead(leaf_number leaf) {
  ++leaf_record(leaf).leads;
}
void leaf_store::unlead(leaf_number leaf) {
  --leaf_record(leaf).leads;
}

void leaf_store::count_event() {
  ++events_;
  window_ += 1;
  if (events_ % 4096 == 0) {
    ++epoch_;
    window_ /= 2;
  }
}

}  // namespace velo::rules::index
