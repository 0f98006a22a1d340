// Broadcast hooks that are asked for each subscriber: only code inside the
// engine's own program can be, since a subscriber's event waits for it.

#pragma once

#include "actors/hook_thread.hpp"
#include "actors/hooks.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

/// What is about to be shown to one subscriber.
struct subscriber_call {
  std::string collection;   ///< Its name.
  std::string_view action;  ///< created, updated, deleted, entered, left, or snapshot.
  std::string record_id;
  std::shared_ptr<const nlohmann::json> record;  ///< After the hooks of realtime.broadcast.
  std::string identity;   ///< identity::key() of the subscriber; empty: a guest.
  std::string socket_id;  ///< Where it listens; empty: not known (catch-up over HTTP).
  std::shared_ptr<const nlohmann::json> metadata;  ///< Of that socket; null: none.
};

/// Must depend on its call alone: the same record is asked about again when a client
/// comes back.
using subscriber_hook = std::function<hook_verdict(const subscriber_call&)>;

struct subscriber_hook_entry {
  subscriber_hook hook;
  hook_options options;
};
/// In the order in which they are asked.
using subscriber_hooks = std::vector<subscriber_hook_entry>;
using subscriber_hooks_ptr = std::shared_ptr<const subscriber_hooks>;

/// Asks them on a thread of its own. Each actor that shows records has one.
class subscriber_hook_guard {
 public:
  /// What each is shown; null: nothing. In the order of the calls. A hook that fails
  /// counts as its on_failure says; one that hangs, for all of the calls it was to be
  /// asked about.
  std::vector<std::shared_ptr<const nlohmann::json>> show(const subscriber_hooks_ptr& hooks,
                                                          std::vector<subscriber_call> calls);

 private:
  std::unique_ptr<hook_thread> thread_;  ///< Made when it is needed.
  std::uint64_t failures_ = 0;
};

class hook_set;

/// What single subscribers are shown, where there are hooks that are asked for each.
/// Belongs to one actor.
class subscriber_view {
 public:
  /// `hooks` may be null, else it outlives this.
  explicit subscriber_view(const hook_set* hooks) : hooks_(hooks) {}

  /// Whether anybody is to be asked.
  [[nodiscard]] bool any() const;
  /// What each is shown; null: nothing.
  [[nodiscard]] std::vector<std::shared_ptr<const nlohmann::json>> show(
      std::vector<subscriber_call> calls);
  /// The same of one. Where nobody is to be asked, its record.
  [[nodiscard]] std::shared_ptr<const nlohmann::json> show(subscriber_call call);

 private:
  const hook_set* hooks_;
  subscriber_hook_guard guard_;
};

}  // namespace velo::actors
