// Holds back what may be taken back: a channel that was left, a member that
// went. Who returns in time was never away, as far as webhooks tell. What comes
// behind on the same channel waits, so that its order is kept.
//
// Pure: no clock, no actor.

#pragma once

#include "actors/webhook_event.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

class webhook_order {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct held_event {
    webhook_event_ptr what;
    std::uint64_t number = 0;       ///< Whatever the caller gave.
    std::optional<time_point> due;  ///< Until then it may be taken back; nothing: it is certain.
  };

  explicit webhook_order(std::chrono::milliseconds delay) : delay_(delay) {}

  /// The number of the event that `what` takes back: a vacated channel is occupied
  /// again, a removed member is there again. Both are then forgotten.
  std::optional<std::uint64_t> take_back(const webhook_event& what);

  /// Queues an event that takes none back. `certain` ones are not held for themselves;
  /// the others for the delay, or for `longer`.
  void add(webhook_event_ptr what, std::uint64_t number, time_point now, bool certain,
           std::chrono::milliseconds longer = {});

  /// Whether an event on this channel has to wait.
  [[nodiscard]] bool waits(const webhook_event& what) const;

  /// What is to be told now, in order, off the queue.
  std::vector<held_event> release(time_point now);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// When release() will have something; nothing while it is empty.
  [[nodiscard]] std::optional<time_point> next_due() const;

 private:
  using channel_queue = std::deque<held_event>;

  const std::chrono::milliseconds delay_;
  std::unordered_map<std::string, channel_queue> channels_;
  std::deque<std::pair<time_point, std::string>> timers_;  // in the order of time
  std::size_t size_ = 0;
};

/// Whether the opposite may follow so soon that nobody needs to know.
[[nodiscard]] bool may_be_taken_back(webhook_event_kind kind);

}  // namespace velo::actors
