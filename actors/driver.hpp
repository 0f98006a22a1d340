// A driver: a way out for matched events other than this server's own WebSockets.
//
// Whoever writes one implements `driver_actor` and gives it to engine::open_drivers
// (docs/drivers.md). A driver is told of each change once, with the rendered event
// and all the channels that are to hear of it; who may hear what was decided before.

#pragma once

#include "actors/messages.hpp"
#include "rules/action.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace velo::actors {

/// One channel on which a matched event is to be heard.
struct driver_channel {
  std::string name;  ///< As clients subscribe to it: `private-` where it is, prefix and UUID.
  /// The writer may leave his own socket out of it: `matched_event::socket_id` is not
  /// to hear the event here. Never set where `socket_id` is empty.
  bool leaves_origin_out = false;
};

/// A change, or part of a replay, with those behind the driver who are to hear of it.
/// Immutable and shared; nothing hidden from its receivers is in it.
struct matched_event {
  std::string collection;  ///< Its name.
  /// What happened; nothing for what tells no single change (`snapshot`, `reset`).
  std::string action;
  std::string record_id;  ///< Empty where the driver tells a replay, a snapshot or a reset.
  /// Name and payload, the payload escaped as the inside of a JSON string; see payload().
  std::shared_ptr<const event> what;
  std::string socket_id;                 ///< The socket that caused it; may be empty.
  std::vector<driver_channel> channels;  ///< At least one; none twice.
};
using matched_event_ptr = std::shared_ptr<const matched_event>;

/// What a driver understands. The events of one collection (of one shard, where it has
/// several) arrive in the order of its changes.
using driver_actor = caf::typed_actor<
    // To be handed on to the channels that it names. Must not block for long: what waits
    // in the mailbox is not bounded, so a driver bounds what it keeps itself.
    caf::reacts_to<matched_event_ptr>,
    // Answered once every event told before was handed on or given up. Long replays go on
    // when it is answered, and a stopping engine waits for it, a few seconds at most.
    caf::replies_to<flush>::with<ack>>;

/// The payload as JSON text: `{"action":...,"record":{...}}`.
[[nodiscard]] std::string payload(const event& e);

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::matched_event_ptr)
