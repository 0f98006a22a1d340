#include "actors/loop.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

// PUSHER_PROTOCOL.md section 4: the client comes back in a second.
constexpr std::uint16_t over_capacity = 4100;
// Each attachment is looked at twice a second, not all at once: their pings and pongs
// would hold up the events that come meanwhile.
constexpr std::chrono::milliseconds look_interval{50};

// The sessions of a large fan-out are not in the cache. What comes soon is asked for
// while this one's frame is queued.
constexpr std::size_t slots_ahead = 16;
constexpr std::size_t owners_ahead = 8;
constexpr std::size_t owner_lines = 6;  // that a delivery touches

void prefetch(const void* object, std::size_t lines) {
  for (std::size_t i = 0; i < lines; ++i)
    __builtin_prefetch(static_cast<const char*>(object) + i * 64);
}

}  // namespace

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
  s.live = s.given_up = false;
  s.channel = channel;
  s.connection = 0;
  s.delivered = s.known = s.heard = 0;
  s.ping = s.since = s.unheard = 0;
  s.earlier.clear();
  return {index, s.generation};
}

void attachments::remove(attachment_id id) {
  auto* s = find(id);
  if (s == nullptr) return;
  report_left(*s);
  drop_held(id, *s);
  if (auto* acks = s->owner->acknowledged()) acks->forget(id);
  s->owner = nullptr;
  s->unreported = false;
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
  const auto& targets = message.targets;
  const auto ahead = [&](std::size_t at) {
    return at < targets.size() && targets[at].slot < slots_.size() ? &slots_[targets[at].slot]
                                                                   : nullptr;
  };
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (const auto* far = ahead(i + slots_ahead)) prefetch(far, 2);
    if (const auto* near = ahead(i + owners_ahead)) prefetch(near->owner, owner_lines);
    const auto id = targets[i];
    auto* s = find(id);
    if (s == nullptr) continue;
    if (s->connection != 0 && must_wait(*s)) {
      hold(id, *s, message.what);
      continue;
    }
    s->owner->deliver(s->is_private ? privately : publicly, s->channel.text());
    if (s->connection != 0) track(id, *s, message.what->sequence);
  }
  ping_those_due();
}

void attachments::deliver(const replay_chunk& message) {
  auto* s = find(message.attachment);
  if (s == nullptr) {
    // Its end is on the way to the collection.
    return;
  }
  for (const auto& e : message.events) {
    if (s->connection != 0 && must_wait(*s)) {
      if (!hold(message.attachment, *s, e)) return;
      continue;
    }
    s->owner->deliver(*e, s->is_private ? private_prefix_ : public_prefix_, s->channel.text());
    // Delivering may have ended it.
    s = find(message.attachment);
    if (s == nullptr) return;
    if (s->connection != 0) track(message.attachment, *s, e->sequence);
  }
  ping_those_due();
  auto* acks = s->owner->acknowledged();
  if (acks == nullptr) {
    if (message.begin) caf::anon_send(message.replayer, replay_request_ptr{message.begin});
    if (message.next) caf::anon_send(message.replayer, replay_on_ptr{message.next});
    return;
  }
  if (message.begin)
    return acks->want_turn({message.attachment, message.replayer, message.begin, nullptr});
  std::optional<acknowledgements::turn> next;
  if (message.next) next = {message.attachment, message.replayer, nullptr, message.next};
  if (!acks->holds_turn(message.attachment)) {
    if (next) acks->want_turn(std::move(*next));
    return;
  }
  s->owner->ask_for_acknowledgement();
  acks->part_sent(std::move(next));
  waiting_.push_back(message.attachment);
}

// -- what clients have heard -------------------------------------------------------

void attachments::track(attachment_id id, slot& s, std::uint64_t sequence) {
  auto* acks = s.owner == nullptr ? nullptr : s.owner->acknowledged();
  if (acks == nullptr || sequence == 0) return;
  const auto ping = acks->next_ping();
  if (s.ping != ping) {
    if (s.since > 0) s.earlier.push_back({s.ping, s.since, s.delivered});
    s.since = 0;
    s.ping = ping;
  }
  s.delivered = sequence;
  ++s.since;
  ++s.unheard;
  if (!std::exchange(s.unreported, true)) unreported_[id.slot % look_phases].push_back(id);
  if (acks->delivered()) due_.push_back(id);
}

// Behind a whole fan-out, so that what is prepared for one session serves the next.
void attachments::ping_those_due() {
  for (const auto id : std::exchange(due_, {}))
    if (auto* s = find(id); s != nullptr && s->owner->acknowledged()->owes_ping())
      s->owner->ask_for_acknowledgement();
}

// -- what waits until clients have heard the rest ------------------------------------

bool attachments::must_wait(slot& s) {
  if (s.held || s.given_up) return true;
  if (s.unheard < unacknowledged_max) [[likely]]
    return false;
  position_of(s);
  return s.unheard >= unacknowledged_max;
}

bool attachments::hold(attachment_id id, slot& s, event_ptr what) {
  const auto bytes = what->data.size();
  if (s.given_up) return false;
  if (!s.owner->acknowledged()->hold(*this, id, bytes)) {
    drop_held(id, s);
    s.given_up = true;
    s.owner->close(over_capacity,
                   "The connection does not keep up: too much waits to be acknowledged.");
    return false;
  }
  if (!s.held) s.held = std::make_unique<std::deque<event_ptr>>();
  s.held->push_back(std::move(what));
  note_held(static_cast<std::ptrdiff_t>(bytes));
  return true;
}

void attachments::drop_held(attachment_id id, slot& s) {
  if (!s.held) return;
  auto* acks = s.owner->acknowledged();
  std::ptrdiff_t bytes = 0;
  for (const auto& e : *s.held) {
    acks->let_go(e->data.size());
    bytes += static_cast<std::ptrdiff_t>(e->data.size());
  }
  acks->no_longer_held(id);
  s.held.reset();
  note_held(-bytes);
}

void attachments::drop(const std::vector<attachment_id>& waiting) {
  for (const auto id : waiting)
    if (auto* s = find(id)) drop_held(id, *s);
}

void attachments::release(const std::vector<attachment_id>& waiting) {
  for (const auto id : waiting) {
    for (auto* s = find(id); s != nullptr && s->held; s = find(id)) {
      position_of(*s);
      auto* acks = s->owner->acknowledged();
      // It may have been sent away over what it was just sent.
      if (acks->given_up()) {
        drop_held(id, *s);
        break;
      }
      if (s->unheard >= unacknowledged_max) {
        acks->still_held(id);
        break;
      }
      const auto e = std::move(s->held->front());
      s->held->pop_front();
      if (s->held->empty()) s->held.reset();
      acks->let_go(e->data.size());
      note_held(-static_cast<std::ptrdiff_t>(e->data.size()));
      track(id, *s, e->sequence);
      s->owner->deliver(*e, s->is_private ? private_prefix_ : public_prefix_, s->channel.text());
    }
  }
  ping_those_due();
}

std::uint64_t attachments::position_of(slot& s) {
  const auto* acks = s.owner->acknowledged();
  if (acks == nullptr) return s.delivered;
  if (s.ping != 0 && s.ping <= acks->heard()) {
    s.earlier.clear();
    s.since = s.unheard = 0;
    return s.known = s.delivered;
  }
  std::erase_if(s.earlier, [&](const sent_part& part) {
    if (part.ping > acks->heard()) return false;
    s.known = std::max(s.known, part.sequence);
    s.unheard -= part.events;
    return true;
  });
  return s.known;
}

void attachments::report_left(slot& s) {
  if (s.connection == 0 || !positions_) return;
  const auto* acks = s.owner->acknowledged();
  if (acks == nullptr) return;
  auto left = std::make_shared<position_reports>();
  left->push_back({s.connection, std::string(acks->socket_id), position_of(s), true, false});
  caf::anon_send(positions_, position_reports_ptr{std::move(left)});
}

void attachments::look_at_acknowledgements() {
  auto reports = std::make_shared<position_reports>();
  // An answer may come while others are asked, and have more sent, which adds to the list.
  look_phase_ = (look_phase_ + 1) % look_phases;
  auto& unreported = unreported_[look_phase_];
  auto looked_at = std::exchange(unreported, {});
  std::erase_if(looked_at, [&](attachment_id id) {
    auto* s = find(id);
    if (s == nullptr) return true;
    auto* acks = s->owner->acknowledged();
    if (acks->owes_ping()) s->owner->ask_for_acknowledgement();
    if (const auto position = position_of(*s); position > s->heard) {
      s->heard = position;
      reports->push_back({s->connection, std::string(acks->socket_id), position, false, false});
    }
    s->unreported = s->delivered > s->heard;
    return !s->unreported;
  });
  unreported.insert(unreported.end(), looked_at.begin(), looked_at.end());
  if (!reports->empty() && positions_)
    caf::anon_send(positions_, position_reports_ptr{std::move(reports)});
  std::erase_if(waiting_, [&](attachment_id id) {
    auto* s = find(id);
    if (s == nullptr) return true;
    auto* acks = s->owner->acknowledged();
    // Whoever does not answer pings, but takes what is sent.
    if (acks->waits() && !s->owner->backlogged() && acks->heard() == 0) acks->release();
    return !acks->waits();
  });
}

bool attachments::needs_look() const {
  return !waiting_.empty() || std::any_of(unreported_.begin(), unreported_.end(),
                                          [](const auto& those) { return !those.empty(); });
}

void attachments::succeed(const attached& message) {
  auto* s = find(message.attachment);
  if (s == nullptr) return;
  s->live = true;
  s->connection = message.connection;
  s->delivered = s->known = s->heard = message.sequence;
  s->ping = s->since = s->unheard = 0;
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
      [this](const fan_out_ptr& message) {
        deliver(*message);
        look_soon();
      },
      [this](const replay_chunk_ptr& message) {
        attachments_.deliver(*message);
        look_soon();
      },
      [this](look_at_acknowledgements) {
        look_scheduled_ = false;
        attachments_.look_at_acknowledgements();
        look_soon();
      },
      [this](const attached& message) { attachments_.succeed(message); },
      [this](const ended_ptr& message) { attachments_.end(message->attachment, message->why); },
      [this](const text_fan_out_ptr& message) { attachments_.memberships().deliver(*message); },
      [this](const membership_refused_ptr& message) {
        attachments_.memberships().refuse(*message);
      },
      [this](const sockets_closed_ptr& message) { attachments_.memberships().close(*message); },
  };
}

void loop_behavior::look_soon() {
  if (look_scheduled_ || !attachments_.needs_look()) return;
  look_scheduled_ = true;
  delayed_send(caf::actor_cast<loop_actor>(this), look_interval, look_at_acknowledgements{});
}

}  // namespace velo::actors
