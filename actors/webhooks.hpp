// What an application is told of its channels by webhook: one actor for each app.
//
// An event is on disk before it is sent and until it was accepted, so that a
// restart loses none; whoever receives may see one twice. To each target one
// request is under way at a time, which keeps the order; what happens meanwhile
// goes with the next, as one batch.
//
// Who is on which channel is kept as well, where somebody is to hear of the end of
// it: a crash ends it for all, and whoever does not come back has left.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/webhook_order.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::actors {

/// Where some of an app's events go.
struct webhook_target {
  std::string key;  ///< Names it over restarts; no other target of the app has it.
  std::vector<webhook_event_kind> events;  ///< Empty: all.
  std::string channel_prefix;

  [[nodiscard]] bool wants(const webhook_event& e) const;
};

struct webhook_options {
  std::string app_id;
  std::vector<webhook_target> targets;
  std::chrono::milliseconds delay{3'000};         ///< Within which who returns was never away.
  std::chrono::milliseconds retry_first{1'000};   ///< Doubled with each further try.
  std::chrono::milliseconds retry_time{300'000};  ///< Then a request is given up.
  /// For each target; where more wait, the oldest that is not being sent is dropped.
  std::size_t events_max = 10'000;
};

/// Takes requests to the outside. Outlives the actors.
class webhook_transport {
 public:
  webhook_transport() = default;
  webhook_transport(const webhook_transport&) = delete;
  webhook_transport& operator=(const webhook_transport&) = delete;
  virtual ~webhook_transport() = default;

  /// Posts to a target of the app, by its index. `done` is called once, on any thread:
  /// with nothing where the request was accepted, otherwise with the reason.
  virtual void post(const std::string& app_id, std::size_t target, std::string body,
                    std::function<void(std::string)> done) = 0;
};

/// The actor's word to itself: something may be due.
struct webhook_tick {};
/// The answer to a request.
struct webhook_answered {
  std::size_t target = 0;
  std::uint64_t attempt = 0;
  std::string why_not;  ///< Empty: it was accepted.
};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::webhook_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::webhook_answered)

namespace velo::actors {

using webhook_queue_actor =
    webhook_actor::extend<caf::reacts_to<webhook_tick>, caf::reacts_to<webhook_answered>,
                          // Answered once everything that was told before is on disk.
                          caf::replies_to<flush>::with<ack>>;

class webhook_behavior : public webhook_queue_actor::base {
 public:
  /// `database` and `transport` outlive the actor.
  webhook_behavior(caf::actor_config& config, webhook_options options, store_actor store,
                   const storage::database& database, webhook_transport& transport);

  behavior_type make_behavior() override;
  const char* name() const override { return "webhooks"; }

 private:
  using time_point = webhook_order::time_point;

  struct ready_event {
    std::uint64_t number = 0;
    std::string event;  ///< JSON
  };
  struct target_state {
    std::deque<ready_event> queue;
    std::size_t sending = 0;    ///< How many of its front the request has; 0: none is under way.
    std::string body;           ///< Of the request, the same with each try.
    std::uint64_t attempt = 0;  ///< Of all its requests; tells answers apart.
    unsigned tries = 0;         ///< Of this request.
    bool asked = false;         ///< An answer is awaited.
    time_point first_try, next_try;
    std::uint64_t dropped = 0;
  };

  void load();
  void load_present();
  void note_present(const webhook_event& e);
  void no_longer_present(const webhook_event& gone);
  void save_present();
  [[nodiscard]] std::string present_key() const { return options_.app_id + "#present"; }
  void take(const webhook_event_ptr& e);
  void hold(const webhook_event_ptr& e, bool stored, std::uint64_t number);
  void release();
  void tell(const webhook_event& e);
  void save();
  void saved(const webhook_change& change);
  void put_in_line(std::size_t target, ready_event e);
  void send_next(std::size_t target);
  void try_request(std::size_t target);
  void answered(const webhook_answered& answer);
  void forget_request(std::size_t target);
  void wake_at(time_point when);
  [[nodiscard]] bool wanted(const webhook_event& e) const;
  [[nodiscard]] time_point now();

  const webhook_options options_;
  const store_actor store_;
  const storage::database& database_;
  webhook_transport& transport_;
  webhook_order order_;
  std::vector<target_state> targets_;
  std::uint64_t last_number_ = 0;
  webhook_change unsaved_;
  bool saving_ = false;
  /// By kind, channel and user: the entry that says so.
  std::unordered_map<std::string, std::uint64_t> present_;
  webhook_change unsaved_present_;
  bool saving_present_ = false;
  std::vector<caf::typed_response_promise<ack>> flushing_;
  std::optional<time_point> wake_;
};

}  // namespace velo::actors
