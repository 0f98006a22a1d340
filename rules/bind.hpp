// From texts shared by all to the predicate of one subscriber.
//
// Binding puts the subscriber's values in place of `@request.…`, folds what is
// decided by them alone, and brings the rest into one normal form, so that
// predicates that mean the same by construction are equal and can be shared.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "rules/expression.hpp"
#include "rules/rule.hpp"

namespace velo::rules {

/// Who asks, and with which query parameters. Points into the caller's values
/// for the duration of a call only.
struct parameters {
  const nlohmann::json* auth = nullptr;   ///< The user's record; null pointer or json null: guest.
  const nlohmann::json* query = nullptr;  ///< An object of texts, or null pointer.
  bool superuser = false;                 ///< Passes every rule; a filter still applies.

  [[nodiscard]] bool guest() const noexcept { return auth == nullptr || auth->is_null(); }
};

/// Rule AND filter, bound to one identity. Immutable; copies share the tree.
///
/// The normal form of expr(), which an index may rely on:
/// - no paths but those into the record, `@action` and `@now`;
/// - a constant stands at the top or nowhere;
/// - NOT only directly over a comparison with `any`; elsewhere it is the
///   comparison's `negated`, the exact complement;
/// - AND and OR have two or more different terms, sorted, none of the same kind;
/// - constants stand on the right; `any` has a path on the left; `in_path` has a
///   path on the right, `in_list` a path on the left and two or more different
///   values, sorted; OR over `x = a`, and AND over `x != a`, are such lists;
/// - constants are marked literal unless they are null, '', arrays or objects;
///   integral doubles are integers, but for LIKE, where numbers are texts.
class predicate {
 public:
  predicate() : predicate(expression(false)) {}
  explicit predicate(expression normal);  ///< Of a tree already in normal form.

  /// The verdict on every record, where it does not depend on the record.
  [[nodiscard]] std::optional<bool> constant() const noexcept;
  [[nodiscard]] const expression& expr() const noexcept { return expr_; }
  /// Equal for equal predicates, on every run and machine.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }

  bool operator==(const predicate& other) const noexcept {
    return hash_ == other.hash_ && expr_ == other.expr_;
  }

 private:
  expression expr_;
  std::uint64_t hash_;
};

[[nodiscard]] predicate bind(const rule& who, const expression& filter, const parameters& identity);

/// A filter or a rule's condition by itself.
[[nodiscard]] predicate bind(const expression& tree, const parameters& identity);

}  // namespace velo::rules
