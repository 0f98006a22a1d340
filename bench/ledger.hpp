// The proof that nothing was lost, doubled or reordered, cheap enough to run on
// every delivery of every measurement.
//
// Subscribers are dealt into classes; event s goes to class s % classes and to
// nobody else (one class: to everyone). The first subscriber of a class to see
// its k-th event defines what the k-th event is, and everyone else of the class
// must see the same one at the same place. A sequence enters a line once. So
// equal lines mean exactly once and one order for all, at the price of one
// comparison, and it also holds when 64 publishers race for the order.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace velo::bench {

class ledger {
 public:
  ledger(std::uint32_t subscribers, std::uint32_t classes);

  /// Announces the next event and returns its sequence.
  std::uint32_t publish();

  /// How many subscribers event `sequence` must reach.
  [[nodiscard]] std::uint32_t audience(std::uint32_t sequence) const {
    return audience_[sequence % classes_];
  }
  [[nodiscard]] std::uint32_t classes() const { return classes_; }
  [[nodiscard]] std::uint32_t published() const {
    return static_cast<std::uint32_t>(remaining_.size());
  }

  /// Notes that `subscriber` received `sequence`. Throws what is wrong with it.
  void deliver(std::uint32_t subscriber, std::uint32_t sequence) {
    auto& position = positions_[subscriber];
    auto& line = classes_ == 1 ? lines_[0] : lines_[subscriber % classes_];
    if (position == line.size()) {
      open(subscriber, sequence);
    } else if (line[position] != sequence) {
      complain(subscriber, sequence);
    }
    ++position;
    if (--remaining_[sequence] == 0) completed_.push_back(sequence);
  }

  /// The events that reached their last subscriber since the last call.
  void take_completed(std::vector<std::uint32_t>& into);

  /// Says who misses what: "event 12 reached 999 of 1000 subscribers; ...".
  [[nodiscard]] std::string missing() const;

 private:
  void open(std::uint32_t subscriber, std::uint32_t sequence);
  [[noreturn]] void complain(std::uint32_t subscriber, std::uint32_t sequence) const;

  std::uint32_t classes_;
  std::vector<std::uint32_t> audience_;            // by class
  std::vector<std::vector<std::uint32_t>> lines_;  // by class: its events in order
  std::vector<std::uint32_t> positions_;           // by subscriber: place in its line
  std::vector<std::uint32_t> remaining_;           // by sequence: deliveries to come
  std::vector<bool> seen_;                         // by sequence: already in a line
  std::vector<std::uint32_t> completed_;
};

}  // namespace velo::bench
