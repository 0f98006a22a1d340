// Where the clients of every subscription are: which sockets listen on it or
// left it, and up to where each is known to have heard.
//
// On a public channel anybody may listen, and nothing tells a client that comes
// back from one that is new. So nobody's acknowledgement counts for another
// socket: a newcomer begins at the oldest position that a socket of the
// connection left behind, or still has. It is taken for one of those that left,
// the one that was furthest; that one's position is forgotten when its heir
// leaves in turn, having heard more. A position that nobody comes back for is
// kept as long as a subscription that nobody uses.
//
// Some strangers can be told: those of another address or browser. Such a one takes
// nobody's place, whatever it acknowledges, so whoever is away meanwhile hears all of
// it; and it goes on from a place of its own where it left one. Two clients that look
// alike from here and share a channel's name are told apart only while both listen.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/position_table.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

/// The positions of one connection. Plain data.
class connection_positions {
 public:
  struct place {
    storage::position at;
    bool live = false;
    std::int64_t left_ms = 0;
  };

  /// Those of a run before: all of them have left.
  connection_positions(std::vector<storage::position> stored, std::int64_t now_ms);

  begin_answer begin(const begin_position& newcomer);
  /// Nothing for a socket that is not known.
  void report(const position_report& heard, std::int64_t now_ms);
  /// Forgets what left before `cutoff_ms`, and what is beyond the bound.
  void expire(std::int64_t cutoff_ms);

  [[nodiscard]] const std::vector<place>& places() const { return places_; }
  [[nodiscard]] bool anybody_live() const;
  /// What has changed since the last call, for the table.
  void take_updates(std::uint64_t connection, std::vector<storage::position_update>& out);

 private:
  void touch(const std::string& socket_id);
  void forget(std::size_t at);

  std::vector<place> places_;
  std::vector<std::string> changed_;  // sockets to be written, or erased
};

/// Owns the table. Spawn it detached: it reads and writes a file.
class positions_behavior : public positions_actor::base {
 public:
  /// `table` may be null: then positions do not outlive the process. `options`
  /// outlives the actor.
  positions_behavior(caf::actor_config& config, std::unique_ptr<storage::position_table> table,
                     const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "positions"; }
  void on_exit() override;

 private:
  connection_positions& of(std::uint64_t connection);
  void changed(std::uint64_t connection);
  void write();

  std::unique_ptr<storage::position_table> table_;
  const engine_options& options_;
  /// Those with a live socket, and those with something to be written.
  std::unordered_map<std::uint64_t, connection_positions> known_;
  std::vector<std::uint64_t> changed_;
  std::vector<storage::position_update> forgotten_;
  bool write_scheduled_ = false;
  bool failed_ = false;  // said once, until it works again
};

}  // namespace velo::actors
