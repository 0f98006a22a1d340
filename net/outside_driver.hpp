// The driver of an outside Reverb or Pusher server: takes matched events there
// through the signed HTTP API (PUSHER_PROTOCOL.md 13).
//
// What is answered 2xx has arrived. A 5xx, a 429 and an answer that does not come
// are tried again, with growing pauses; any other answer is a refusal, which a
// second try would not change. An event of which the answer was lost is sent
// twice: that is the only double.

#pragma once

#include "actors/driver.hpp"
#include "net/driver_config.hpp"
#include "net/driver_counters.hpp"
#include "net/driver_lanes.hpp"
#include "net/http_client.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>

namespace velo::net {

/// The actor's word to itself: what became of a call.
struct call_answered {
  std::uint64_t call = 0;
  unsigned status = 0;  ///< 0: no answer came.
  std::string text;     ///< The answer's body, or why there is none.
};
/// The actor's word to itself: the pause before the next try is over.
struct try_again {
  std::uint64_t call = 0;
};

}  // namespace velo::net

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::net::call_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::net::try_again)

namespace velo::net {

using outside_driver_actor =
    actors::driver_actor::extend<caf::reacts_to<call_answered>, caf::reacts_to<try_again>>;

/// The event as an outside server with this limit takes it: `data` as it is, or
/// `{action, record: {id}, truncated: true}` where it is longer. Escaped, both.
[[nodiscard]] std::string within_limit(const std::string& data, std::size_t bytes_max);

/// The body of a call: of `/events` for one event, otherwise of `/batch_events`.
[[nodiscard]] std::string body_of(const outgoing_call& call);

class outside_driver_behavior : public outside_driver_actor::base {
 public:
  /// All of them outlive the actor.
  outside_driver_behavior(caf::actor_config& config, const driver_config& settings,
                          http_client& client, driver_counters& counters);

  behavior_type make_behavior() override;
  const char* name() const override { return "outside_driver"; }
  void on_exit() override;

 private:
  using clock = std::chrono::steady_clock;

  struct call_under_way {
    outgoing_call what;
    std::string path;  ///< Behind the mount prefix: what is signed.
    std::string body;  ///< The same with each try.
    unsigned tries = 0;
    clock::time_point first_try;
  };

  void take(const actors::matched_event& e);
  void put_in_line(const actors::matched_event& e, const std::string& data, bool leaves_origin_out);
  void send_what_may_go();
  void try_call(std::uint64_t number);
  void answered(const call_answered& answer);
  void finish(std::uint64_t number);
  void answer_flushes();
  void note_overflow(std::size_t deliveries);
  [[nodiscard]] std::chrono::milliseconds pause_after(unsigned tries);

  const driver_config& settings_;
  http_client& client_;
  driver_counters& counters_;
  driver_lanes lanes_;
  std::map<std::uint64_t, call_under_way> calls_;
  std::uint64_t last_call_ = 0;
  std::deque<std::pair<std::uint64_t, caf::typed_response_promise<actors::ack>>> flushes_;
  std::minstd_rand random_;
  clock::time_point overflow_logged_;
  std::uint64_t overflow_unlogged_ = 0;
};

}  // namespace velo::net
