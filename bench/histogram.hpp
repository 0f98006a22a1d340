// Latencies in logarithmic buckets: constant memory, one increment per delivery,
// and an error below 1.6 % at every magnitude.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace velo::bench {

class histogram {
 public:
  void record(std::uint64_t value) {
    ++counts_[index_of(value)];
    ++total_;
    max_ = std::max(max_, value);
  }

  void clear();

  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  /// Calls each(middle of the bucket, count) for buckets with any, ascending.
  template <class Each>
  void for_each(Each&& each) const {
    for (std::size_t i = 0; i < bucket_count; ++i) {
      if (counts_[i] > 0) each(middle_of(i), counts_[i]);
    }
  }

  /// Returns the value below or at which the fraction `q` (0 to 1) of all values
  /// lies, as the middle of its bucket; 0 when nothing was recorded.
  [[nodiscard]] std::uint64_t percentile(double q) const;

 private:
  // Each power of two is split into 64 buckets; values below 64 are exact.
  static constexpr unsigned split_bits = 6;
  static constexpr std::uint64_t split = 1U << split_bits;
  static constexpr std::size_t bucket_count = (64 - split_bits + 1) * split;

  [[nodiscard]] static std::size_t index_of(std::uint64_t value) {
    if (value < split) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - split_bits - 1;
    return ((shift + 1U) << split_bits) + ((value >> shift) & (split - 1));
  }
  [[nodiscard]] static std::uint64_t middle_of(std::size_t index);

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace velo::bench
