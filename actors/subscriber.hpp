// Subscriptions of an application's own actors: what engine::subscribe takes, and
// what the actor hears. The rules and filters of clients hold for them too.

#pragma once

#include "actors/channel_id.hpp"
#include "actors/identity.hpp"
#include "actors/session.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace velo::actors {

/// What an actor wants to hear of (HTTP_API.md, 'Realtime').
struct subscription {
  std::string collection{};  ///< Name or id.
  std::string filter{};      ///< Empty: every record.
  identity who{.kind = identity_kind::superuser};
  std::vector<std::string> events{};  ///< Of created, updated, deleted; empty: all.
  std::vector<std::string> fields{};  ///< Of the record; empty: all that `who` may see.
  bool transitions = false;
  bool sequence = false;                 ///< Each payload also has `sequence` and `epoch`.
  bool snapshot = false;                 ///< Begins with the records that match now.
  std::optional<std::uint64_t> since{};  ///< Begins with what happened after it.
  std::string epoch{};                   ///< Of `since`; empty: not told.
};

/// A subscription as it began: events after `sequence` follow.
struct subscription_begun {
  channel_id id;
  std::uint64_t sequence = 0;
  std::string epoch;  ///< To give back with the last sequence heard, after a restart.
};

/// One event of a subscription. The payload is read once for all who hear of it.
struct subscription_event {
  channel_id subscription;
  std::string name;  ///< As the engine's option `event_name` forms it.
  /// `{"action", "record"}`; `{"action": "snapshot", "records", ...}`; `{"action": "reset"}`:
  /// there is a gap, begin anew.
  std::shared_ptr<const nlohmann::json> payload;
  std::uint64_t sequence = 0;  ///< Of the change it tells; 0 where it tells none.
};
using subscription_event_ptr = std::shared_ptr<const subscription_event>;

/// It has ended, by the engine's doing: nothing follows.
struct subscription_over {
  channel_id subscription;
  subscription_failure why;
};
using subscription_over_ptr = std::shared_ptr<const subscription_over>;

/// What an actor that subscribes understands. One subscription's messages arrive in the
/// order of its collection's changes. Mailboxes are not bounded: an actor that cannot keep
/// up unsubscribes, and subscribes anew with the last sequence that it has handled.
using subscriber_actor =
    caf::typed_actor<caf::reacts_to<subscription_event_ptr>, caf::reacts_to<subscription_over_ptr>>;

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::subscription_event_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::subscription_over_ptr)
