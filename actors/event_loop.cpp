#include "actors/event_loop.hpp"

#include <caf/actor_system.hpp>

namespace velo::actors {

namespace {

// Messages one actor may handle before the others of its loop get a turn.
constexpr std::size_t throughput_max = 300;

}  // namespace

event_loop::event_loop(caf::actor_system& system)
    : caf::execution_unit(&system), outward_(&system) {}

void event_loop::exec_later(caf::resumable* job) {
  post(job);
}

void event_loop::run(caf::resumable* job) {
  switch (job->resume(&outward_, throughput_max)) {
    case caf::resumable::resume_later:
      post(job);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      break;
  }
}

}  // namespace velo::actors
