#include "net/loop_gate.hpp"

#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <atomic>
#include <memory>

using velo::net::loop_gate;
using velo::test::together;

TEST_CASE("who passes a gate finds what is behind it, until it is shut", "[loop_gate]") {
  for (int round = 0; round < 50; ++round) {
    loop_gate gate;
    auto behind = std::make_unique<int>(0);  // what is guarded has no lock of its own
    std::atomic<int> passed = 0;
    int last = 0;
    together(4, [&](std::size_t thread) {
      if (thread == 0) {
        while (passed.load(std::memory_order_relaxed) < round) {
        }
        gate.shut();
        last = *behind;
        behind.reset();
        return;
      }
      for (int i = 0; i < 200; ++i) {
        gate.pass([&] {
          ++*behind;
          passed.fetch_add(1, std::memory_order_relaxed);
        });
      }
    });
    CHECK(last == passed);
    gate.pass([&] { passed = -1; });
    CHECK(last == passed);
  }
}
