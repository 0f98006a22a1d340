// Values as comparisons see them, and what the comparisons of the language
// mean: the tables of the filter language, one function each.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "rules/expression.hpp"
#include "rules/number.hpp"
#include "rules/operand.hpp"

namespace velo::rules {

/// A value somewhere else: in a record, in a constant, in a subject. Cheap to
/// make and to pass, and never outlives what it looks at.
struct value_view {
  enum class type : std::uint8_t { null, boolean, number, text, array, object };

  type kind = type::null;
  bool literal = false;  ///< Written in the expression itself.
  bool truth = false;
  rules::number number;
  std::string_view text;
  const nlohmann::json* json = nullptr;  ///< The array or object.
  const std::optional<rules::number>* analysed =
      nullptr;  ///< What `text` is as a number, if known.

  value_view() = default;  ///< Null, and absent: they are the same.
  explicit value_view(const nlohmann::json& value) noexcept;
  explicit value_view(const constant& value) noexcept;
  explicit value_view(std::string_view value) noexcept : kind(type::text), text(value) {}
};

/// `=`: the table of the filter language.
[[nodiscard]] bool equal(const value_view& left, const value_view& right) noexcept;

/// `< <= > >=`: false for all that has no order.
[[nodiscard]] bool ordered(relation op, const value_view& left, const value_view& right) noexcept;

/// LIKE and ILIKE; `prepared` is the pattern of a constant right side, or null.
[[nodiscard]] bool like(const value_view& text, const value_view& pattern,
                        const like_pattern* prepared, bool fold);

/// Whether some element of the array `right` equals `left`; false if it is no array.
[[nodiscard]] bool contains(const value_view& right, const value_view& left) noexcept;

}  // namespace velo::rules
