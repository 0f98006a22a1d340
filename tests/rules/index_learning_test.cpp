// An index that began without any knowledge ends as good as one that had it: by what it does,
// not by the time that takes.

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "rules/predicate_index.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;
using nlohmann::json;

namespace {

constexpr std::size_t fields = 8;
constexpr std::size_t values = 64;
constexpr std::size_t values_that_come = 8;
constexpr subscriber_id subscribers = 20'000;

std::string name(std::size_t field) {
  return "f" + std::to_string(field);
}

/// Predicates ask for every value as often as for any other, but in half of the fields records
/// have only a few of them: nothing that can be known from the predicates.
class world {
 public:
  explicit world(std::uint32_t seed) : random_(seed) {}

  predicate conjunction() {
    std::string filter = "n != 1";  // With equalities alone, there is no tree.
    const auto first = random_() % fields;
    for (std::size_t i = 0; i < 3; ++i) filter += " && " + one_of(first + i * 3);
    return bind(tree(filter), parameters{});
  }

  /// Which side of the AND it stands under is a choice as well.
  predicate choice() {
    const auto first = random_() % fields / 2 * 2;
    const auto side = [&](std::size_t field, std::size_t count) {
      std::string made;
      while (count-- > 0) made += one_of(field) + (count > 0 ? " || " : "");
      return "(" + made + ")";
    };
    return bind(tree(side(first, 6) + " && " + side(first + 2, 6)), parameters{});
  }

  json record() {
    auto made = json::object();
    for (std::size_t i = 0; i < fields; ++i) {
      made[name(i)] = random_() % (i % 2 == 0 ? values_that_come : values);
    }
    return made;
  }

 private:
  std::string one_of(std::size_t field) {
    return name(field % fields) + " = " + std::to_string(random_() % values);
  }

  std::mt19937 random_;
};

struct work {
  double candidates = 0;
  double codes = 0;
  std::vector<std::vector<subscriber_id>> found;
};

/// Predicates that one change may put elsewhere, at most.
constexpr std::uint64_t reviewed_max = 8;

/// What finding costs, for each of some records.
work work_of(predicate_index& index, std::uint32_t seed, std::size_t records) {
  world events(seed);
  const auto before = index.effort();
  std::vector<match> found;
  work done;
  for (std::size_t i = 0; i < records; ++i) {
    const auto record = events.record();
    found.clear();
    index.match_change({nullptr, &record, action::created, noon}, found);
    auto& ids = done.found.emplace_back();
    for (const auto& one : found) ids.push_back(one.id);
    std::sort(ids.begin(), ids.end());
  }
  const auto after = index.effort();
  CHECK(after.states - before.states == records);
  CHECK(after.reviewed - before.reviewed <= reviewed_max * records);
  const auto per = static_cast<double>(records);
  done.candidates = static_cast<double>(after.candidates - before.candidates) / per;
  done.codes = static_cast<double>(after.codes - before.codes) / per;
  return done;
}

template <class Make>
std::vector<predicate> some(std::uint32_t seed, Make&& make) {
  world filters(seed);
  std::vector<predicate> all;
  for (subscriber_id id = 0; id < subscribers; ++id) all.push_back(make(filters));
  return all;
}

/// Compares an index that is given all predicates first with one that has seen records before.
template <class Make>
void compare(Make&& make, std::size_t records) {
  const auto all = some(1, make);
  predicate_index trained;
  predicate_index cold;
  // Training needs the comparisons to be there: some predicates that go again.
  for (subscriber_id id = 0; id < subscribers; ++id) trained.put(id, all[id]);
  static_cast<void>(work_of(trained, 2, 3'000));
  const auto seed = some(3, make);
  for (subscriber_id id = 0; id < subscribers; ++id) trained.put(id + subscribers, seed[id]);
  for (subscriber_id id = 0; id < subscribers; ++id) trained.remove(id);
  for (subscriber_id id = 0; id < subscribers; ++id) trained.put(id, all[id]);
  for (subscriber_id id = 0; id < subscribers; ++id) trained.remove(id + subscribers);

  for (subscriber_id id = 0; id < subscribers; ++id) cold.put(id, all[id]);
  const auto at_first = work_of(cold, 4, 20);
  static_cast<void>(work_of(cold, 5, records));
  const auto reached = work_of(cold, 6, 200);
  const auto wanted = work_of(trained, 6, 200);
  INFO("candidates of a record: cold " << at_first.candidates << ", then " << reached.candidates
                                       << ", trained " << wanted.candidates);
  INFO("evaluated: cold " << at_first.codes << ", then " << reached.codes << ", trained "
                          << wanted.codes);
  // Else there would be nothing to learn.
  CHECK(at_first.candidates + at_first.codes > 1.5 * (wanted.candidates + wanted.codes));
  CHECK(reached.candidates + reached.codes <= 1.1 * (wanted.candidates + wanted.codes));
  // Whatever was put elsewhere is still found, and once.
  CHECK(cold.effort().moved > 0);
  CHECK(reached.found == wanted.found);
}

}  // namespace

TEST_CASE("an index that began cold ends as one that was trained", "[rules][index][learning]") {
  SECTION("equalities") {
    compare([](world& w) { return w.conjunction(); }, 6'000);
  }
  SECTION("alternatives") {
    compare([](world& w) { return w.choice(); }, 6'000);
  }
}
