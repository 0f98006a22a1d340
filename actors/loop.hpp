// The fan-out end of one I/O thread: which session listens on which channel,
// under an id that a collection can hold without knowing sockets.
//
// A slot is reused, its generation is not: an event that was under way when its
// attachment ended finds another generation and is dropped.

#pragma once

#include "actors/acknowledgements.hpp"
#include "actors/event_loop.hpp"
#include "actors/interfaces.hpp"
#include "actors/memberships.hpp"
#include "actors/stages.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

/// The attachments of one loop. Its loop's thread only.
class attachments final : private acknowledgements::holder {
 public:
  /// So many events of one subscription are sent without being acknowledged; what comes
  /// then waits here. What is heard twice after a disconnect is no more than that.
  static constexpr std::uint32_t unacknowledged_max = 256;

  explicit attachments(std::string channel_prefix);

  /// A new attachment, not live yet. `owner` must stay until remove().
  attachment_id add(session& owner, const channel_id& channel, bool is_private);
  /// Forgets it; unknown ids are no error.
  void remove(attachment_id id);

  void deliver(const fan_out& message);
  void deliver(const replay_chunk& message);
  void succeed(const attached& message);
  void end(attachment_id id, const subscription_failure& why);

  enum class state : std::uint8_t { gone, pending, live };
  [[nodiscard]] state state_of(attachment_id id) const;
  [[nodiscard]] std::size_t size() const { return slots_.size() - free_.size(); }
  /// Where what clients have acknowledged is reported.
  void report_to(positions_actor positions) { positions_ = std::move(positions); }
  /// Who is told how much is held back until clients have acknowledged the rest; outlives it.
  void count_held(event_loop& by) { held_by_ = &by; }
  /// Asks some clients for their acknowledgement of what they were sent, reports what has
  /// come: all of them in look_phases calls.
  void look_at_acknowledgements();
  /// Whether there is anybody to ask.
  [[nodiscard]] bool needs_look() const;
  static constexpr std::size_t look_phases = 10;

  /// The channel's name on the wire.
  [[nodiscard]] std::string wire_name(const channel_id& channel, bool is_private) const;

  /// What the loop's sessions have with plain channels and users.
  [[nodiscard]] actors::memberships& memberships() { return memberships_; }

 private:
  using event_ptr = std::shared_ptr<const event>;
  /// What was sent before one ping and after the one before it.
  struct sent_part {
    std::uint32_t ping = 0;
    std::uint32_t events = 0;
    std::uint64_t sequence = 0;  // the last
  };
  struct slot {
    session* owner = nullptr;
    std::uint32_t generation = 0;
    bool is_private = false;
    bool live = false;
    bool unreported = false;  // in unreported_
    bool given_up = false;    // too much waited: it gets nothing more
    channel_id channel;
    // Where the positions of the connection are kept, which has a number then:
    std::uint64_t connection = 0;
    std::uint64_t delivered = 0;  // the last sequence, and the ping that follows it
    std::uint32_t ping = 0;
    std::uint32_t since = 0;         // events before that ping, but after the one before
    std::uint32_t unheard = 0;       // events not known to be heard
    std::uint64_t known = 0;         // all up to here is
    std::uint64_t heard = 0;         // and this was reported
    std::vector<sent_part> earlier;  // before earlier pings
    std::unique_ptr<std::deque<event_ptr>> held;
  };

  void track(attachment_id id, slot& s, std::uint64_t sequence);
  void ping_those_due();
  [[nodiscard]] static bool must_wait(slot& s);
  /// False where too much waits: then the socket is closed.
  bool hold(attachment_id id, slot& s, event_ptr what);
  void drop_held(attachment_id id, slot& s);
  void note_held(std::ptrdiff_t bytes) {
    if (held_by_ != nullptr) held_by_->note_held(bytes);
  }
  void release(const std::vector<attachment_id>& waiting) override;
  void drop(const std::vector<attachment_id>& waiting) override;
  /// Up to where its client is known to have heard.
  static std::uint64_t position_of(slot& s);
  void report_left(slot& s);

  slot* find(attachment_id id) { return const_cast<slot*>(std::as_const(*this).find(id)); }
  [[nodiscard]] const slot* find(attachment_id id) const;

  std::string public_prefix_, private_prefix_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  actors::memberships memberships_;
  positions_actor positions_;
  event_loop* held_by_ = nullptr;
  std::array<std::vector<attachment_id>, look_phases> unreported_;  // by slot
  std::size_t look_phase_ = 0;
  std::vector<attachment_id> due_;
  std::vector<attachment_id> waiting_;  // for whose client a replay waits
};

/// Tells `attachments` of its loop what the collections say.
class loop_behavior : public on_loop<loop_actor::base> {
 public:
  /// `owned` and `stages`, where there is one, outlive it.
  loop_behavior(caf::actor_config& config, event_loop& loop, attachments& owned,
                stage_clock* stages = nullptr);

  behavior_type make_behavior() override;
  const char* name() const override { return "loop"; }

 private:
  void deliver(const fan_out& message);
  void look_soon();

  attachments& attachments_;
  stage_clock* stages_;
  bool look_scheduled_ = false;
};

}  // namespace velo::actors
