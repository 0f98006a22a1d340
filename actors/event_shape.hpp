// How one subscription wants its events shown, by the options it was made with,
// and the events that are no changes: reset and snapshot.

#pragma once

#include "actors/session.hpp"
#include "rules/action.hpp"
#include "storage/change.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

struct event_shape {
  bool sequence = false;            ///< Each event tells its sequence and epoch.
  bool transitions = false;         ///< Updates tell whether the record came or went.
  std::vector<std::string> fields;  ///< Of the record, sorted; empty: all.

  /// Shown as everybody's.
  [[nodiscard]] bool plain() const { return !sequence && !transitions && fields.empty(); }
  auto operator<=>(const event_shape&) const = default;
};

/// What a connection's options say beyond which events it wants.
struct subscription_extras {
  event_shape shape;
  bool snapshot = false;
  bool resume = true;
  std::optional<std::uint64_t> since;
  std::string epoch;  ///< Of `since`; empty: not told.
};
[[nodiscard]] subscription_extras extras_of(const nlohmann::json& options);

/// What a change is to a subscriber: the action, or by which way an update came or went.
enum class shown_as : std::uint8_t { created, updated, deleted, entered, left };
[[nodiscard]] std::string_view to_string(shown_as how);
[[nodiscard]] inline shown_as shown(rules::action a) {
  return static_cast<shown_as>(a);
}

/// `before` and `after`: whether the predicate holds for the old and the new
/// record. Nothing where the subscriber is not concerned. Without transitions,
/// or where the old record is unknown, the new one alone decides.
[[nodiscard]] std::optional<shown_as> judge_transition(const storage::change& change,
                                                       bool transitions, bool before, bool after);

/// What events are rendered with. Refers to the caller's values.
struct rendering {
  const std::vector<std::string>& hidden;
  std::string_view name_template;  ///< `{action}` in it stands for the action.
  std::string_view epoch;
};

/// The event of a change; `left` shows the old record.
[[nodiscard]] event render(const storage::change& change, shown_as how, const event_shape& shape,
                           const rendering& with);

/// The same with a record of its own.
[[nodiscard]] event render(const nlohmann::json& record, std::uint64_t sequence, shown_as how,
                           const event_shape& shape, const rendering& with);

/// Tells a client to fetch its records anew: what it has may be wrong.
[[nodiscard]] event render_reset(std::uint64_t sequence, const rendering& with);

/// Tells a client that the token of its subscription expires at `expires_ms`.
[[nodiscard]] event render_auth_expiring(std::int64_t expires_ms, const rendering& with);

/// A page of a snapshot; `records` holds rendered records, with commas between.
[[nodiscard]] event render_snapshot(std::string_view records, bool last, std::uint64_t sequence,
                                    const rendering& with);

/// A record as its subscribers see it, as JSON text.
[[nodiscard]] std::string show_record(const nlohmann::json& record, const event_shape& shape,
                                      const std::vector<std::string>& hidden);

}  // namespace velo::actors
