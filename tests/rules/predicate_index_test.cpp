// The index gives the verdicts of the sequential evaluator, whatever comes.

#include <cstdlib>

#include "tests/rules/index_differential.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

namespace {

/// Runs every population until so many pairs were compared.
void compare(std::size_t pairs, subscriber_id subscribers, std::uint32_t seed) {
  std::size_t done = 0;
  for (; done < pairs; ++seed) {
    for (const auto kind : populations) {
      differential run(seed, kind, subscribers);
      const auto wrong = run.run(96);
      INFO("seed " << seed << ", population " << static_cast<int>(kind));
      if (wrong) FAIL(*wrong);
      done += run.pairs();
    }
  }
  REQUIRE(done >= pairs);
}

}  // namespace

TEST_CASE("the index agrees with the evaluator while filters come and go", "[rules][index]") {
  compare(100'000, 60, 1);
  compare(200'000, 1'500, 100);
}

TEST_CASE("the index agrees with the evaluator on ten million pairs", "[rules][index][long]") {
  const char* const asked = std::getenv("VELO_LONG");
  if (asked == nullptr || *asked == '\0') return;
  compare(2'000'000, 200, 1'000);
  compare(8'000'000, 3'000, 2'000);
}
