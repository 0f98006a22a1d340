// What is told about subscriptions that begin with something missed: where their
// clients were, what is replayed to them, and what they have heard since.

#pragma once

#include "actors/channel_id.hpp"
#include "actors/event_shape.hpp"
#include "actors/session.hpp"
#include "rules/bind.hpp"
#include "storage/change.hpp"
#include "storage/collection.hpp"

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

// -- positions -----------------------------------------------------------------

/// A socket begins to listen on a connection.
struct begin_position {
  std::uint64_t connection = 0;  ///< storage::connection::number
  std::string socket_id;
  std::uint64_t predicate = 0;  ///< Hash of what is bound, and of the log's epoch.
  std::uint64_t sequence = 0;   ///< Where it begins if nobody was there before it.
  /// Differs where the client is seen to be another one; 0: that cannot be seen.
  std::uint64_t client = 0;
};

struct begin_answer {
  enum class kind : std::uint8_t {
    fresh,    ///< Nobody was there before: it begins at its first sequence.
    resumes,  ///< It may be one that comes back: it goes on after `sequence`.
    changed,  ///< It may be one that comes back, but heard by another rule or another log.
  };
  kind what = kind::fresh;
  bool beside_live = false;  ///< Others listen, and none of those that left is missing.
  std::uint64_t sequence = 0;
  std::string previous;  ///< The socket it goes on from, where there is only one.
};

/// All up to `sequence` was heard on a socket.
struct position_report {
  std::uint64_t connection = 0;
  std::string socket_id;
  std::uint64_t sequence = 0;
  bool left = false;      ///< The socket is gone.
  bool outdated = false;  ///< What it heard was in part by another predicate.
};
using position_reports = std::vector<position_report>;
using position_reports_ptr = std::shared_ptr<const position_reports>;

/// A connection is gone, and its positions with it.
struct forget_positions {
  std::uint64_t connection = 0;
};

/// The positions actor's word to itself: write down what has changed.
struct write_positions {};

// -- replays -------------------------------------------------------------------

/// Names one replay; never used twice.
using replay_id = std::uint64_t;

/// Where a snapshot's records were read: those up to `last_key` as they were at `sequence`.
struct snapshot_part {
  std::string last_key;
  std::uint64_t sequence = 0;
};

/// What one subscriber is to be told before it goes live. Immutable but for the
/// replayer's own copy.
struct replay {
  replay_id id = 0;
  std::shared_ptr<const storage::collection> definition;
  std::vector<std::string> hidden;
  std::string epoch;
  std::shared_ptr<const rules::predicate> bound;
  std::uint8_t actions = 0;  ///< Bit per action wanted.
  event_shape shape;
  bool snapshot = false;      ///< Begins with the matching records.
  std::uint64_t after = 0;    ///< Then all changes after this one...
  std::uint64_t through = 0;  ///< ...up to this one.
  std::string identity_key;
  std::string socket_id;                 ///< Where it is heard; empty: not on a socket.
  std::vector<std::string> own_sockets;  ///< What they caused is not for this subscriber.
  /// Where the history is not in the log: the changes themselves.
  std::vector<storage::change_ptr> changes;
  bool from_log = true;
};
using replay_ptr = std::shared_ptr<const replay>;

/// Part of a replay. Not the last: the replayer waits for replay_on.
struct replayed {
  replay_id id = 0;
  std::vector<std::shared_ptr<const event>> events;
  std::uint64_t through = 0;  ///< All up to here is told with it.
  bool done = false;          ///< All that was asked for.
  bool lost = false;          ///< The log no longer holds what was asked for.
  std::uint64_t settled = 0;  ///< A snapshot shows some records as late as this.
  std::string failed;         ///< Storage could not be read.
};
using replayed_ptr = std::shared_ptr<const replayed>;

/// The client takes more. Where the replay was done, goes on through a later change.
struct replay_on {
  replay_id id = 0;
  std::uint64_t through = 0;
  std::vector<storage::change_ptr> changes;  ///< As in replay, if not from the log.
};
using replay_on_ptr = std::shared_ptr<const replay_on>;

/// The subscriber has gone live, or away.
struct replay_end {
  replay_id id = 0;
};

}  // namespace velo::actors

#define VELO_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::name)
VELO_LOCAL_MESSAGE(begin_position)
VELO_LOCAL_MESSAGE(begin_answer)
VELO_LOCAL_MESSAGE(position_reports_ptr)
VELO_LOCAL_MESSAGE(forget_positions)
VELO_LOCAL_MESSAGE(write_positions)
VELO_LOCAL_MESSAGE(replayed_ptr)
VELO_LOCAL_MESSAGE(replay_on_ptr)
VELO_LOCAL_MESSAGE(replay_end)
#undef VELO_LOCAL_MESSAGE
