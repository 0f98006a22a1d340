#include "rules/evaluate.hpp"

#include <algorithm>

#include "rules/comparison_holds.hpp"
#include "rules/value.hpp"

namespace velo::rules {

namespace {

value_view at(const nlohmann::json* from, const path& where) noexcept {
  const auto* found = from != nullptr ? lookup(*from, where.steps) : nullptr;
  return found != nullptr ? value_view(*found) : value_view();
}

struct evaluator {
  const parameters& identity;
  const subject& change;

  value_view resolve(const operand& side) const noexcept {
    if (const auto* value = std::get_if<constant>(&side)) return value_view(*value);
    const auto& where = *std::get_if<path>(&side);
    switch (where.from) {
      case root::record:
        return at(&change.record, where);
      case root::auth:
        return at(identity.auth, where);
      case root::query:
        return at(identity.query, where);
      case root::action:
        return value_view(to_string(change.act));
      case root::now:
        return value_view(change.now);
    }
    return {};
  }

  bool holds(const comparison& leaf) const {
    return comparison_holds(leaf, [this](const operand& side) { return resolve(side); });
  }

  bool holds(const expression& tree) const {
    const auto& node = tree.node();
    if (const auto* leaf = std::get_if<comparison>(&node)) return holds(*leaf);
    if (const auto* all = std::get_if<conjunction>(&node)) {
      return std::all_of(all->terms.begin(), all->terms.end(),
                         [&](const expression& term) { return holds(term); });
    }
    if (const auto* some = std::get_if<disjunction>(&node)) {
      return std::any_of(some->terms.begin(), some->terms.end(),
                         [&](const expression& term) { return holds(term); });
    }
    if (const auto* inverse = std::get_if<negation>(&node)) return !holds(inverse->operand);
    return *std::get_if<bool>(&node);
  }
};

}  // namespace

bool evaluate(const predicate& bound, const subject& change) {
  return evaluate(bound.expr(), parameters{}, change);
}

bool evaluate(const expression& tree, const parameters& identity, const subject& change) {
  return evaluator{identity, change}.holds(tree);
}

bool evaluate(const comparison& leaf, const parameters& identity, const subject& change) {
  return evaluator{identity, change}.holds(leaf);
}

}  // namespace velo::rules
