// A collection's rule for one operation: superusers only, or a condition.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/error.hpp"
#include "rules/expression.hpp"
#include "rules/limits.hpp"

namespace velo::rules {

class rule {
 public:
  rule() = default;  ///< Superusers only: what nobody has opened is closed.
  explicit rule(expression condition) : condition_(std::move(condition)) {}

  /// Nothing, and the text `SUPERUSER_ONLY` with blanks around it, mean
  /// superusers only; the empty text is open to everyone.
  static result<rule> parse(const std::optional<std::string>& text, const limits& bounds = {},
                            std::vector<warning>* warnings = nullptr);

  [[nodiscard]] bool superusers_only() const noexcept { return !condition_; }
  /// The constant false where superusers_only(): nobody else passes.
  [[nodiscard]] const expression& condition() const noexcept;

  bool operator==(const rule&) const = default;

 private:
  std::optional<expression> condition_;
};

}  // namespace velo::rules
