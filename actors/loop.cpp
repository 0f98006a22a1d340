#include "actors/loop.hpp"

#include <utility>

namespace velo::actors {

attachments::attachments(std::string channel_prefix)
    : public_prefix_(std::move(channel_prefix)), private_prefix_("private-" + public_prefix_) {}

attachment_id attachments::add(session& owner, const channel_id& channel, bool is_private) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& s = slots_[index];
  s.owner = &owner;
  s.is_private = is_private;
  s.live = false;
  s.channel = channel;
  return {index, s.generation};
}

void attachments::remove(attachment_id id) {
  auto* s = find(id);
  if (s == nullptr) return;
  s->owner = nullptr;
  ++s->generation;
  free_.push_back(id.slot);
}

const attachments::slot* attachments::find(attachment_id id) const {
  if (id.slot >= slots_.size()) return nullptr;
  const auto& s = slots_[id.slot];
  return s.owner != nullptr && s.generation == id.generation ? &s : nullptr;
}

void attachments::deliver(const fan_out& message) {
  delivery publicly{message.what, public_prefix_};
  delivery privately{message.what, private_prefix_};
  for (const auto id : message.targets) {
    if (const auto* s = find(id))
      s->owner->deliver(s->is_private ? privately : publicly, s->channel.text());
  }
}

void attachments::succeed(attachment_id id) {
  auto* s = find(id);
  if (s == nullptr) return;
  s->live = true;
  s->owner->subscription_succeeded(wire_name(s->channel, s->is_private));
}

attachments::state attachments::state_of(attachment_id id) const {
  const auto* s = find(id);
  if (s == nullptr) return state::gone;
  return s->live ? state::live : state::pending;
}

void attachments::end(attachment_id id, const subscription_failure& why) {
  auto* s = find(id);
  if (s == nullptr) return;
  auto& owner = *s->owner;
  const auto name = wire_name(s->channel, s->is_private);
  remove(id);
  owner.subscription_error(name, why);
}

std::string attachments::wire_name(const channel_id& channel, bool is_private) const {
  return (is_private ? private_prefix_ : public_prefix_) + channel.str();
}

loop_behavior::loop_behavior(caf::actor_config& config, event_loop& loop, attachments& owned,
                             stage_clock* stages)
    : on_loop(config, loop), attachments_(owned), stages_(stages) {}

void loop_behavior::deliver(const fan_out& message) {
  const auto began = stages_ != nullptr ? stages_->end(stage::hand_over, message.began) : 0;
  attachments_.deliver(message);
  if (began != 0) {
    loop().after_output([stages = stages_, began] { stages->end(stage::write, began); });
  }
}

loop_behavior::behavior_type loop_behavior::make_behavior() {
  return {
      [this](const fan_out_ptr& message) { deliver(*message); },
      [this](const attached& message) { attachments_.succeed(message.attachment); },
      [this](const ended_ptr& message) { attachments_.end(message->attachment, message->why); },
      [this](const text_fan_out_ptr& message) { attachments_.memberships().deliver(*message); },
      [this](const membership_refused_ptr& message) {
        attachments_.memberships().refuse(*message);
      },
      [this](const sockets_closed_ptr& message) { attachments_.memberships().close(*message); },
  };
}

}  // namespace velo::actors
