#include "net/client_limits.hpp"

#include "net/accept_pacer.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace velo::net;
using namespace std::chrono_literals;

namespace {

boost::asio::ip::address at(const std::string& address) {
  return boost::asio::ip::make_address(address);
}

constexpr auto none = rate_limiter::clock::duration::zero();

}  // namespace

TEST_CASE("an IPv6 client is its /64, an IPv4 client its address", "[net][client_limits]") {
  CHECK(key_of(at("2001:db8::1")) == key_of(at("2001:db8::ffff:1")));
  CHECK(key_of(at("2001:db8::1")) != key_of(at("2001:db8:0:1::1")));
  CHECK(key_of(at("192.0.2.1")) != key_of(at("192.0.2.2")));
  CHECK(key_of(at("192.0.2.1")) == key_of(at("::ffff:192.0.2.1")));
  CHECK(key_of_token("a") != key_of_token("b"));
}

TEST_CASE("connections are counted for as long as they live", "[net][client_limits]") {
  connection_counts counts{2};
  auto first = counts.enter(at("192.0.2.1"));
  auto second = counts.enter(at("192.0.2.1"));
  auto third = counts.enter(at("192.0.2.1"));
  CHECK_FALSE(second->beyond());
  CHECK(third->beyond());
  CHECK_FALSE(third->far_beyond());
  CHECK_FALSE(counts.enter(at("192.0.2.2"))->beyond());
  auto fourth = counts.enter(at("192.0.2.1"));
  CHECK_FALSE(fourth->far_beyond());
  CHECK(counts.enter(at("192.0.2.1"))->far_beyond());
  first.reset();
  second.reset();
  third.reset();
  CHECK_FALSE(counts.enter(at("192.0.2.1"))->beyond());

  CHECK(connection_counts{}.enter(at("192.0.2.1")) == nullptr);
  CHECK(counts.enter(std::nullopt) == nullptr);
}

TEST_CASE("counts from many threads add up", "[net][client_limits]") {
  connection_counts counts{1};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&counts, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto here = counts.enter(at("192.0.2." + std::to_string(i % 5)));
        const auto own = counts.enter(at("198.51.100." + std::to_string(t)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  // Everybody has left: each place is free again.
  for (int i = 0; i < 5; ++i)
    CHECK_FALSE(counts.enter(at("192.0.2." + std::to_string(i)))->beyond());
}

TEST_CASE("a bucket gives a second's worth at once, then one at a time", "[net][client_limits]") {
  rate_limiter limiter{10};
  const auto key = key_of(at("192.0.2.1"));
  const auto now = rate_limiter::clock::now();
  for (int i = 0; i < 10; ++i) CHECK(limiter.take(key, now) == none);
  CHECK(limiter.take(key, now) == 100ms);
  CHECK(limiter.take(key, now) == 100ms);  // having asked costs nothing
  CHECK(limiter.take(key_of(at("192.0.2.2")), now) == none);
  CHECK(limiter.take(key, now + 100ms) == none);
  CHECK(limiter.take(key, now + 100ms) != none);
  for (int i = 0; i < 10; ++i) CHECK(limiter.take(key, now + 2s) == none);
  CHECK(limiter.take(key, now + 2s) != none);
}

TEST_CASE("one request a second is a rate, too", "[net][client_limits]") {
  rate_limiter limiter{1};
  const auto key = key_of_token("token");
  const auto now = rate_limiter::clock::now();
  CHECK(limiter.take(key, now) == none);
  CHECK(limiter.take(key, now) == 1s);
  CHECK(limiter.take(key, now + 1s) == none);
  CHECK_FALSE(rate_limiter{}.is_on());
}

TEST_CASE("a flood of clients neither grows the table nor frees who is over the limit",
          "[net][client_limits]") {
  rate_limiter limiter{2, 1024};
  const auto greedy = key_of_token("greedy");
  const auto now = rate_limiter::clock::now();
  CHECK(limiter.take(greedy, now) == none);
  CHECK(limiter.take(greedy, now) == none);
  CHECK(limiter.take(greedy, now) != none);
  // Quiet ones go first: each of these has a fuller bucket than the greedy one.
  int freed = 0;
  for (int i = 0; i < 20'000; ++i) {
    static_cast<void>(limiter.take(key_of_token(std::to_string(i)), now));
    if (limiter.take(greedy, now) == none) ++freed;
  }
  CHECK(freed <= 1);
  CHECK(limiter.size() <= 1024 + 16);
}

TEST_CASE("a pacer lets pass a tenth of a second's worth, then evenly", "[net][client_limits]") {
  accept_pacer pacer{100};
  const auto now = accept_pacer::clock::now();
  for (int i = 0; i < 10; ++i) CHECK(pacer.accepted(now) == none);
  CHECK(pacer.accepted(now) == 10ms);
  CHECK(pacer.accepted(now + 10ms) == 10ms);
  CHECK(pacer.accepted(now + 10s) == none);
  accept_pacer none_at_all;
  for (int i = 0; i < 1000; ++i) CHECK(none_at_all.accepted(now) == none);
}
