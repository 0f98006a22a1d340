#include "rules/mentions.hpp"

#include <algorithm>

namespace velo::rules {

namespace {

bool mentions(const expression& tree, root from) {
  bool found = false;
  for_each_path(tree, [&](const path& p, const comparison&) { found = found || p.from == from; });
  return found;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// A comparison that tells no more of a whole record than whether it is there:
/// literals are never arrays or objects.
bool tells_presence_only(const comparison& leaf) {
  if (leaf.op == relation::is_null || leaf.op == relation::in_list) return true;
  return std::holds_alternative<constant>(leaf.left) ||
         std::holds_alternative<constant>(leaf.right);
}

}  // namespace

bool mentions_auth(const expression& tree) {
  return mentions(tree, root::auth);
}
bool mentions_query(const expression& tree) {
  return mentions(tree, root::query);
}
bool mentions_action(const expression& tree) {
  return mentions(tree, root::action);
}
bool mentions_now(const expression& tree) {
  return mentions(tree, root::now);
}

std::vector<std::string> record_fields(const expression& tree) {
  std::vector<std::string> names;
  for_each_path(tree, [&](const path& p, const comparison&) {
    if (p.from == root::record) names.push_back(p.steps.empty() ? "" : p.steps.front().name);
  });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<std::string> names_hidden_field(
    const expression& filter, const std::vector<std::string>& hidden_of_collection,
    const std::vector<std::string>& hidden_of_users_own_collection) {
  std::optional<std::string> found;
  for_each_path(filter, [&](const path& p, const comparison& leaf) {
    if (found || (p.from != root::record && p.from != root::auth)) return;
    const bool record = p.from == root::record;
    const auto& hidden = record ? hidden_of_collection : hidden_of_users_own_collection;
    const bool names = p.steps.empty() ? !hidden.empty() && (record || !tells_presence_only(leaf))
                                       : has(hidden, p.steps.front().name);
    if (names) found = to_string(p);
  });
  return found;
}

}  // namespace velo::rules
