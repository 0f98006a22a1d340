// Random trees, records and identities: printing and parsing are inverse, and
// binding changes no verdict. The same seeds every time.

#include <random>
#include <string>
#include <vector>

#include "rules/mentions.hpp"
#include "rules/subscribe_decision.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;
using nlohmann::json;

namespace {

class generator {
 public:
  explicit generator(std::uint32_t seed) : random_(seed) {}

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
                                          "2026-01-31"};
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

/// The promises of class predicate.
bool is_normal(const expression& tree, bool top = true) {
  const auto normal_terms = [](const std::vector<expression>& terms, auto is_same_kind) {
    if (terms.size() < 2) return false;
    for (std::size_t i = 0; i < terms.size(); ++i) {
      if (is_same_kind(terms[i]) || !is_normal(terms[i], false)) return false;
      if (i > 0 && terms[i - 1] == terms[i]) return false;
    }
    return true;
  };
  return std::visit(
      overloaded{[&](bool) { return top; },
                 [&](const comparison& leaf) {
                   if (mentions_auth(tree) || mentions_query(tree)) return false;
                   const bool left_path = std::holds_alternative<path>(leaf.left);
                   if (!left_path && (leaf.any || leaf.op == relation::in_list ||
                                      !std::holds_alternative<path>(leaf.right))) {
                     return false;
                   }
                   if (leaf.op == relation::in_list) return leaf.list.size() > 1;
                   return leaf.op != relation::in_path || std::holds_alternative<path>(leaf.right);
                 },
                 [&](const conjunction& all) {
                   return normal_terms(all.terms, [](const expression& term) {
                     return std::holds_alternative<conjunction>(term.node());
                   });
                 },
                 [&](const disjunction& some) {
                   return normal_terms(some.terms, [](const expression& term) {
                     return std::holds_alternative<disjunction>(term.node());
                   });
                 },
                 [&](const negation& inverse) {
                   const auto* leaf = std::get_if<comparison>(&inverse.operand.node());
                   return leaf != nullptr && leaf->any && is_normal(inverse.operand, false);
                 }},
      tree.node());
}

}  // namespace

TEST_CASE("a random tree prints to a text that parses to it", "[rules][property]") {
  generator make(1);
  const limits wide{1U << 20U, 100, 10'000, 1000, 16};
  for (int i = 0; i < 5'000; ++i) {
    const auto tree = make.any_tree();
    const auto text = to_string(tree);
    INFO(text);
    const auto parsed = parse(text, wide);
    REQUIRE(parsed.has_value());
    REQUIRE(*parsed == tree);
  }
}

TEST_CASE("binding, folding and normalising change no verdict", "[rules][property]") {
  generator make(2);
  for (int i = 0; i < 10'000; ++i) {
    const auto tree = make.any_tree();
    const auto auth = make.chance(4) ? json() : make.object();
    json query = json::object();
    if (!make.chance(3)) query["a"] = make.chance(2) ? "" : "b";
    const parameters identity{&auth, &query, false};
    const auto bound = bind(tree, identity);
    INFO(to_string(tree) << " for " << auth << " is " << to_string(bound.expr()));
    REQUIRE(is_normal(bound.expr()));
    // Normal is normal already, and equal to itself made again.
    REQUIRE(bind(bound.expr(), identity) == bound);
    REQUIRE(bind(tree, identity) == bound);
    // The complement is the complement.
    const auto inverse = bind(expression(negation{tree}), identity);
    for (int n = 0; n < 5; ++n) {
      const auto record = make.object();
      const subject change{record, static_cast<action>(n % 3), noon};
      INFO(record);
      const bool expected = evaluate(tree, identity, change);
      REQUIRE(evaluate(bound, change) == expected);
      REQUIRE(evaluate(inverse, change) == !expected);
    }
  }
}

TEST_CASE("a rule that refuses a subscription holds for no record", "[rules][property]") {
  generator make(3);
  for (int i = 0; i < 3'000; ++i) {
    const auto condition = make.any_tree();
    const auto auth = make.chance(3) ? json() : make.object();
    const parameters identity{&auth, nullptr, false};
    if (decide(rule(condition), expression(), identity).outcome == access::granted) continue;
    for (int n = 0; n < 5; ++n) {
      const auto record = make.object();
      INFO(to_string(condition) << " for " << auth << " on " << record);
      REQUIRE_FALSE(evaluate(condition, identity, {record, static_cast<action>(n % 3), noon}));
    }
  }
}
