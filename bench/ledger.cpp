#include "bench/ledger.hpp"

#include <algorithm>

#include "bench/error.hpp"

namespace velo::bench {

ledger::ledger(std::uint32_t subscribers, std::uint32_t classes)
    : classes_(classes), audience_(classes, 0), lines_(classes), positions_(subscribers, 0) {
  for (std::uint32_t i = 0; i < subscribers; ++i) ++audience_[i % classes];
  if (std::ranges::find(audience_, 0U) != audience_.end()) {
    fail("{} subscribers are too few for {} classes", subscribers, classes);
  }
}

std::uint32_t ledger::publish() {
  const auto sequence = published();
  remaining_.push_back(audience(sequence));
  seen_.push_back(false);
  return sequence;
}

void ledger::take_completed(std::vector<std::uint32_t>& into) {
  into.clear();
  into.swap(completed_);
}

void ledger::open(std::uint32_t subscriber, std::uint32_t sequence) {
  if (sequence >= published() || sequence % classes_ != subscriber % classes_ || seen_[sequence]) {
    complain(subscriber, sequence);
  }
  seen_[sequence] = true;
  lines_[subscriber % classes_].push_back(sequence);
}

void ledger::complain(std::uint32_t subscriber, std::uint32_t sequence) const {
  if (sequence >= published()) {
    fail("subscriber {} received event {}, which was never published", subscriber, sequence);
  }
  if (sequence % classes_ != subscriber % classes_) {
    fail("subscriber {} received event {}, which its filter does not match", subscriber, sequence);
  }
  const auto& line = lines_[subscriber % classes_];
  const auto begin = line.begin();
  const auto here = begin + positions_[subscriber];
  if (std::find(begin, here, sequence) != here) {
    fail("the server delivered a double: subscriber {} received event {} twice", subscriber,
         sequence);
  }
  if (here != line.end() && std::find(here, line.end(), sequence) == line.end()) {
    fail("the server broke the order: subscriber {} received event {} where others received {}",
         subscriber, sequence, *here);
  }
  // An event of the line that comes too early: one before it is lost or late.
  fail(
      "the server lost an event or broke the order: subscriber {} received event {} in place of {}",
      subscriber, sequence, *here);
}

std::string ledger::missing() const {
  for (std::uint32_t sequence = 0; sequence < published(); ++sequence) {
    if (remaining_[sequence] == 0) continue;
    const auto all = audience(sequence);
    auto text = fmt::format("event {} reached {} of {} subscribers", sequence,
                            all - remaining_[sequence], all);
    const auto& line = lines_[sequence % classes_];
    const auto place = std::find(line.begin(), line.end(), sequence) - line.begin();
    for (std::uint32_t i = sequence % classes_; i < positions_.size(); i += classes_) {
      if (positions_[i] <= place) return text + fmt::format(", subscriber {} misses it", i);
    }
    return text;
  }
  return "no event is missing";
}

}  // namespace velo::bench
