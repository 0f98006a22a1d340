#include "actors/hook_thread.hpp"

#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

using velo::actors::hook_thread;
using velo::test::together;
using namespace std::chrono_literals;

TEST_CASE("jobs of all threads run one at a time", "[hook_thread]") {
  constexpr int posted = 200;
  constexpr int waited_for = 50;
  hook_thread thread;
  int jobs = 0;  // the thread's own
  std::atomic<int> in_time = 0;
  together(4, [&](std::size_t) {
    for (int i = 0; i < posted; ++i) {
      thread.post([&jobs] { ++jobs; });
      if (i % (posted / waited_for) != 0) continue;
      if (thread.run([&jobs] { ++jobs; }, 30s)) in_time.fetch_add(1, std::memory_order_relaxed);
    }
  });
  CHECK(in_time == 4 * waited_for);
  int seen = 0;
  REQUIRE(thread.run([&] { seen = jobs; }, 30s));
  CHECK(seen == 4 * (posted + waited_for));
}

TEST_CASE("a job that is given up goes on with what is its own", "[hook_thread]") {
  for (int round = 0; round < 20; ++round) {
    const auto done = std::make_shared<std::atomic<int>>(0);
    {
      hook_thread thread;
      together(3, [&](std::size_t caller) {
        for (int i = 0; i < 20; ++i) {
          const auto job = [done, text = std::make_shared<std::string>("a job's")] {
            text->append(" own");
            done->fetch_add(1, std::memory_order_relaxed);
          };
          if (caller == 0) thread.post(job);
          if (caller != 0) thread.run(job, 0ms);
        }
      });
    }
    const int at_the_end = *done;  // the rest was dropped
    CHECK(at_the_end <= 60);
    CHECK(at_the_end == *done);
  }
}
