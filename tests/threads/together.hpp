// Jobs that begin at one moment, each on a thread of its own.
//
// What they count they count relaxed (atomics with an order would be a fence where the
// code under test has to have one), and what Catch is to judge they leave to the caller.

#pragma once

#include <cstddef>
#include <latch>
#include <thread>
#include <vector>

namespace velo::test {

/// Runs job(0), job(1), ... and waits for all.
template <class Job>
void together(std::size_t threads, Job job) {
  std::latch start(static_cast<std::ptrdiff_t>(threads));
  std::vector<std::thread> running;
  running.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) {
    running.emplace_back([&start, &job, i] {
      start.arrive_and_wait();
      job(i);
    });
  }
  for (auto& thread : running) thread.join();
}

}  // namespace velo::test
