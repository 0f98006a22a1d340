// What an expression names: decides what can be shared, and with whom.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rules/expression.hpp"

namespace velo::rules {

/// `@request.auth`, with or without steps, anywhere in the tree as written.
[[nodiscard]] bool mentions_auth(const expression& tree);
[[nodiscard]] bool mentions_query(const expression& tree);
[[nodiscard]] bool mentions_action(const expression& tree);
[[nodiscard]] bool mentions_now(const expression& tree);

/// First names of all record paths, sorted, each once. A bare `@record`, which
/// names every field, is the empty string.
[[nodiscard]] std::vector<std::string> record_fields(const expression& tree);

/// Returns the first path of a client's filter that reads a hidden field, as it
/// is spelled, or nothing. A bare `@record` does where the collection hides any
/// field; so does a bare `@request.auth` where the users' collection does,
/// unless it is only compared with literals or tested for null.
[[nodiscard]] std::optional<std::string> names_hidden_field(
    const expression& filter, const std::vector<std::string>& hidden_of_collection,
    const std::vector<std::string>& hidden_of_users_own_collection);

}  // namespace velo::rules
