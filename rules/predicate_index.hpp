// Many predicates, one changed record: which of them hold?
//
// The cost of a change follows the predicates that hold, not those that are
// kept. The sequential evaluator (evaluate.hpp) is the meaning: for every
// predicate and every record the index gives the verdict that it gives.
//
// The index learns from the changes that come. Predicates that they find in
// vain are put elsewhere, a few with each call, so that one that began without
// any knowledge ends as one that had it.

#pragma once

#include "rules/action.hpp"
#include "rules/bind.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace velo::rules {

/// Whoever a predicate belongs to: a small number that the caller gives out.
/// Numbers are best dense and reused, since tables are indexed by them.
using subscriber_id = std::uint32_t;

/// One change as the index sees it. Refers to the caller's values during a call.
struct record_change {
  const nlohmann::json* before = nullptr;  ///< The earlier state, to be judged too; or null.
  const nlohmann::json* after = nullptr;   ///< The state that is judged: a deleted record's last.
  action act = action::created;
  std::string_view now;  ///< `2026-01-31 12:00:00.000Z`
};

/// A subscriber whose predicate holds for one state of the record at least.
struct match {
  subscriber_id id = 0;
  bool before = false;
  bool after = false;
  bool operator==(const match&) const = default;
};

/// A change read into the fields that some predicate of an index uses. Points
/// into the records of the change, and is good until the next put() or remove()
/// of that index. Reusing one saves allocations.
class prepared_change {
 public:
  prepared_change();
  ~prepared_change();
  prepared_change(prepared_change&&) noexcept;
  prepared_change& operator=(prepared_change&&) noexcept;
  prepared_change(const prepared_change&) = delete;
  prepared_change& operator=(const prepared_change&) = delete;

 private:
  friend class predicate_index;
  struct state;
  std::unique_ptr<state> state_;
};

/// What an index has done since it was made: what a change costs, independent of the machine.
struct index_effort {
  std::uint64_t states = 0;      ///< Of records, that were judged.
  std::uint64_t nodes = 0;       ///< Of the tree, that were entered.
  std::uint64_t lookups = 0;     ///< Of children of nodes.
  std::uint64_t blocks = 0;      ///< Of candidates, that were read.
  std::uint64_t candidates = 0;  ///< Places of predicates that were tested.
  std::uint64_t codes = 0;       ///< Candidates whose whole predicate was evaluated.
  std::uint64_t reviewed = 0;    ///< Predicates looked at again since they were found in vain.
  std::uint64_t moved = 0;       ///< Of them, those that were put elsewhere.
};

/// Owned by one thread or actor; needs no lock there, and has none.
class predicate_index {
 public:
  predicate_index();
  ~predicate_index();
  predicate_index(predicate_index&&) noexcept;
  predicate_index& operator=(predicate_index&&) noexcept;
  predicate_index(const predicate_index&) = delete;
  predicate_index& operator=(const predicate_index&) = delete;

  /// Keeps `bound` for `id`; a predicate that `id` had is replaced, one that is
  /// equal costs nothing but the comparison.
  void put(subscriber_id id, const predicate& bound);
  /// Forgets it; unknown ids are no error.
  void remove(subscriber_id id);

  /// Appends to `found` every subscriber whose predicate holds, once each, in no
  /// particular order. Without `before`, only `after` is judged.
  void match_change(const record_change& change, std::vector<match>& found);

  // match_change() in two steps: the JSON, then the predicates.

  void prepare(const record_change& change, prepared_change& into) const;
  void match_prepared(const prepared_change& change, std::vector<match>& found);
  /// Those whose predicate holds for `after`; good until the next call.
  [[nodiscard]] std::span<const subscriber_id> find(const prepared_change& change);

  [[nodiscard]] std::size_t subscribers() const;
  [[nodiscard]] const index_effort& effort() const;
  /// Heap memory held, in bytes.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace velo::rules
