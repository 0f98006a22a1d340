// Hooks: code of the application, or of a server it runs, that is asked before
// something happens, or told after it (docs/hooks.md).
//
// A hook is asked with a call and answers with a verdict, at once or later, from
// any thread. Whoever waits for it goes on after its timeout in any case: what
// throws, hangs or answers nonsense counts as failed, and only what it was asked
// about is refused, or goes on, as its `on_failure` says.

#pragma once

#include "actors/identity.hpp"
#include "rules/action.hpp"

#include <boost/system/result.hpp>
#include <nlohmann/json_fwd.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace velo::actors {

enum class hook_event : std::uint8_t {
  connecting,       ///< A client opens a WebSocket: refuse, or add to its metadata.
  broadcast,        ///< A change is about to be told: change what is told, or suppress it.
  record_creating,  ///< Before the rules: change the record, or refuse.
  record_updating,  ///< The same.
  record_deleting,  ///< Refuse.
  record_created,   ///< It is durable; the answer counts for nothing.
  record_updated,
  record_deleted,
};
inline constexpr std::size_t hook_event_count = 8;
inline constexpr std::array<std::string_view, hook_event_count> hook_event_names{
    "realtime.connecting", "realtime.broadcast", "record.creating", "record.updating",
    "record.deleting",     "record.created",     "record.updated",  "record.deleted"};

[[nodiscard]] inline std::string_view to_string(hook_event e) {
  return hook_event_names[static_cast<std::size_t>(e)];
}
/// Told after the fact, rather than asked.
[[nodiscard]] inline bool is_notice(hook_event e) {
  return e >= hook_event::record_created;
}

/// What a hook is asked about. Immutable; records are whole, hidden fields and all.
struct hook_call {
  hook_event event{};

  // Of records.
  std::string collection_id;
  std::string collection;  ///< Its name.
  rules::action action{};
  std::string record_id;
  std::shared_ptr<const nlohmann::json> record;      ///< As it would be; of a delete as it stands.
  std::shared_ptr<const nlohmann::json> old_record;  ///< Null where there is none, or unknown.
  bool ingested = false;                             ///< It happened elsewhere.
  std::uint64_t sequence = 0;                        ///< Of a notice.
  identity who;                                      ///< Who writes.

  std::string socket_id;  ///< Of the client that connects, or caused the write; may be empty.
  /// What `connecting` hooks said of that client, an object; null for none.
  std::shared_ptr<const nlohmann::json> metadata;

  // Of a client that connects.
  std::string app_id;
  std::string origin;                           ///< The header, as sent.
  std::shared_ptr<const nlohmann::json> query;  ///< Of the URL: an object of texts.
};
using hook_call_ptr = std::shared_ptr<const hook_call>;

struct hook_verdict {
  enum class kind : std::uint8_t { proceed, change, refuse };

  kind what = kind::proceed;
  /// Of a change: the whole record as it shall be, or more metadata; an object.
  std::shared_ptr<const nlohmann::json> value;
  std::string message;  ///< Of a refusal: what the client is told.

  [[nodiscard]] static hook_verdict proceed() { return {}; }
  [[nodiscard]] static hook_verdict change(nlohmann::json value);
  [[nodiscard]] static hook_verdict refuse(std::string message = {}) {
    return {kind::refuse, nullptr, std::move(message)};
  }
};

/// Why a hook has no verdict: a sentence for the log.
struct hook_failure {
  std::string sentence;
};
[[noreturn]] inline void throw_exception_from_error(const hook_failure& f,
                                                    const boost::source_location&) {
  throw std::runtime_error(f.sentence);
}
using hook_result = boost::system::result<hook_verdict, hook_failure>;

/// Asks, and calls the second once when there is a result; from any thread.
using async_hook = std::function<void(const hook_call_ptr&, std::function<void(hook_result)>)>;
/// Answers at once, on a thread that the engine keeps for it alone.
using sync_hook = std::function<hook_verdict(const hook_call&)>;

enum class hook_failure_policy : std::uint8_t {
  closed,  ///< What was asked about is refused.
  open,    ///< It goes on as if the hook were not there.
};

struct hook_options {
  std::string name{};  ///< For the log.
  int priority = 0;    ///< The highest is asked first; of equal ones who came first.
  std::chrono::milliseconds timeout{2'000};  ///< Of one call, the wait for its turn included.
  hook_failure_policy on_failure = hook_failure_policy::closed;
  std::size_t concurrency = 1;  ///< Calls under way at a time; the others wait.
};

/// What became of a call when all hooks of its event were asked.
struct hook_outcome {
  enum class kind : std::uint8_t {
    proceed,
    changed,  ///< `value` is the record, or the metadata, as it is now.
    refused,  ///< `message` says why; may be empty.
    failed,   ///< One failed that is closed.
  };
  kind what = kind::proceed;
  std::shared_ptr<const nlohmann::json> value;
  std::string message;
};
using hook_outcome_ptr = std::shared_ptr<const hook_outcome>;

}  // namespace velo::actors
