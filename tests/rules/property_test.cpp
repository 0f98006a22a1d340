// Random trees, records and identities: printing and parsing are inverse, and
// binding changes no verdict. The same seeds every time.

#include <string>
#include <vector>

#include "rules/mentions.hpp"
#include "rules/subscribe_decision.hpp"
#include "tests/rules/generator.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;
using nlohmann::json;

namespace {

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
