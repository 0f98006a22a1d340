#include "net/client_limits.hpp"

#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace velo::net;
using velo::test::together;

namespace {

boost::asio::ip::address address(std::size_t number) {
  return boost::asio::ip::make_address("192.0.2." + std::to_string(number));
}

client_key key(std::size_t number) {
  return key_of_token(std::to_string(number));
}

constexpr auto none = rate_limiter::clock::duration::zero();

}  // namespace

TEST_CASE("connections that come and go on all threads leave their places", "[client_limits]") {
  connection_counts counts{1};
  std::atomic<int> refused = 0;
  together(4, [&](std::size_t thread) {
    std::vector<std::unique_ptr<connection_counts::place>> held;
    for (std::size_t i = 0; i < 2000; ++i) {
      held.push_back(counts.enter(address(i % 3)));
      if (held.back()->beyond()) refused.fetch_add(1, std::memory_order_relaxed);
      if (held.size() > 3 + thread) held.erase(held.begin());
    }
  });
  CHECK(refused > 0);
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(counts.enter(address(i))->beyond());
}

TEST_CASE("a bucket that all threads draw from gives no more than it holds", "[client_limits]") {
  rate_limiter limiter{1000};
  const auto now = rate_limiter::clock::now();
  std::atomic<int> passed = 0;
  together(4, [&](std::size_t) {
    for (int i = 0; i < 500; ++i)
      if (limiter.take(key(1), now) == none) passed.fetch_add(1, std::memory_order_relaxed);
  });
  CHECK(passed == 1000);
}

TEST_CASE("a table of buckets that is full stays bounded on all threads", "[client_limits]") {
  rate_limiter limiter{2, 64};
  const auto began = rate_limiter::clock::now();
  std::atomic<std::size_t> largest = 0;
  together(4, [&](std::size_t thread) {
    for (std::size_t i = 0; i < 3000; ++i) {
      // Half of them are each thread's own; now and then a sweep is due.
      const auto now = began + std::chrono::milliseconds(i);
      static_cast<void>(limiter.take(key(i % 2 == 0 ? i : i + 10'000 * thread), now));
      if (i % 64 == 0) {
        const auto size = limiter.size();
        auto known = largest.load(std::memory_order_relaxed);
        while (known < size &&
               !largest.compare_exchange_weak(known, size, std::memory_order_relaxed)) {
        }
      }
    }
  });
  CHECK(largest > 16);
  CHECK(largest <= 64);
}

TEST_CASE("lists of networks are read by all threads", "[client_limits]") {
  network_list trusted;
  REQUIRE(trusted.add("10.0.0.0/8"));
  REQUIRE(trusted.add("unix"));
  std::atomic<int> wrong = 0;
  together(4, [&](std::size_t) {
    for (int i = 0; i < 500; ++i) {
      const auto client = client_behind(std::nullopt, {"192.0.2.1, 10.1.2.3"}, trusted);
      if (to_text(client) != "192.0.2.1") wrong.fetch_add(1, std::memory_order_relaxed);
    }
  });
  CHECK(wrong == 0);
}
