#include "net/counters.hpp"

#include "actors/stages.hpp"
#include "net/driver_counters.hpp"
#include "net/metrics.hpp"
#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <array>
#include <atomic>
#include <cstdint>

using namespace velo;
using velo::test::together;

TEST_CASE("metrics are read while every loop counts", "[counters]") {
  constexpr std::size_t loops = 3;
  constexpr int readings = 50;
  std::array<net::socket_counters, loops> counted;
  actors::stage_clock stages;
  stages.turn_on();
  net::driver_counters driver;
  net::metrics_sources sources;
  for (const auto& c : counted) sources.loops.push_back(&c);
  sources.stages = &stages;
  sources.drivers.emplace_back("driver", &driver);

  std::atomic<bool> read = false;
  std::array<std::uint64_t, loops> turns{};
  std::size_t rendered = 0;
  together(loops + 1, [&](std::size_t thread) {
    if (thread == loops) {
      for (int i = 0; i < readings; ++i) rendered += net::render_metrics(sources).size();
      read.store(true, std::memory_order_relaxed);
      return;
    }
    auto& own = counted[thread];
    do {
      const auto turn = ++turns[thread];
      own.deliveries.add();
      own.closes.add(static_cast<std::uint16_t>(4000 + turn % 40));
      own.limits.add(net::limit::subscriptions);
      own.queued_bytes.set(turn);
      static_cast<void>(stages.end(actors::stage::write, stages.now()));
      if (thread == 0) ++driver.events;
    } while (!read.load(std::memory_order_relaxed));
  });
  CHECK(rendered > 0);
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < loops; ++i) {
    CHECK(counted[i].deliveries.value() == turns[i]);
    all += turns[i];
  }
  std::uint64_t durations = 0;
  for (std::size_t i = 0; i < actors::duration_histogram::bucket_count; ++i)
    durations += stages.of(actors::stage::write).bucket(i);
  CHECK(durations == all);
}
