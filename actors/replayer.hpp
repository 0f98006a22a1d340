// Reads what subscribers have missed, and snapshots, beside the collections: each
// at its own client's pace, a bounded part at a time, with a reader that is
// released between parts. What it renders goes through the collection, so that
// nothing of it is overtaken by what is live.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "actors/subscriber_hook.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

/// What a subscriber hears of a change, if anything.
[[nodiscard]] std::optional<shown_as> judge(const replay& wanted, const storage::change& change);

/// One replay under way: what is to come next. Plain data, knows no actor.
class replay_reader {
 public:
  replay_reader(const replay& wanted, const engine_options& options)
      : wanted_(wanted), options_(options) {}

  /// The next part: at most so many events and bytes, or so many records looked at.
  replayed next(const storage::database& database, subscriber_view& view);

  /// Goes on through a later change.
  void extend(const replay_on& on);

 private:
  void read_snapshot(const storage::database& database, replayed& part, subscriber_view& view);
  void read_log(const storage::database& database, replayed& part, subscriber_view& view);
  void read_changes(replayed& part, subscriber_view& view);
  /// Adds the event of a change where there is one; false where it does not fit any more.
  bool show(const storage::change& change, replayed& part, std::size_t& bytes,
            subscriber_view& view) const;
  [[nodiscard]] bool in_snapshot(const storage::change& change) const;
  [[nodiscard]] rendering with() const {
    return {wanted_.hidden, options_.event_name, wanted_.epoch};
  }

  replay wanted_;
  const engine_options& options_;
  std::vector<snapshot_part> parts_;  ///< Of the snapshot; the last one has no end.
  std::string records_after_;         ///< The last record that was looked at.
  std::uint64_t snapshot_sequence_ = 0;
  bool began_ = false;
};

/// Spawn it detached: it reads the disk.
class replayer_behavior : public replayer_actor::base {
 public:
  /// Both outlive the actor.
  replayer_behavior(caf::actor_config& config, const storage::database& database,
                    const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "replayer"; }
  void on_exit() override { jobs_.clear(); }

 private:
  struct job {
    replay_reader reader;
    collection_actor to;
  };
  void step(replay_id id);

  const storage::database& database_;
  const engine_options& options_;
  subscriber_view view_;
  std::unordered_map<replay_id, job> jobs_;
};

/// The events of GET /api/realtime/events: the matching changes after `wanted.after`,
/// `limit` at most, as JSON objects `{"action","record","sequence"}` with commas between.
struct event_list {
  std::string text;
  std::uint64_t through = 0;  ///< All up to here is in it.
  bool lost = false;
};
[[nodiscard]] storage::result<event_list> list_events(const storage::database& database,
                                                      const replay& wanted, std::size_t limit,
                                                      subscriber_view& view);

}  // namespace velo::actors
