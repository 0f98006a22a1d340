#include "net/idempotency_cache.hpp"

#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <atomic>
#include <string>

using namespace velo::net;
using velo::test::together;
using verdict = idempotency_cache::verdict;

namespace {

constexpr std::size_t threads = 4;
constexpr int rounds = 500;

/// What came of requests that repeat each other.
struct counts {
  std::atomic<int> first = 0;
  std::atomic<int> conflicts = 0;
  std::atomic<int> heard = 0;
  std::atomic<int> unheard = 0;  // dropped, or told something else

  void one_more(std::atomic<int>& of) { of.fetch_add(1, std::memory_order_relaxed); }

  respond answer(const std::string& expected) {
    return respond{
        [this, expected](response&& given) { one_more(given.body == expected ? heard : unheard); }};
  }
};

}  // namespace

TEST_CASE("of requests with one key on all threads one is carried out", "[idempotency]") {
  idempotency_cache cache{8};
  counts c;
  together(threads, [&](std::size_t) {
    for (int i = 0; i < rounds; ++i) {
      const auto scope = "scope " + std::to_string(i);
      const auto answer = c.answer(scope);
      if (cache.begin(scope, "hash", answer) == verdict::repeated) continue;
      c.one_more(c.first);
      cache.finish(scope, response{.status = 200, .body = scope});
      answer(response{.status = 200, .body = scope});
    }
  });
  CHECK(c.heard == static_cast<int>(threads) * rounds);
  CHECK(c.unheard == 0);
  // Not more often than that: what was forgotten for want of room is carried out again.
  CHECK(c.first >= rounds);
}

TEST_CASE("what failed is tried again, on whatever thread", "[idempotency]") {
  idempotency_cache cache;
  counts c;
  together(threads, [&](std::size_t thread) {
    for (int i = 0; i < rounds; ++i) {
      const auto scope = std::to_string(i % 3);
      const auto answer = c.answer("failed");
      switch (cache.begin(scope, thread == 0 ? "other" : "hash", answer)) {
        case verdict::conflict:
          c.one_more(c.conflicts);
          answer(response{.status = 409, .body = "failed"});
          break;
        case verdict::first:
          c.one_more(c.first);
          cache.finish(scope, response{.status = 503, .body = "failed"});
          answer(response{.status = 503, .body = "failed"});
          break;
        case verdict::repeated:
          break;
      }
    }
  });
  CHECK(c.heard == static_cast<int>(threads) * rounds);
  CHECK(c.unheard == 0);
  CHECK(c.first > 3);
}
