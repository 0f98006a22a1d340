#include "rules/normalise.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "rules/evaluate.hpp"
#include "rules/order.hpp"

namespace velo::rules {

namespace {

const constant* constant_of(const operand& side) {
  return std::get_if<constant>(&side);
}

bool is_bound_null(const operand& side) {
  const auto* value = constant_of(side);
  return value != nullptr && value->is_null() && !value->is_literal();
}

bool is_text_or_number(const nlohmann::json& value) {
  return value.is_string() || value.is_number();
}

bool is_ordering(relation op) {
  return op >= relation::less && op <= relation::greater_equal;
}
bool is_like(relation op) {
  return op == relation::like || op == relation::ilike;
}

/// Where literalness means nothing, equal constants shall be equal.
constant without_origin(const constant& value) {
  const auto& json = value.value();
  const auto* text = json.get_ptr<const std::string*>();
  const bool matters = json.is_null() || json.is_structured() || (text != nullptr && text->empty());
  return matters ? value : constant::literal(json);
}

/// 1.0 is 1 in every comparison but LIKE.
constant by_value(const constant& value) {
  constexpr double two_to_63 = 9223372036854775808.0;
  if (const auto* real = value.value().get_ptr<const double*>()) {
    if (*real >= -two_to_63 && *real < two_to_63) {
      const auto whole = static_cast<std::int64_t>(*real);
      if (static_cast<double>(whole) == *real) return constant::literal(whole);
    }
  }
  return without_origin(value);
}

/// LIKE sees a number's text.
constant as_pattern_text(const constant& value) {
  if (value.value().is_number()) return constant::literal(number_text(value.value()));
  return without_origin(value);
}

relation mirrored(relation op) {
  switch (op) {
    case relation::less:
      return relation::greater;
    case relation::less_equal:
      return relation::greater_equal;
    case relation::greater:
      return relation::less;
    case relation::greater_equal:
      return relation::less_equal;
    default:
      return op;
  }
}

template <class Item>
void sort_and_dedupe(std::vector<Item>& items) {
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return order(a, b) < 0; });
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

/// `x = a` and `x IN (a, b)` are lists of one and two.
bool is_list_like(const comparison& leaf) {
  if (leaf.any || !std::holds_alternative<path>(leaf.left)) return false;
  return leaf.op == relation::in_list ||
         (leaf.op == relation::equal && constant_of(leaf.right) != nullptr);
}

expression list_leaf(path left, bool negated, std::vector<constant> values) {
  sort_and_dedupe(values);
  if (values.empty()) return expression(negated);
  comparison leaf;
  leaf.left = std::move(left);
  leaf.negated = negated;
  if (values.size() == 1) {
    leaf.right = std::move(values.front());
  } else {
    leaf.op = relation::in_list;
    leaf.list = std::move(values);
  }
  return expression(std::move(leaf));
}

/// Joins the lists over one path in `terms`, which are sorted: those of
/// equalities in an OR, those of inequalities in an AND.
void merge_lists(std::vector<expression>& terms, bool negated) {
  const auto leaf_of = [](const expression& term) { return std::get_if<comparison>(&term.node()); };
  const auto is_list = [&](const expression& term) {
    const auto* leaf = leaf_of(term);
    return leaf != nullptr && leaf->negated == negated && is_list_like(*leaf);
  };
  bool merged = false;
  std::vector<expression> done;
  done.reserve(terms.size());
  for (auto from = terms.begin(); from != terms.end();) {
    // Comparisons sort by their left side first: those of one path are neighbours.
    const auto* first = leaf_of(*from);
    const auto to = std::find_if(from + 1, terms.end(), [&](const expression& term) {
      const auto* leaf = leaf_of(term);
      return first == nullptr || leaf == nullptr || leaf->left != first->left;
    });
    if (std::count_if(from, to, is_list) < 2) {
      done.insert(done.end(), std::make_move_iterator(from), std::make_move_iterator(to));
      from = to;
      continue;
    }
    merged = true;
    const auto where = std::get<path>(first->left);
    std::vector<constant> values;
    for (; from != to; ++from) {
      const auto* leaf = leaf_of(*from);
      if (!is_list(*from)) {
        done.push_back(std::move(*from));
      } else if (leaf->op == relation::in_list) {
        values.insert(values.end(), leaf->list.begin(), leaf->list.end());
      } else {
        values.push_back(std::get<constant>(leaf->right));
      }
    }
    done.push_back(list_leaf(where, negated, std::move(values)));
  }
  terms = std::move(done);
  if (merged) sort_and_dedupe(terms);
}

/// AND (`all`) or OR over normal terms.
template <class Node>
expression combine(std::vector<expression> terms) {
  constexpr bool all = std::is_same_v<Node, conjunction>;
  std::vector<expression> flat;
  for (auto& term : terms) {
    if (const auto* known = std::get_if<bool>(&term.node())) {
      if (*known != all) return expression(!all);
    } else if (const auto* nested = std::get_if<Node>(&term.node())) {
      flat.insert(flat.end(), nested->terms.begin(), nested->terms.end());
    } else {
      flat.push_back(std::move(term));
    }
  }
  if (flat.size() > 1) {
    sort_and_dedupe(flat);
    merge_lists(flat, all);
  }
  if (flat.empty()) return expression(all);
  if (flat.size() == 1) return std::move(flat.front());
  return expression(Node{std::move(flat)});
}

class normaliser {
 public:
  explicit normaliser(const parameters& identity) : identity_(identity) {}

  /// `tree`, or its complement.
  expression normal(const expression& tree, bool inverted) const {
    return std::visit(
        overloaded{[&](bool value) { return expression(value != inverted); },
                   [&](const comparison& leaf) { return bound(leaf, inverted); },
                   [&](const conjunction& all) {
                     auto terms = normal(all.terms, inverted);
                     return inverted ? combine<disjunction>(std::move(terms))
                                     : combine<conjunction>(std::move(terms));
                   },
                   [&](const disjunction& some) {
                     auto terms = normal(some.terms, inverted);
                     return inverted ? combine<conjunction>(std::move(terms))
                                     : combine<disjunction>(std::move(terms));
                   },
                   [&](const negation& inverse) { return normal(inverse.operand, !inverted); }},
        tree.node());
  }

 private:
  std::vector<expression> normal(const std::vector<expression>& terms, bool inverted) const {
    std::vector<expression> done;
    done.reserve(terms.size());
    for (const auto& term : terms) done.push_back(normal(term, inverted));
    return done;
  }

  operand bound(const operand& side) const {
    const auto* where = std::get_if<path>(&side);
    if (where == nullptr || (where->from != root::auth && where->from != root::query)) return side;
    const auto* from = where->from == root::auth ? identity_.auth : identity_.query;
    const auto* found = from != nullptr ? lookup(*from, where->steps) : nullptr;
    return constant::bound(found != nullptr ? *found : nlohmann::json());
  }

  expression bound(comparison leaf, bool inverted) const {
    leaf.left = bound(leaf.left);
    leaf.right = bound(leaf.right);
    if (leaf.op == relation::in_path) {
      if (const auto* array = constant_of(leaf.right)) {
        if (!array->value().is_array()) return expression(leaf.negated != inverted);
        leaf.op = relation::in_list;
        leaf.list.clear();
        for (const auto& item : array->value()) leaf.list.push_back(constant::bound(item));
        leaf.right = constant::literal(nullptr);
      }
    }
    if (const auto* left = constant_of(leaf.left); left != nullptr && leaf.any) {
      return some_element(std::move(leaf), inverted);
    }
    return folded(std::move(leaf), inverted);
  }

  /// `?op` with a constant left side: OR over its elements.
  expression some_element(comparison leaf, bool inverted) const {
    leaf.any = false;
    const auto left = std::get<constant>(leaf.left);
    if (!left.value().is_array()) return folded(std::move(leaf), inverted);
    std::vector<expression> terms;
    for (const auto& item : left.value()) {
      leaf.left = constant::bound(item);
      terms.push_back(folded(leaf, inverted));
    }
    return inverted ? combine<conjunction>(std::move(terms))
                    : combine<disjunction>(std::move(terms));
  }

  /// A comparison without parameters; with `any`, its left side is a path.
  expression folded(comparison leaf, bool inverted) const {
    const bool has_right = leaf.op != relation::is_null && leaf.op != relation::in_list;
    if (constant_of(leaf.left) != nullptr && (!has_right || constant_of(leaf.right) != nullptr)) {
      static const nlohmann::json nothing;
      return expression(evaluate(leaf, {}, {nothing, action::created, {}}) != inverted);
    }
    if (!leaf.any) {
      leaf.negated = leaf.negated != inverted;
      if (never_related(leaf)) return expression(leaf.negated);
      return oriented(std::move(leaf));
    }
    // Some element satisfies what none can; for the negated form it takes an
    // element at least, so that stays.
    if (!leaf.negated && never_related(leaf)) return expression(inverted);
    auto done = oriented(std::move(leaf));
    return inverted ? expression(negation{std::move(done)}) : done;
  }

  /// Whether the relation fails for every value of the side that is a path.
  static bool never_related(const comparison& leaf) {
    const auto hopeless = [&](const operand& side) {
      const auto* value = constant_of(side);
      return value != nullptr && !is_text_or_number(value->value());
    };
    switch (leaf.op) {
      case relation::equal:
        return is_bound_null(leaf.left) || is_bound_null(leaf.right);
      case relation::is_null:
        return false;
      case relation::in_list:
        return std::all_of(leaf.list.begin(), leaf.list.end(), [](const constant& item) {
          return item.is_null() && !item.is_literal();
        });
      case relation::in_path:
        return is_bound_null(leaf.left);
      default:
        return hopeless(leaf.left) || hopeless(leaf.right);
    }
  }

  static void settle(operand& side, relation op) {
    if (const auto* value = constant_of(side)) {
      side = is_like(op) ? as_pattern_text(*value) : by_value(*value);
    }
  }

  static expression oriented(comparison leaf) {
    if (leaf.op == relation::in_list) {
      std::vector<constant> values;
      for (const auto& item : leaf.list) {
        // A bound null equals nothing that a path leads to.
        if (item.is_literal() || !item.is_null()) values.push_back(by_value(item));
      }
      return list_leaf(std::get<path>(std::move(leaf.left)), leaf.negated, std::move(values));
    }
    settle(leaf.left, leaf.op);
    settle(leaf.right, leaf.op);
    if (!leaf.any && (leaf.op == relation::equal || is_ordering(leaf.op))) {
      const auto* left = std::get_if<path>(&leaf.left);
      const auto* right = std::get_if<path>(&leaf.right);
      if (left == nullptr || (right != nullptr && *right < *left)) {
        std::swap(leaf.left, leaf.right);
        leaf.op = mirrored(leaf.op);
      }
    }
    return expression(std::move(leaf));
  }

  const parameters& identity_;
};

}  // namespace

expression normalise(const expression& tree, const parameters& identity) {
  return normaliser(identity).normal(tree, false);
}

expression normalise(const rule& who, const expression& filter, const parameters& identity) {
  if (identity.superuser) return normalise(filter, identity);
  return combine<conjunction>({normalise(who.condition(), identity), normalise(filter, identity)});
}

}  // namespace velo::rules
