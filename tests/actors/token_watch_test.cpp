#include "actors/token_watch.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using velo::actors::token_watch;
using velo::storage::token_facts;

namespace {

token_facts expiring(std::int64_t at, std::string id = {}) {
  return {std::move(id), 0, at};
}

std::string story(const std::vector<token_watch::due>& found) {
  std::string out;
  for (const auto& d : found)
    out += std::to_string(d.who) + (d.expired ? " ended " : " announced ");
  return out;
}

}  // namespace

TEST_CASE("an end is announced, then comes", "[actors][tokens]") {
  token_watch w;
  CHECK(w.next() == token_watch::never);
  w.set(1, expiring(100'000), 0, 30'000);
  w.set(2, expiring(80'000), 0, 30'000);
  w.set(3, token_facts{}, 0, 30'000);
  CHECK(w.size() == 2);
  CHECK(w.next() == 50'000);
  CHECK(w.take_due(49'999).empty());
  CHECK(story(w.take_due(50'000)) == "2 announced ");
  CHECK(w.announced(2) == 80'000);
  CHECK(w.announced(1) == 0);
  CHECK(story(w.take_due(90'000)) == "1 announced 2 ended ");
  CHECK(story(w.take_due(100'000)) == "1 ended ");
  CHECK(w.next() == token_watch::never);
}

TEST_CASE("a short life is announced at its half, a past one ends at once", "[actors][tokens]") {
  token_watch w;
  w.set(1, expiring(10'000), 0, 30'000);
  CHECK(w.next() == 5'000);
  w.set(2, expiring(10), 1'000, 30'000);
  CHECK(story(w.take_due(1'000)) == "2 ended ");
  // Late for both: the end alone.
  CHECK(story(w.take_due(20'000)) == "1 ended ");
}

TEST_CASE("a newer token takes the place of the older", "[actors][tokens]") {
  token_watch w;
  w.set(1, expiring(100, "a"), 0, 0);
  w.set(1, expiring(200, "b"), 0, 0);
  CHECK(w.of_token("a").empty());
  CHECK(w.of_token("b") == std::vector<token_watch::subscriber>{1});
  CHECK(w.take_due(150).empty());
  w.set(1, expiring(0, "c"), 0, 0);
  CHECK(w.next() == token_watch::never);
  CHECK(w.of_token("c").size() == 1);
  w.set(2, expiring(0, "c"), 0, 0);
  w.remove(1);
  CHECK(w.of_token("c") == std::vector<token_watch::subscriber>{2});
  w.remove(2);
  w.remove(2);
  CHECK(w.size() == 0);
}
