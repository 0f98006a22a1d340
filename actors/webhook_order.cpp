#include "actors/webhook_order.hpp"

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

// What `kind` takes back, if anything.
std::optional<webhook_event_kind> opposite(webhook_event_kind kind) {
  if (kind == webhook_event_kind::channel_occupied) return webhook_event_kind::channel_vacated;
  if (kind == webhook_event_kind::member_added) return webhook_event_kind::member_removed;
  return std::nullopt;
}

}  // namespace

bool may_be_taken_back(webhook_event_kind kind) {
  return kind == webhook_event_kind::channel_vacated || kind == webhook_event_kind::member_removed;
}

std::optional<std::uint64_t> webhook_order::take_back(const webhook_event& what) {
  const auto wanted = opposite(what.kind);
  const auto channel = wanted ? channels_.find(what.channel) : channels_.end();
  if (channel == channels_.end()) return std::nullopt;
  auto& queue = channel->second;
  const auto found = std::find_if(queue.begin(), queue.end(), [&](const held_event& h) {
    return h.due && h.what->kind == *wanted && h.what->user_id == what.user_id;
  });
  if (found == queue.end()) return std::nullopt;
  const auto number = found->number;
  queue.erase(found);
  --size_;
  // What waited behind it can go with the next release().
  if (queue.empty())
    channels_.erase(channel);
  else
    timers_.emplace_front(time_point::min(), what.channel);
  return number;
}

bool webhook_order::waits(const webhook_event& what) const {
  return may_be_taken_back(what.kind) || channels_.contains(what.channel);
}

void webhook_order::add(webhook_event_ptr what, std::uint64_t number, time_point now, bool certain,
                        std::chrono::milliseconds longer) {
  held_event held{std::move(what), number, {}};
  if (!certain && may_be_taken_back(held.what->kind)) held.due = now + std::max(delay_, longer);
  auto& queue = channels_[held.what->channel];
  if (held.due)
    timers_.emplace(std::upper_bound(timers_.begin(), timers_.end(), *held.due,
                                     [](time_point due, const auto& t) { return due < t.first; }),
                    *held.due, held.what->channel);
  else if (queue.empty())
    timers_.emplace_front(time_point::min(), held.what->channel);
  // Otherwise it goes with what it waits for.
  queue.push_back(std::move(held));
  ++size_;
}

std::vector<webhook_order::held_event> webhook_order::release(time_point now) {
  std::vector<held_event> out;
  while (!timers_.empty() && timers_.front().first <= now) {
    const auto name = std::move(timers_.front().second);
    timers_.pop_front();
    const auto channel = channels_.find(name);
    if (channel == channels_.end()) continue;
    auto& queue = channel->second;
    while (!queue.empty() && (!queue.front().due || *queue.front().due <= now)) {
      out.push_back(std::move(queue.front()));
      queue.pop_front();
      --size_;
    }
    if (queue.empty()) channels_.erase(channel);
  }
  return out;
}

std::optional<webhook_order::time_point> webhook_order::next_due() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.front().first;
}

}  // namespace velo::actors
