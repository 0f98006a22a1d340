#include "bench/histogram.hpp"

#include <cmath>

namespace velo::bench {

void histogram::clear() {
  *this = histogram{};
}

std::uint64_t histogram::percentile(double q) const {
  if (total_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(middle_of(i), max_);
  }
  return max_;
}

std::uint64_t histogram::middle_of(std::size_t index) {
  if (index < split) return index;
  const auto shift = (index >> split_bits) - 1;
  return ((split + (index & (split - 1))) << shift) + ((std::uint64_t{1} << shift) >> 1U);
}

}  // namespace velo::bench
