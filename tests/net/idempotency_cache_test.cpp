#include "net/idempotency_cache.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace velo::net;
using namespace std::chrono_literals;
using verdict = idempotency_cache::verdict;

namespace {

struct fixture {
  idempotency_cache cache{2, 1h};
  std::string heard;
  std::vector<respond> answers;
  idempotency_cache::clock::time_point now = idempotency_cache::clock::now();

  verdict begin(const std::string& scope, const std::string& body) {
    // Kept: one that is dropped answers by itself.
    answers.emplace_back([this](response&& r) { heard += r.body + ';'; });
    return cache.begin(scope, body, answers.back(), now);
  }
  void finish(const std::string& scope, unsigned status, const std::string& body) {
    cache.finish(scope, response{.status = status, .body = body});
    heard += "finished;";
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "a repetition gets the first answer, another body a conflict",
                 "[net][idempotency]") {
  CHECK(begin("k", "1") == verdict::first);
  finish("k", 200, "ok");
  CHECK(begin("k", "1") == verdict::repeated);
  CHECK(begin("k", "2") == verdict::conflict);
  CHECK(begin("other", "2") == verdict::first);
  CHECK(heard.starts_with("finished;ok;"));
}

TEST_CASE_METHOD(fixture, "a repetition of what is under way waits for its answer",
                 "[net][idempotency]") {
  CHECK(begin("k", "1") == verdict::first);
  heard.clear();
  CHECK(begin("k", "1") == verdict::repeated);
  CHECK(heard.empty());
  finish("k", 200, "ok");
  CHECK(heard == "ok;finished;");
}

TEST_CASE_METHOD(fixture, "what failed may be tried again", "[net][idempotency]") {
  CHECK(begin("k", "1") == verdict::first);
  CHECK(begin("k", "1") == verdict::repeated);
  heard.clear();
  finish("k", 503, "no");
  CHECK(heard == "no;finished;");
  CHECK(begin("k", "2") == verdict::first);
}

TEST_CASE_METHOD(fixture, "the oldest answers are forgotten, by number and by age",
                 "[net][idempotency]") {
  for (const auto* k : {"a", "b", "c"}) {
    CHECK(begin(k, "1") == verdict::first);
    finish(k, 200, k);
  }
  CHECK(begin("a", "2") == verdict::first);
  finish("a", 200, "a");
  CHECK(begin("c", "2") == verdict::conflict);
  now += 2h;
  CHECK(begin("c", "2") == verdict::first);
}
