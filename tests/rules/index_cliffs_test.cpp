// Where the index has nothing to go by, it is no worse than asking one after
// another, in time and in memory.

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "rules/evaluate.hpp"
#include "rules/predicate_index.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;
using nlohmann::json;

namespace {

/// Bytes for one subscriber at most, in any of these sets but the widest ORs.
constexpr std::size_t bytes_max = 2'048;

struct adverse {
  const char* what;
  std::size_t count;
  std::size_t bytes;
  std::string (*filter)(std::size_t);
};

std::string number(std::size_t i) {
  return std::to_string(i);
}
std::string join(std::initializer_list<std::string_view> parts) {
  std::string made;
  for (const auto part : parts) made += part;
  return made;
}

const adverse sets[] = {
    {"nothing to index by", 20'000, bytes_max,
     [](std::size_t i) {
       return join({"a != ", number(i), " && b != 'x", number(i % 7), "'"});
     }},
    {"the same range field", 20'000, bytes_max,
     [](std::size_t i) {
       return join({"n > ", number(i % 1'000), ".", number(i)});
     }},
    {"both ends of the same field", 20'000, bytes_max,
     [](std::size_t i) {
       return join({"n > ", number(i % 997), " && n < ", number(i + 500)});
     }},
    {"one value in nine of ten", 20'000, bytes_max,
     [](std::size_t i) {
       if (i % 10 != 0) return join({"s = 'common' && t != ", number(i)});
       return join({"s = 'rare", number(i), "' && t != ", number(i)});
     }},
    {"ORs of 256 terms", 400, 131'072,
     [](std::size_t i) {
       std::string made;
       for (std::size_t k = 0; k < 256; ++k) {
         made += join(
             {k > 0 ? " || " : "", k % 2 == 0 ? "a = " : "n > ", number(100'000 + i * 256 + k)});
       }
       return made;
     }},
    {"deep nesting", 2'000, 16'384,
     [](std::size_t i) {
       auto made = join({"a = ", number(i)});
       for (std::size_t k = 0; k < 28; ++k) {
         made =
             join({"(", made, k % 2 == 0 ? " || n > " : " && a != ", number(2'000 + i + k), ")"});
       }
       return made;
     }},
    {"contains", 100'000, bytes_max,
     [](std::size_t i) {
       return join({"t ~ 'w", number(i), "'"});
     }},
    {"contains two characters", 20'000, bytes_max,
     [](std::size_t i) {
       const char both[] = {static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26)};
       return join({"t LIKE '", {both, 2}, "' && a != ", number(i)});
     }},
};

double seconds(const std::vector<json>& records, auto&& once) {
  const auto from = std::chrono::steady_clock::now();
  for (const auto& record : records) once(record);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}

}  // namespace

TEST_CASE("sets of filters made against the index cost no more than one by one",
          "[rules][index][cliffs]") {
  std::vector<json> records;
  for (int i = 0; i < 5; ++i) {
    records.push_back({{"a", i},
                       {"b", "x" + std::to_string(i)},
                       {"n", i * 250},
                       {"s", "common"},
                       {"t", "w123 w4567 w89 some words like any text has"}});
  }
  for (const auto& set : sets) {
    INFO(set.what);
    predicate_index index;
    std::vector<predicate> all;
    for (std::size_t i = 0; i < set.count; ++i) {
      all.push_back(bind(tree(set.filter(i)), parameters{}));
      index.put(static_cast<subscriber_id>(i), all.back());
    }
    CHECK(index.memory_bytes() / set.count <= set.bytes);
    std::size_t by_index = 0;
    std::size_t one_by_one = 0;
    std::vector<match> found;
    const auto fast = [&](const json& record) {
      found.clear();
      index.match_change({nullptr, &record, action::created, noon}, found);
      by_index += found.size();
    };
    const auto slow = [&](const json& record) {
      for (const auto& p : all) one_by_one += evaluate(p, {record, action::created, noon}) ? 1 : 0;
    };
    // The best of three: others use the machine as well.
    double fastest = 1e9;
    double slowest = 1e9;
    for (int round = 0; round < 3; ++round) {
      fastest = std::min(fastest, seconds(records, fast));
      slowest = std::min(slowest, seconds(records, slow));
    }
    REQUIRE(by_index == one_by_one);
    INFO("index " << fastest << " s, one by one " << slowest << " s");
    CHECK(fastest <= 2 * slowest);
    for (std::size_t i = 0; i < set.count; ++i) index.remove(static_cast<subscriber_id>(i));
    CHECK(index.subscribers() == 0);
    // What filters took is given back; tables by subscriber number stay.
    CHECK(index.memory_bytes() <= set.count * 16 + 2'000'000);
  }
}
