// How long a change takes on its way from the request to its last socket, stage
// by stage. A stage ends where the next begins, on another thread as a rule, so
// the moment travels with the message; 0 stands for "nobody measures".

#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace velo::actors {

enum class stage : std::uint8_t {
  parse,      ///< From the request's head to the store: reading, authorising.
  commit,     ///< Until it is durable, with the wait for the transaction before it.
  match,      ///< Until all who hear of it are known and the event is rendered.
  hand_over,  ///< Until the thread of the sockets begins with it.
  write,      ///< Until that thread has handed the kernel what it takes.
};
inline constexpr std::size_t stage_count = 5;

/// Durations in powers of two of a microsecond. Any thread.
class duration_histogram {
 public:
  /// Bucket i holds what took less than 2^i microseconds (and not less than half
  /// of that); the last one also holds everything longer, about 8 s.
  static constexpr std::size_t bucket_count = 24;

  void record(std::chrono::nanoseconds duration) {
    const auto ns = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
    const auto bucket = static_cast<std::size_t>(std::bit_width(ns / 1000));
    buckets_[bucket < bucket_count ? bucket : bucket_count - 1].fetch_add(
        1, std::memory_order_relaxed);
    sum_ns_.fetch_add(ns, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint64_t bucket(std::size_t index) const {
    return buckets_[index].load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::chrono::nanoseconds sum() const {
    return std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed));
  }

 private:
  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// One for an engine. Counts per change and thread, never per delivery.
class stage_clock {
 public:
  /// Before the first change only.
  void turn_on() { on_ = true; }

  /// Nanoseconds of the steady clock, or 0 without a look at it.
  [[nodiscard]] std::int64_t now() const {
    return on_ ? std::chrono::steady_clock::now().time_since_epoch().count() : 0;
  }

  /// Ends a stage that began at `began`; returns when, for the next.
  std::int64_t end(stage which, std::int64_t began) {
    if (!on_ || began == 0) return 0;
    const auto ended = now();
    histograms_[static_cast<std::size_t>(which)].record(std::chrono::nanoseconds(ended - began));
    return ended;
  }

  [[nodiscard]] const duration_histogram& of(stage which) const {
    return histograms_[static_cast<std::size_t>(which)];
  }

 private:
  bool on_ = false;
  std::array<duration_histogram, stage_count> histograms_;
};

}  // namespace velo::actors
