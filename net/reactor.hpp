// One I/O thread: an io_context, the actors that live on it, and the two lists
// that keep per-connection cost low: who has output to flush at the end of the
// turn, and who wants to be looked at once a second (one timer for all of them
// rather than one each).

#pragma once

#include "actors/event_loop.hpp"
#include "net/counters.hpp"
#include "net/delivery_queue.hpp"
#include "net/flush_list.hpp"
#include "net/outbox.hpp"
#include "net/poll_set.hpp"
#include "net/send_batch.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace velo::net {

/// Lives on a reactor and has deadlines; a connection usually. Destroying it takes it off the list.
class timed {
 public:
  timed() = default;
  timed(const timed&) = delete;
  timed& operator=(const timed&) = delete;

  /// Called once per tick. May unwatch or destroy itself or any other.
  virtual void on_tick(std::chrono::steady_clock::time_point now) = 0;
  /// The server is draining and this one's turn has come: leave in good order.
  virtual void on_drain(std::uint16_t /*close_code*/, std::string_view /*reason*/) {}
  /// The loop ends now: close what is open and let go of it.
  virtual void on_stop() {}
  /// What waits to be sent to its client, as outbox_buffers::queued_bytes() counts it.
  [[nodiscard]] virtual std::size_t queued_bytes() const { return 0; }
  /// Too much waits for all together, and it has more than others: give that up and
  /// send the client away. May destroy itself only in a later turn, and no other.
  virtual void shed() {}

 protected:
  ~timed() = default;

 private:
  friend class reactor;
  using hook = boost::intrusive::list_member_hook<
      boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  hook watch_hook_;
};

/// Unless it says "any thread", a call is made on the loop's own thread (or
/// while that thread does not run). Must outlive every actor spawned on it.
class reactor final : public actors::event_loop {
 public:
  /// `tick` is the resolution of all deadlines; see tick_for(). Starts no thread. With
  /// `given`, somebody else's thread runs that io_context, one thread alone, and is the
  /// loop's; it runs until join() has returned, and outlives the reactor.
  reactor(caf::actor_system& system, std::uint32_t index,
          std::chrono::milliseconds tick = std::chrono::seconds{1},
          boost::asio::io_context* given = nullptr);
  /// Stops and joins.
  ~reactor() override;

  /// Starts the thread, or begins on the given one. Once.
  void start();
  /// Has the loop end after the handler that runs now: everyone watched hears
  /// on_stop(), what that posted still runs. Any thread, any number of times.
  void stop();
  /// Waits for the thread's end. Not on the loop's own thread.
  void join();

  /// Sockets and timers of this loop; asio::post() to it from any thread.
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] std::uint32_t index() const { return index_; }  ///< Any thread.
  [[nodiscard]] bool on_own_thread() const;                     ///< Any thread.

  /// Calls item.flush() once, after everything that is already queued on this
  /// loop. Nothing to do if it is on the list already.
  void flush_at_turn_end(flushable& item);

  /// Visits `item` at every tick from now on, until unwatch() or its end.
  void watch(timed& item);
  void unwatch(timed& item);
  [[nodiscard]] std::size_t watched() const;

  /// Calls on_drain() of everyone watched now, spread evenly over `duration` in
  /// slices of 100 ms, so that clients that come back at once do not come all
  /// at once. Any thread. A second drain takes over what the first has left.
  void drain(std::uint16_t close_code, std::string reason, std::chrono::milliseconds duration);

  /// Events on their way to this loop's sessions, until the turn ends.
  [[nodiscard]] delivery_queue& deliveries() { return deliveries_; }
  /// Sends them now where more cannot wait. Sessions may end by it.
  void make_room_for_delivery() {
    if (deliveries_.full()) flush_all();
  }
  void after_output(std::function<void()>&& then) override;
  void note_held(std::ptrdiff_t bytes) override;

  [[nodiscard]] socket_counters& counters() { return counters_; }              ///< To add to.
  [[nodiscard]] const socket_counters& counters() const { return counters_; }  ///< Any thread.

  /// Where this loop's WebSockets wait to be read and written.
  [[nodiscard]] poll_set& sockets() { return sockets_; }

  /// From so many bytes on that wait to be sent for all of this loop, those for whom most
  /// of them wait are told to shed(). 0: no bound. Before start().
  void bound_outboxes(std::size_t bytes_max) { outbox_bytes_max_ = bytes_max; }

  /// Recycled buffers of this loop's outboxes.
  [[nodiscard]] outbox_buffers& buffers() { return buffers_; }

  /// What leaves with others' at the end of a turn; empty in between.
  [[nodiscard]] send_batch& sends() { return sends_; }

  /// The tick that keeps every one of these deadlines to a quarter of its length.
  template <class... Durations>
  [[nodiscard]] static std::chrono::milliseconds tick_for(Durations... deadlines) {
    std::chrono::milliseconds tick = std::chrono::seconds{1};
    ((tick = std::min(tick, std::chrono::duration_cast<std::chrono::milliseconds>(deadlines) / 4)),
     ...);
    return std::max(tick, std::chrono::milliseconds{1});
  }

 protected:
  void post(caf::resumable* job) override;

 private:
  using watch_list =
      boost::intrusive::list<timed,
                             boost::intrusive::member_hook<timed, timed::hook, &timed::watch_hook_>,
                             boost::intrusive::constant_time_size<false>>;

  void thread_main();
  void end_turn();
  void flush_all();
  void shed_beyond_bound();
  void shed();
  void arm_tick();
  void visit_some();
  void end_visits();
  void begin_drain(std::uint16_t close_code, std::string reason,
                   std::chrono::milliseconds duration);
  void drain_slice();
  void stop_all();
  void begin_end();
  void end_after(int rounds);

  const std::uint32_t index_;
  const std::chrono::milliseconds tick_;
  std::atomic<std::thread::id> own_thread_;

  // What sessions refer to while the io_context destroys their handlers, so
  // these come before it.
  socket_counters counters_;
  outbox_buffers buffers_{&counters_};
  send_batch sends_{buffers_, counters_};
  std::size_t outbox_bytes_max_ = 0;
  bool shedding_ = false;  // in a later turn
  delivery_queue deliveries_;
  flush_list to_flush_;
  flush_list emptied_;  // becomes to_flush_
  watch_list watched_;
  watch_list to_drain_;  // watched as well, and not yet told
  // Of the same two, those whose turn in the tick under way is yet to come.
  watch_list unvisited_;
  watch_list unvisited_to_drain_;

  std::vector<std::function<void()>> after_output_;

  std::unique_ptr<boost::asio::io_context> own_;  // null: it was given
  boost::asio::io_context& io_;
  poll_set sockets_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer tick_timer_;
  boost::asio::steady_timer drain_timer_;

  std::uint16_t drain_code_ = 0;
  std::string drain_reason_;
  std::size_t drain_slices_left_ = 0;

  std::thread thread_;
  // Of a loop on a given io_context:
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::atomic<bool> ending_ = false;
  std::optional<std::promise<void>> ended_;  // set while it runs
};

}  // namespace velo::net
