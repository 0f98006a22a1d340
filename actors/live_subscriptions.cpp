#include "actors/live_subscriptions.hpp"

#include <utility>

namespace velo::actors {

live_subscription* live_subscriptions::find(const channel_id& channel) {
  const auto at = by_channel_.find(channel);
  return at == by_channel_.end() ? nullptr : &at->second;
}

live_subscription& live_subscriptions::add(const channel_id& channel,
                                           live_subscription subscription) {
  remove(channel);
  auto& s = by_channel_.emplace(channel, std::move(subscription)).first->second;
  if (!s.identity_key.empty()) by_identity_.emplace(s.identity_key, &s);
  return s;
}

void live_subscriptions::remove(const channel_id& channel) {
  const auto at = by_channel_.find(channel);
  if (at == by_channel_.end()) return;
  auto [first, last] = by_identity_.equal_range(at->second.identity_key);
  for (; first != last; ++first) {
    if (first->second == &at->second) {
      by_identity_.erase(first);
      break;
    }
  }
  by_channel_.erase(at);
}

void live_subscriptions::rebind(live_subscription& s, rules::predicate bound) {
  s.bound = std::move(bound);
}

void live_subscriptions::match(const storage::change& change, std::string_view now,
                               const visit& found) {
  const rules::subject subject{*change.record, change.action, now};
  for (auto& [channel, s] : by_channel_) {
    if (s.wants(change.action) && rules::evaluate(s.bound, subject)) found(s);
  }
}

void live_subscriptions::for_each(const visit& visitor) {
  for (auto& [channel, s] : by_channel_) visitor(s);
}

void live_subscriptions::for_each_of(const std::string& identity_key, const visit& visitor) {
  const auto [first, last] = by_identity_.equal_range(identity_key);
  for (auto at = first; at != last; ++at) visitor(*at->second);
}

}  // namespace velo::actors
