// The syntax tree of a rule or filter: constant | comparison | conjunction |
// disjunction | negation.
//
// An expression is an immutable value that is shared, never changed: copying
// one copies a pointer, from any thread. Trees are inspected through node(), a
// std::variant, with std::visit:
//
//   std::visit(overloaded{
//       [](bool constant) {…},          [](const comparison& leaf) {…},
//       [](const conjunction& all) {…}, [](const disjunction& some) {…},
//       [](const negation& inverse) {…}}, tree.node());

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "rules/like.hpp"
#include "rules/operand.hpp"

namespace velo::rules {

enum class relation : std::uint8_t {
  equal,
  less,
  less_equal,
  greater,
  greater_equal,
  like,
  ilike,
  is_null,  ///< `x IS NULL`; has no right side.
  in_list,  ///< `x IN (a, b)`; the right side is `list`.
  in_path,  ///< `x IN members`; the right side is a path, an array when judged.
};

/// One comparison. `!=`, NOT LIKE, NOT IN, IS NOT NULL are their relation
/// `negated`. With `any` (the `?op` form) the negation is inside: some element
/// of the left side does not satisfy the relation.
struct comparison {
  operand left = constant::literal(nullptr);
  relation op = relation::equal;
  bool negated = false;
  bool any = false;
  operand right = constant::literal(nullptr);
  std::vector<constant> list;
  /// Made by expression() for LIKE and ILIKE with a constant pattern, unless it
  /// is there; whoever changes `op` or `right` of a copy resets it.
  std::shared_ptr<const like_pattern> pattern;

  /// Ignores `pattern`, which follows from the rest.
  bool operator==(const comparison& other) const noexcept;
};

struct conjunction;
struct disjunction;
struct negation;

class expression {
 public:
  using variant = std::variant<bool, comparison, conjunction, disjunction, negation>;

  expression();  ///< The constant true.
  explicit expression(bool constant);
  explicit expression(comparison leaf);
  explicit expression(conjunction all);
  explicit expression(disjunction some);
  explicit expression(negation inverse);

  [[nodiscard]] const variant& node() const noexcept;
  /// Structure, operands and literalness alike: no algebra is done here.
  bool operator==(const expression& other) const noexcept;

 private:
  struct holder;
  explicit expression(std::shared_ptr<const holder> node) : node_(std::move(node)) {}

  std::shared_ptr<const holder> node_;
};

struct conjunction {
  std::vector<expression> terms;  ///< All must hold; in source order.
  bool operator==(const conjunction&) const noexcept = default;
};

struct disjunction {
  std::vector<expression> terms;  ///< One must hold; in source order.
  bool operator==(const disjunction&) const noexcept = default;
};

struct negation {
  expression operand;
  bool operator==(const negation&) const noexcept = default;
};

/// Lambdas as one visitor.
template <class... Functions>
struct overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
overloaded(Functions...) -> overloaded<Functions...>;

/// Calls `visit(const comparison&)` for every comparison, in source order.
template <class Visitor>
void for_each_comparison(const expression& tree, Visitor&& visit) {
  std::visit(
      overloaded{[](bool) {}, [&](const comparison& leaf) { visit(leaf); },
                 [&](const conjunction& all) {
                   for (const auto& term : all.terms) for_each_comparison(term, visit);
                 },
                 [&](const disjunction& some) {
                   for (const auto& term : some.terms) for_each_comparison(term, visit);
                 },
                 [&](const negation& inverse) { for_each_comparison(inverse.operand, visit); }},
      tree.node());
}

/// Calls `visit(const path&, const comparison&)` for every path in the tree.
template <class Visitor>
void for_each_path(const expression& tree, Visitor&& visit) {
  for_each_comparison(tree, [&](const comparison& leaf) {
    for (const auto* side : {&leaf.left, &leaf.right}) {
      if (const auto* found = std::get_if<path>(side)) visit(*found, leaf);
    }
  });
}

/// Returns the tree in the syntax of the language. What parse() has made, it
/// makes again from this text. A bound null or '' is not syntax and prints as
/// `@bound(null)`, `@bound('')`; bound arrays and objects print as JSON.
[[nodiscard]] std::string to_string(const expression& tree);
[[nodiscard]] std::string to_string(const comparison& leaf);
[[nodiscard]] std::string to_string(const constant& value);
[[nodiscard]] std::string to_string(const path& value);

}  // namespace velo::rules
