#include "actors/interned_texts.hpp"

#include "tests/support/catch.hpp"

#include <map>
#include <random>
#include <string>

namespace velo::actors {

TEST_CASE("equal texts have one number until the last use goes", "[actors][interned_texts]") {
  interned_texts texts;
  const auto a = texts.acquire("a");
  CHECK(texts.acquire("a") == a);
  CHECK(texts.acquire("b") != a);
  CHECK(texts.find("a") == a);
  CHECK(texts.uses(a) == 2);
  texts.note(a) = 7;
  CHECK_FALSE(texts.release(a));
  CHECK(texts.release(a));
  CHECK(texts.find("a") == interned_texts::none);
  const auto c = texts.acquire("c");
  CHECK(c == a);  // given out again
  CHECK(texts.note(c) == 0);
  CHECK(texts.text(c) == "c");
}

TEST_CASE("a table of numbers keeps what was put and forgets what was erased",
          "[actors][id_table]") {
  // Few hashes, so that they collide and runs wrap around.
  const std::uint64_t hashes = GENERATE(std::uint64_t{3}, 50, 100'000);
  CAPTURE(hashes);
  std::mt19937_64 random(7);
  id_table table;
  std::map<std::uint32_t, std::uint64_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto id = static_cast<std::uint32_t>(random() % 500);
    if (const auto known = model.find(id); known != model.end()) {
      table.erase(known->second, id);
      model.erase(known);
    } else {
      const auto hash = (random() % hashes) * 0x9e3779b97f4a7c15ULL;
      table.insert(hash, id);
      model.emplace(id, hash);
    }
    table.erase(random(), 1000);  // was never there
    if (i % 500 != 0) continue;
    REQUIRE(table.size() == model.size());
    for (std::uint32_t probe = 0; probe < 500; ++probe) {
      const auto known = model.find(probe);
      const auto hash = known == model.end() ? 0 : known->second;
      const auto found = table.find(hash, [&](std::uint32_t other) { return other == probe; });
      REQUIRE(found == (known == model.end() ? id_table::none : probe));
    }
  }
}

}  // namespace velo::actors
