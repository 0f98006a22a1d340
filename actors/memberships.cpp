#include "actors/memberships.hpp"

namespace velo::actors {

attachment_id memberships::add(session& owner) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  slots_[index].owner = &owner;
  return {index, slots_[index].generation};
}

void memberships::remove(attachment_id id) {
  if (find(id) == nullptr) return;
  auto& s = slots_[id.slot];
  s.owner = nullptr;
  ++s.generation;
  free_.push_back(id.slot);
}

session* memberships::find(attachment_id id) const {
  if (id.slot >= slots_.size()) return nullptr;
  const auto& s = slots_[id.slot];
  return s.generation == id.generation ? s.owner : nullptr;
}

void memberships::deliver(const text_fan_out& message) const {
  for (const auto id : message.targets) {
    if (auto* owner = find(id)) owner->deliver_text(message.frame);
  }
}

void memberships::refuse(const membership_refused& message) {
  auto* owner = find(message.membership);
  if (owner == nullptr) return;
  remove(message.membership);
  owner->subscription_error(message.channel, message.why);
}

void memberships::close(const sockets_closed& message) const {
  for (const auto id : message.targets) {
    if (auto* owner = find(id)) owner->close(message.code, message.reason);
  }
}

}  // namespace velo::actors
