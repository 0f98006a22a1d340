// Who may subscribe, and whether the channel is nobody's secret.

#pragma once

#include <cstdint>

#include "rules/bind.hpp"
#include "rules/expression.hpp"
#include "rules/rule.hpp"

namespace velo::rules {

enum class access : std::uint8_t {
  granted,
  unauthenticated,  ///< 401: the rule excludes this guest whatever the record.
  forbidden,        ///< 403: the rule excludes this user whatever the record.
};

struct decision {
  access outcome = access::forbidden;
  /// Carries nothing that a stranger could not have subscribed to. Never true
  /// unless granted, for a superuser, or where the rule names `@request.query`.
  bool is_public = false;

  bool operator==(const decision&) const = default;
};

/// The bound rule alone decides: a filter that can never match is accepted.
[[nodiscard]] decision decide(const rule& who, const expression& filter,
                              const parameters& identity);

}  // namespace velo::rules
