#include "net/driver_lanes.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

namespace velo::net {

namespace {

// What one channel of an event takes beside the event's own bytes.
std::size_t bytes_of(const std::string& channel) {
  return channel.size() + sizeof(std::string);
}

std::size_t bytes_of(const outgoing_event& event) {
  return event.name.size() + event.data.size() + event.socket_id.size() + sizeof event;
}

}  // namespace

bool outgoing_call::is_one_event() const {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const auto& p) { return p.event == parts.front().event; });
}

std::size_t outgoing_call::deliveries() const {
  return std::accumulate(parts.begin(), parts.end(), std::size_t{0},
                         [](std::size_t sum, const auto& p) { return sum + p.channels.size(); });
}

driver_lanes::driver_lanes(driver_lanes_options options)
    : options_(options), lanes_(std::max<std::size_t>(options.lanes, 1)) {}

std::size_t driver_lanes::lane_of(std::string_view channel) const {
  return std::hash<std::string_view>{}(channel) % lanes_.size();
}

bool driver_lanes::has_room(std::size_t events, std::size_t bytes) const {
  return events_ + events <= options_.events_max && bytes_ + bytes <= options_.bytes_max;
}

std::size_t driver_lanes::add(outgoing_event event, std::vector<std::string> channels) {
  if (channels.empty()) return 0;
  auto bytes = bytes_of(event);
  for (const auto& channel : channels) bytes += bytes_of(channel);
  std::size_t dropped = 0;
  while (!has_room(channels.size(), bytes)) {
    // What would not fit by itself is no reason to drop what does.
    const bool fits = channels.size() <= options_.events_max && bytes <= options_.bytes_max;
    const auto made = options_.drop_oldest && fits ? drop_oldest() : 0;
    if (made == 0) return dropped + channels.size();
    dropped += made;
  }
  auto shared = std::make_shared<outgoing_event>(std::move(event));
  shared->number = ++last_;
  shared->unsettled = channels.size();
  events_ += channels.size();
  bytes_ += bytes;
  std::vector<std::vector<std::string>> by_lane(lanes_.size());
  for (auto& channel : channels) by_lane[lane_of(channel)].push_back(std::move(channel));
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& all = by_lane[i];
    for (std::size_t from = 0; from < all.size(); from += options_.channels_per_call) {
      const auto to = std::min(all.size(), from + options_.channels_per_call);
      outgoing_part part{shared, {}};
      part.channels.assign(std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(from)),
                           std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(to)));
      lanes_[i].queue.push_back(std::move(part));
    }
  }
  order_.emplace(shared->number, std::move(shared));
  return dropped;
}

std::size_t driver_lanes::drop_oldest() {
  for (const auto& [number, event] : order_) {
    std::size_t dropped = 0;
    std::vector<outgoing_part> gone;
    for (auto& lane : lanes_) {
      // Older events have nothing waiting: what waits of this one is in front.
      while (!lane.queue.empty() && lane.queue.front().event == event) {
        dropped += lane.queue.front().channels.size();
        gone.push_back(std::move(lane.queue.front()));
        lane.queue.pop_front();
      }
    }
    if (dropped == 0) continue;
    for (const auto& part : gone) settle(part);
    return dropped;
  }
  return 0;
}

std::optional<outgoing_call> driver_lanes::next() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto at = (turn_ + i) % lanes_.size();
    const auto& lane = lanes_[at];
    if (lane.held || lane.queue.empty()) continue;
    turn_ = (at + 1) % lanes_.size();
    const auto& queue = lane.queue;
    const bool several = queue.size() > 1 && queue[0].channels.size() + queue[1].channels.size() <=
                                                 options_.events_per_batch;
    auto call = several ? take_batch(at) : take_event(at);
    for (const auto held : call.lanes) lanes_[held].held = true;
    return call;
  }
  return std::nullopt;
}

outgoing_call driver_lanes::take_batch(std::size_t from) {
  outgoing_call call{{from}, {}};
  auto& queue = lanes_[from].queue;
  std::size_t room = options_.events_per_batch;
  while (!queue.empty() && queue.front().channels.size() <= room) {
    room -= queue.front().channels.size();
    call.parts.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return call;
}

outgoing_call driver_lanes::take_event(std::size_t from) {
  outgoing_call call{{from}, {}};
  call.parts.push_back(std::move(lanes_[from].queue.front()));
  lanes_[from].queue.pop_front();
  auto room = options_.channels_per_call - call.parts.front().channels.size();
  const auto event = call.parts.front().event;
  // Lanes that have nothing else to do go along.
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& lane = lanes_[i];
    if (i == from || lane.held || lane.queue.size() != 1) continue;
    auto& part = lane.queue.front();
    if (part.event != event || part.channels.size() > room) continue;
    room -= part.channels.size();
    call.lanes.push_back(i);
    call.parts.push_back(std::move(part));
    lane.queue.pop_front();
  }
  return call;
}

void driver_lanes::done(const outgoing_call& call) {
  for (const auto held : call.lanes) lanes_[held].held = false;
  for (const auto& part : call.parts) settle(part);
}

void driver_lanes::settle(const outgoing_part& part) {
  auto& event = *part.event;
  for (const auto& channel : part.channels) bytes_ -= bytes_of(channel);
  events_ -= part.channels.size();
  event.unsettled -= part.channels.size();
  if (event.unsettled != 0) return;
  bytes_ -= bytes_of(event);
  order_.erase(event.number);
}

std::uint64_t driver_lanes::oldest_unsettled() const {
  return order_.empty() ? last_ + 1 : order_.begin()->first;
}

}  // namespace velo::net
