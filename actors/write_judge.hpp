// Judges and completes one record write: rules, guarded fields, ids, timestamps.
// A pure function of what the store's transaction sees.

#pragma once

#include "actors/messages.hpp"
#include "actors/options.hpp"
#include "rules/rule.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace velo::actors {

/// A collection as writes see it: its definition with the rules parsed.
struct write_target {
  collection_ptr definition;
  rules::rule view, create, update, remove;
};

/// Parses the rules of a definition that the registry has validated; one that
/// no longer parses allows superusers only.
[[nodiscard]] write_target make_write_target(collection_ptr definition,
                                             const rules::limits& limits);

/// What becomes of the stored record.
enum class record_effect : std::uint8_t {
  none,  ///< An ingested change of a collection that mirrors none.
  put,
  erase,
};

/// What a write does, once it is allowed.
struct judged_write {
  storage::change change;  ///< Without its sequence.
  bool viewable = true;    ///< The view rule lets the writer see the outcome.
  record_effect effect{};
};

/// Who writes, as the transaction sees it.
struct writer {
  const identity& who;
  json_ptr auth;  ///< What `@request.auth` is bound to; null for a guest.
};

/// Whether the write is about a stored record: all are, but ingested changes
/// where these are not mirrored.
[[nodiscard]] bool concerns_records(const storage::collection& definition,
                                    const write_operation& wanted);

/// The id of the record that `wanted` is about: a new one where a create names none.
[[nodiscard]] outcome<std::string> record_id_of(const write_operation& wanted);

/// `stored` is the record as it stands (null: there is none, or none is kept),
/// `now` the transaction's moment in Unix milliseconds. Where hooks have changed the
/// record, `wanted` has all of it as they left it, and `asked` is what the client sent:
/// what it may not write is what it sent, rules are asked of what becomes of it.
[[nodiscard]] outcome<judged_write> judge(const write_target& target, const write_operation& wanted,
                                          const std::string& id, const json_ptr& stored,
                                          const writer& by, std::int64_t now,
                                          const engine_options& options,
                                          const write_operation* asked = nullptr);

/// Why judge() would refuse, whatever a hook made of the record: then none is asked.
[[nodiscard]] std::optional<failure> refused_whatever_hooks_say(const write_target& target,
                                                                const write_operation& wanted,
                                                                const std::string& id,
                                                                const json_ptr& stored,
                                                                const writer& by, std::int64_t now);

}  // namespace velo::actors
