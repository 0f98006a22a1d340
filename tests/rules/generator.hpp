// Random values, records and trees over the whole grammar; the same for the
// same seed on every machine.

#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "rules/expression.hpp"

namespace velo::rules::test {

using nlohmann::json;

class generator {
 public:
  explicit generator(std::uint32_t seed) : random_(seed) {}

  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
  bool chance(unsigned in) { return random_() % in == 0; }

  template <class Items>
  auto pick(const Items& items) {
    return items[random_() % items.size()];
  }

  json scalar() {
    static const std::vector<json> values{nullptr,
                                          true,
                                          false,
                                          0,
                                          1,
                                          2,
                                          -1,
                                          10,
                                          1.0,
                                          0.5,
                                          1e2,
                                          -0.0,
                                          9007199254740993,
                                          9007199254740992.0,
                                          INT64_MAX,
                                          9223372036854775808.0,
                                          "",
                                          "a",
                                          "b",
                                          "A",
                                          "ab",
                                          "1",
                                          "1.0",
                                          "10",
                                          "0",
                                          "true",
                                          "false",
                                          "null",
                                          "%",
                                          "_",
                                          "a%",
                                          "é",
                                          "É",
                                          "x'y\\\"\n",
                                          "created",
                                          "9007199254740993",
                                          "2026-01-31",
                                          "1e1",
                                          "10.0",
                                          "-0",
                                          "-0.0",
                                          1e300,
                                          -1e300,
                                          5e-324,
                                          9007199254740992,
                                          -9007199254740993,
                                          1.5,
                                          "1.5",
                                          "abcdef",
                                          "bcd",
                                          "%bCd%",
                                          "ab_de%",
                                          "xabcdefx",
                                          "Straße und ſein K",
                                          "STRASSE UND SEIN k",
                                          "ſein",
                                          "\\%bcd",
                                          "12345",
                                          123456};
    return pick(values);
  }

  json value(int depth = 0) {
    if (depth < 2 && chance(5)) {
      auto items = json::array();
      for (auto n = random_() % 4; n > 0; --n) items.push_back(value(depth + 1));
      return items;
    }
    if (depth < 2 && chance(8)) return object(depth + 1);
    return scalar();
  }

  json object(int depth = 0) {
    auto made = json::object();
    for (const auto* name : {"a", "b", "c", "d"}) {
      if (!chance(4)) made[name] = value(depth);
    }
    return made;
  }

  operand path_operand() {
    static const std::vector<root> roots{root::record, root::record, root::record, root::auth,
                                         root::auth,   root::query,  root::action, root::now};
    path made;
    made.from = pick(roots);
    static const std::vector<std::string> names{"a", "b", "c", "d", "0", "1", "in", "00"};
    if (made.from == root::query) {
      made.steps.emplace_back(chance(2) ? "a" : "b");
    } else if (made.from != root::action && made.from != root::now) {
      if (!chance(20)) made.steps.emplace_back(names[random_() % 4]);
      while (!made.steps.empty() && chance(4)) made.steps.emplace_back(pick(names));
    }
    return made;
  }

  operand side() {
    if (chance(2)) return path_operand();
    return constant::literal(scalar());
  }

  comparison leaf() {
    comparison made;
    made.left = chance(4) ? side() : path_operand();
    static const std::vector<relation> all{
        relation::equal,         relation::equal,   relation::less,    relation::less_equal,
        relation::greater,       relation::like,    relation::ilike,   relation::is_null,
        relation::greater_equal, relation::in_list, relation::in_path, relation::equal};
    made.op = pick(all);
    const bool ordering = made.op >= relation::less && made.op <= relation::greater_equal;
    made.negated = !ordering && chance(3);
    switch (made.op) {
      case relation::is_null:
        break;
      case relation::in_list:
        for (auto n = 1 + random_() % 4; n > 0; --n)
          made.list.push_back(constant::literal(scalar()));
        break;
      case relation::in_path:
        made.right = path_operand();
        break;
      default:
        made.right = side();
        made.any = made.op != relation::like && chance(4);
    }
    return made;
  }

  expression any_tree(int depth = 0) {
    const auto kind = depth > 4 ? 0 : random_() % 8;
    if (kind < 3) return expression(leaf());
    if (kind == 3) return expression(chance(2));
    if (kind == 4) return expression(negation{any_tree(depth + 1)});
    std::vector<expression> terms;
    for (auto n = 2 + random_() % 2; n > 0; --n) terms.push_back(any_tree(depth + 1));
    if (kind % 2 == 0) return expression(conjunction{std::move(terms)});
    return expression(disjunction{std::move(terms)});
  }

 private:
  std::mt19937 random_;
};

}  // namespace velo::rules::test
