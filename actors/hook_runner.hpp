// Asks the hooks: one after the other for each call, many calls at a time, each
// within its hook's timeout. The only one who knows them; whoever has a question
// is answered, whatever the hooks do.

#pragma once

#include "actors/hooks.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace velo::actors {

struct hook_registration {
  hook_event event{};
  async_hook ask;
  hook_options options;
};
using hook_registration_ptr = std::shared_ptr<const hook_registration>;

/// What one hook said to one call.
struct hook_answered {
  std::size_t hook = 0;
  std::uint64_t call = 0;
  std::shared_ptr<const hook_result> result;
};

/// The runner's word to itself: some may be overdue.
struct hook_tick {};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hook_call_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hook_outcome_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hook_registration_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hook_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::hook_tick)

namespace velo::actors {

using hook_runner_actor = caf::typed_actor<
    // There is one more, for calls from now on.
    caf::reacts_to<hook_registration_ptr>,
    // Asks the hooks of the call's event; answered when the last has been asked. A
    // notice is answered at once, and told in the order of its collection.
    caf::replies_to<hook_call_ptr>::with<hook_outcome_ptr>,
    // From a hook.
    caf::reacts_to<hook_answered>,
    // From itself.
    caf::reacts_to<hook_tick>>;

class hook_runner_behavior : public hook_runner_actor::base {
 public:
  /// Records larger than `record_bytes_max` bytes of JSON are no answer.
  hook_runner_behavior(caf::actor_config& config, std::size_t record_bytes_max);

  behavior_type make_behavior() override;
  const char* name() const override { return "hook_runner"; }
  void on_exit() override;

 private:
  using time_point = std::chrono::steady_clock::time_point;
  using continuation = std::function<void(const hook_result&)>;
  using promise = caf::typed_response_promise<hook_outcome_ptr>;

  struct pending {
    hook_call_ptr call;
    continuation then;
  };
  struct hook {
    hook_registration_ptr what;
    std::unordered_map<std::uint64_t, pending> calls;
    std::deque<std::uint64_t> waiting;
    std::unordered_set<std::uint64_t> asked;  ///< Not answered yet, timely or not.
    std::deque<std::pair<time_point, std::uint64_t>> deadlines;  ///< In order.
    std::map<std::string, std::deque<hook_call_ptr>> notices;    ///< By collection; front: told.
    std::size_t notices_waiting = 0;
    std::uint64_t failures = 0, dropped = 0;
  };

  /// The chain of one call: `next` is the hook to ask.
  struct chain {
    hook_call_ptr call;
    hook_outcome outcome;
    std::vector<std::size_t> hooks;
    std::size_t next = 0;
    promise answer;
  };

  void go_on(const std::shared_ptr<chain>& c);
  void take(const std::shared_ptr<chain>& c, const hook_result& result);
  /// The verdict, where it makes sense as an answer to the call.
  [[nodiscard]] hook_result sensible(const hook_call& call, const hook_result& result) const;
  void tell(const hook_call_ptr& notice);
  /// Asks about the first notice in the collection's line, which has one.
  void tell_next(std::size_t which, const std::string& collection_id);
  /// Takes that notice out of its line; whether there is another.
  bool told(std::size_t which, const hook_call& notice, const hook_result& result);

  /// False where too many calls wait: then it is not asked. `then` is called later only.
  [[nodiscard]] bool ask(std::size_t which, const hook_call_ptr& call, continuation then);
  void pump(std::size_t which);
  void answered(const hook_answered& answer);
  void expire();
  void wake_at(time_point when);
  void failed(hook& h, const hook_call& call, const std::string& why);

  std::size_t record_bytes_max_;
  std::deque<hook> hooks_;
  std::array<std::vector<std::size_t>, hook_event_count> by_event_;  ///< In their order.
  std::uint64_t last_call_ = 0;
  std::optional<time_point> wake_;
  bool stopping_ = false;
};

}  // namespace velo::actors
