// What hooks say of one request's writes. The store judges such a request in
// passes: each goes as far as what hooks have said allows, and notes what they are
// to be asked; nothing is written before a pass came through. A pass always judges
// by the transaction it runs in, so rules, guarded fields and stored records are
// those of the moment of the write, whatever happened while a hook was asked.

#pragma once

#include "actors/hook_set.hpp"
#include "actors/write_judge.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

class write_hooks {
 public:
  /// `hooks` outlives it.
  write_hooks(const hook_set& hooks, std::size_t operations) : hooks_(hooks), memory_(operations) {}

  /// A pass begins; `now` counts in the first.
  void begin_pass(std::int64_t now);
  /// The moment of the write: that of the first pass, so that what hooks were shown is
  /// what is written.
  [[nodiscard]] std::int64_t now() const { return now_; }

  /// record_id_of, the same in each pass.
  [[nodiscard]] const outcome<std::string>& id(std::size_t operation, const write_operation& o);

  /// actors::judge with the hooks' say; nothing where they have to be asked first. A
  /// later operation on the same record then waits as well.
  [[nodiscard]] outcome<std::optional<judged_write>> judge(std::size_t operation,
                                                           const write_target& target,
                                                           const write_operation& wanted,
                                                           const std::string& id,
                                                           const json_ptr& stored, const writer& by,
                                                           const engine_options& options);

  /// Whether this pass came through.
  [[nodiscard]] bool waits() const { return waits_; }

  /// What to ask: which answer it is for, and the call.
  struct question {
    std::size_t operation = 0;
    std::size_t step = 0;
    hook_call_ptr call;
  };
  [[nodiscard]] std::vector<question> take_questions() { return std::exchange(questions_, {}); }
  void answer(std::size_t operation, std::size_t step, hook_outcome_ptr outcome);

 private:
  struct said {
    hook_call_ptr asked;
    hook_outcome_ptr outcome;
    unsigned times = 0;
  };
  struct operation_memory {
    std::optional<outcome<std::string>> id;
    std::array<said, 2> steps;  ///< Before the write, and about its broadcast.
  };

  /// What was said to this call; null: it is asked now.
  hook_outcome_ptr outcome_of(std::size_t operation, std::size_t step, hook_call&& call);

  const hook_set& hooks_;
  std::vector<operation_memory> memory_;
  std::int64_t now_ = 0;
  bool waits_ = false;
  std::set<std::pair<std::string, std::string>> unknown_;  ///< Records, until hooks have spoken.
  std::vector<question> questions_;
};

/// The notice of a change that is durable.
[[nodiscard]] hook_call_ptr notice_of(const storage::change& change,
                                      const storage::collection& definition, const identity& who,
                                      bool ingested, const hook_set& hooks);

}  // namespace velo::actors
