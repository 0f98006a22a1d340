// The index gives the verdicts of the sequential evaluator, whatever comes.

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "rules/predicate_index.hpp"
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

// More terms than an entry has room for, so that the code is asked, which says yes to every
// alternative's entry as soon as one of them holds.
TEST_CASE("of alternatives that exclude each other one alone finds the filter", "[rules][index]") {
  constexpr subscriber_id subscribers = 5'000;
  constexpr unsigned fields = 8;
  std::mt19937 random(7);
  const auto value = [&] { return std::to_string(random() % 2); };
  predicate_index index;
  for (subscriber_id id = 0; id < subscribers; ++id) {
    std::vector<unsigned> order(fields);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), random);
    std::string filter = "f" + std::to_string(order[0]) + " IN (0, 1)";
    for (unsigned i = 1; i < 6; ++i) filter += " && f" + std::to_string(order[i]) + " = " + value();
    index.put(id, bind(tree(filter), parameters{}));
  }
  for (int i = 0; i < 50; ++i) {
    auto record = nlohmann::json::object();
    for (unsigned field = 0; field < fields; ++field)
      record["f" + std::to_string(field)] = random() % 2;
    prepared_change change;
    index.prepare({nullptr, &record, action::updated, "2026-01-01T00:00:00.000Z"}, change);
    const auto found = index.find(change);
    std::vector<subscriber_id> sorted(found.begin(), found.end());
    std::sort(sorted.begin(), sorted.end());
    CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
    REQUIRE_FALSE(sorted.empty());
  }
}

TEST_CASE("the index agrees with the evaluator on ten million pairs", "[rules][index][long]") {
  const char* const asked = std::getenv("VELO_LONG");
  if (asked == nullptr || *asked == '\0') return;
  compare(2'000'000, 200, 1'000);
  compare(8'000'000, 3'000, 2'000);
}
