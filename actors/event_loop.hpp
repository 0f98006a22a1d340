// Runs CAF actors on a thread that the application owns.
//
// An actor that belongs to a socket must run on the socket's I/O thread, so
// that session, outbox and actor need no locks. CAF decides where an actor runs
// through the execution unit it is given: `on_loop<Base>` gives it the event
// loop. Unlike an actor_companion, which hands over message by message, the
// actor keeps its own mailbox: a burst of messages costs one hand-over.

#pragma once

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scoped_execution_unit.hpp>

#include <cstddef>
#include <functional>
#include <utility>

namespace velo::actors {

/// One thread that runs jobs in the order they were posted. Implemented by the
/// network's reactor; must outlive every actor spawned on it.
class event_loop : public caf::execution_unit {
 public:
  explicit event_loop(caf::actor_system& system);

  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Calls `then` once what the loop's sockets have to send by now has been handed
  /// to the kernel. Loop thread only.
  virtual void after_output(std::function<void()>&& then) { then(); }

  /// So many more bytes, or fewer, wait for sockets of this loop outside of their outboxes.
  /// Loop thread only.
  virtual void note_held(std::ptrdiff_t /*bytes*/) {}

  /// Schedules `job` on this loop. Any thread.
  void exec_later(caf::resumable* job) final;

 protected:
  /// Has the loop's thread call run(job), after everything posted before. Any thread.
  virtual void post(caf::resumable* job) = 0;

  /// Resumes `job` and releases it when it waits for messages or is done. Loop thread only.
  void run(caf::resumable* job);

 private:
  // What an actor on this loop sends goes to CAF's own scheduler, unless the
  // receiver is on a loop itself and says so in its enqueue().
  caf::scoped_execution_unit outward_;
};

/// An actor base (event_based_actor or some typed_actor::base) that runs on an
/// event_loop: constructor takes the loop after the actor_config.
template <class Base>
class on_loop : public Base {
 public:
  using Base::enqueue;

  on_loop(caf::actor_config& config, event_loop& loop) : Base(config), loop_(loop) {}

  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    Base::enqueue(std::move(message), &loop_);
  }

  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    Base::launch(&loop_, lazy, hide);
  }

  event_loop& loop() { return loop_; }

 private:
  event_loop& loop_;
};

}  // namespace velo::actors
