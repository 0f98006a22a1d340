#include "net/reactor.hpp"

#include "tests/support/catch.hpp"

#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

using namespace velo::net;
using namespace std::chrono_literals;

namespace {

struct fixture {
  caf::actor_system_config config;
  caf::actor_system system{config};
  reactor loop{system, 3, 5ms};

  /// Runs on the loop's thread; returns when it is done.
  void on_loop(const std::function<void()>& job) {
    std::promise<void> done;
    boost::asio::post(loop.io(), [&] {
      job();
      done.set_value();
    });
    REQUIRE(done.get_future().wait_for(20s) == std::future_status::ready);
  }
};

struct counting_flushable final : flushable {
  explicit counting_flushable(std::function<void()> then = [] {}) : on_flush(std::move(then)) {}
  void flush() override {
    ++flushes;
    on_flush();
  }
  std::function<void()> on_flush;
  int flushes = 0;
};

struct noting_timed final : timed {
  void on_tick(std::chrono::steady_clock::time_point) override {
    ++ticks;
    if (tick) tick();
  }
  void on_drain(std::uint16_t code, std::string_view reason) override {
    drained = std::to_string(code) + " " + std::string(reason);
    if (drain) drain();
  }
  void on_stop() override { stopped = true; }

  std::function<void()> tick, drain;
  int ticks = 0;
  std::string drained;
  bool stopped = false;
};

}  // namespace

TEST_CASE_METHOD(fixture, "a flush comes once, after what the turn has queued", "[net][reactor]") {
  std::vector<std::string> order;
  std::promise<void> flushed;
  counting_flushable item([&] {
    order.emplace_back("flush");
    flushed.set_value();
  });
  loop.start();
  on_loop([&] {
    boost::asio::post(loop.io(), [&] {
      order.emplace_back("second");
      loop.flush_at_turn_end(item);
    });
    loop.flush_at_turn_end(item);
    loop.flush_at_turn_end(item);
    order.emplace_back("first");
  });
  REQUIRE(flushed.get_future().wait_for(20s) == std::future_status::ready);
  loop.stop();
  loop.join();
  REQUIRE(order == std::vector<std::string>{"first", "second", "flush"});
  REQUIRE(item.flushes == 1);
}

TEST_CASE_METHOD(fixture, "who queues itself while it is flushed is flushed again",
                 "[net][reactor]") {
  std::promise<void> done;
  counting_flushable item;
  item.on_flush = [&] {
    if (item.flushes < 3) {
      loop.flush_at_turn_end(item);
    } else {
      done.set_value();
    }
  };
  loop.start();
  on_loop([&] { loop.flush_at_turn_end(item); });
  REQUIRE(done.get_future().wait_for(20s) == std::future_status::ready);
}

TEST_CASE_METHOD(fixture, "what is destroyed is flushed and visited no more", "[net][reactor]") {
  auto second = std::make_unique<counting_flushable>();
  counting_flushable first([&] { second.reset(); });
  auto other = std::make_unique<noting_timed>();
  noting_timed killer;
  std::promise<void> ticked;
  killer.tick = [&] {
    other.reset();
    if (killer.ticks == 2) ticked.set_value();
  };
  loop.start();
  on_loop([&] {
    loop.flush_at_turn_end(first);
    loop.flush_at_turn_end(*second);
    loop.watch(killer);
    loop.watch(*other);
    REQUIRE(loop.watched() == 2);
  });
  REQUIRE(ticked.get_future().wait_for(20s) == std::future_status::ready);
  on_loop([&] {
    REQUIRE(first.flushes == 1);
    REQUIRE(second == nullptr);
    REQUIRE(loop.watched() == 1);
    loop.unwatch(killer);
    REQUIRE(loop.watched() == 0);
  });
}

TEST_CASE_METHOD(fixture, "a drain reaches everyone once, in slices", "[net][reactor]") {
  constexpr std::size_t count = 10;
  std::vector<std::unique_ptr<noting_timed>> items;
  std::vector<std::chrono::steady_clock::time_point> when;
  std::promise<void> all;
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back(std::make_unique<noting_timed>());
    items.back()->drain = [&] {
      when.push_back(std::chrono::steady_clock::now());
      if (when.size() == count) all.set_value();
    };
  }
  loop.start();
  on_loop([&] {
    for (auto& item : items) loop.watch(*item);
  });
  loop.drain(4200, "away", 300ms);
  REQUIRE(all.get_future().wait_for(20s) == std::future_status::ready);
  loop.stop();
  loop.join();
  for (const auto& item : items) {
    REQUIRE(item->drained == "4200 away");
    REQUIRE(item->stopped);
  }
  // Three slices: of 4, of 3 and of 3.
  REQUIRE(when[4] - when[0] >= 90ms);
  REQUIRE(when[9] - when[0] >= 190ms);
}

TEST_CASE_METHOD(fixture, "others have their turn while a tick visits many", "[net][reactor]") {
  constexpr std::size_t count = 5000;
  std::vector<std::unique_ptr<noting_timed>> items;
  std::promise<void> overtaken;
  std::size_t visited = 0;
  const auto note = [&] {
    // Behind it come those who were posted while it ran.
    if (++visited == 1)
      boost::asio::post(loop.io(), [&] {
        REQUIRE(visited < count);
        overtaken.set_value();
      });
  };
  for (std::size_t i = 0; i < count; ++i) {
    items.push_back(std::make_unique<noting_timed>());
    items.back()->tick = note;
  }
  loop.start();
  on_loop([&] {
    for (auto& item : items) loop.watch(*item);
  });
  REQUIRE(overtaken.get_future().wait_for(20s) == std::future_status::ready);
  // Each in every tick, and a drain in the middle of one forgets nobody.
  std::promise<void> drained;
  std::size_t told = 0;
  on_loop([&] {
    for (auto& item : items)
      item->drain = [&] {
        if (++told == count) drained.set_value();
      };
  });
  loop.drain(4200, "away", 1ms);
  REQUIRE(drained.get_future().wait_for(20s) == std::future_status::ready);
  on_loop([&] { REQUIRE(loop.watched() == count); });
  loop.stop();
  loop.join();
  for (const auto& item : items) REQUIRE(item->stopped);
}

TEST_CASE("a tick is a quarter of the shortest deadline, a second at most", "[net][reactor]") {
  REQUIRE(reactor::tick_for(120s, 30s) == 1s);
  REQUIRE(reactor::tick_for(120s, 200ms) == 50ms);
  REQUIRE(reactor::tick_for(1ms) == 1ms);
}
