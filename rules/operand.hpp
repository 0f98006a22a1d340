// What stands on either side of a comparison: a constant, or a path to a value
// that is known later.
//
// A constant remembers whether it was written in the text. `x = ''` means
// "missing or empty" only because somebody wrote the '' there; a value that
// came from a user record or a query parameter never gets that meaning.

#pragma once

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rules/number.hpp"

namespace velo::rules {

/// Where a path starts. A field `a.b` and `@record.a.b` are the same path.
enum class root : std::uint8_t { record, auth, query, action, now };

/// One step of a path, analysed once: a member's name that may also be an index.
struct step {
  static constexpr std::size_t no_index = static_cast<std::size_t>(-1);

  std::string name;
  /// Set for digits without leading zeros; saturates, far past any array's end.
  std::size_t index = no_index;

  step() = default;
  explicit step(std::string text);

  bool operator==(const step& other) const noexcept { return name == other.name; }
  std::strong_ordering operator<=>(const step& other) const noexcept { return name <=> other.name; }
};

struct path {
  root from = root::record;
  std::vector<step> steps;  ///< Empty: the root itself. Exactly one for `query`.

  bool operator==(const path&) const = default;
  std::strong_ordering operator<=>(const path& other) const noexcept;
};

/// Returns the value at `steps` inside `from`, or null where there is none.
[[nodiscard]] const nlohmann::json* lookup(const nlohmann::json& from,
                                           const std::vector<step>& steps) noexcept;

class constant {
 public:
  /// A literal: null, bool, number or text as written in the expression.
  static constant literal(nlohmann::json value) { return {std::move(value), true}; }
  /// A value that was put in place of `@request.…` by bind; of any type.
  static constant bound(nlohmann::json value) { return {std::move(value), false}; }

  const nlohmann::json& value() const noexcept { return value_; }
  bool is_literal() const noexcept { return literal_; }
  /// The value of a number, or of a text that is in whole a JSON number.
  const std::optional<number>& numeric() const noexcept { return numeric_; }
  bool is_null() const noexcept { return value_.is_null(); }

  /// Same type, same value, same origin: 1 and 1.0 differ here.
  bool operator==(const constant& other) const noexcept;

 private:
  constant(nlohmann::json value, bool literal);

  nlohmann::json value_;
  std::optional<number> numeric_;
  bool literal_;
};

using operand = std::variant<constant, path>;

}  // namespace velo::rules
