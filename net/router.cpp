#include "net/router.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

// More segments than any route has; a longer path is not found.
constexpr std::size_t segments_max = 32;

template <class Use>
bool for_each_segment(std::string_view path, Use use) {
  path.remove_prefix(1);
  if (path.empty()) return true;
  while (true) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (!use(path.substr(0, end))) return false;
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

[[noreturn]] void refuse(std::string_view pattern, const char* why) {
  throw std::invalid_argument("route " + std::string{pattern} + ": " + why);
}

}  // namespace

// One walk through the tree, for every method at once: a path that is known
// under other methods is a 405.
struct router::search {
  std::string_view method;
  const std::vector<std::string>& segments;
  std::vector<const std::string*> values{};
  const route* found = nullptr;
  std::set<std::string_view> others{};

  void visit(const node& at, std::size_t depth) {
    if (depth == segments.size()) {
      arrive(at);
      return;
    }
    const std::string& segment = segments[depth];
    if (const auto next = at.literals.find(segment); next != at.literals.end()) {
      visit(*next->second, depth + 1);
    }
    if (found == nullptr && at.parameter != nullptr && !segment.empty()) {
      values.push_back(&segment);
      visit(*at.parameter, depth + 1);
      if (found == nullptr) values.pop_back();
    }
  }

  void arrive(const node& at) {
    auto route = at.routes.find(method);
    if (route == at.routes.end() && method == "HEAD") route = at.routes.find("GET");
    if (route != at.routes.end()) {
      found = &route->second;
      return;
    }
    for (const auto& [name, unused] : at.routes) others.insert(name);
  }

  [[nodiscard]] std::string allow() {
    if (others.contains("GET")) others.insert("HEAD");
    others.insert("OPTIONS");
    std::string list;
    for (const auto name : others) list.append(list.empty() ? "" : ", ").append(name);
    return list;
  }
};

router::router(std::string_view prefix) : prefix_(prefix) {
  while (prefix_.ends_with('/')) prefix_.pop_back();
  if (!prefix_.empty() && !prefix_.starts_with('/')) prefix_.insert(prefix_.begin(), '/');
}

void router::add(std::string_view method, std::string_view pattern, handler run) {
  if (!pattern.starts_with('/')) refuse(pattern, "has to start with a slash");
  node* at = &root_;
  route added{.names = {}, .run = std::move(run)};
  std::size_t depth = 0;
  for_each_segment(pattern, [&](std::string_view segment) {
    if (segment.empty()) refuse(pattern, "has an empty segment");
    if (++depth > segments_max) refuse(pattern, "has too many segments");
    const bool opens = segment.starts_with('{');
    if (opens != segment.ends_with('}')) refuse(pattern, "a {name} has to be a whole segment");
    std::unique_ptr<node>& next =
        opens ? at->parameter : at->literals.try_emplace(std::string{segment}).first->second;
    if (opens) added.names.emplace_back(segment.substr(1, segment.size() - 2));
    if (next == nullptr) next = std::make_unique<node>();
    at = next.get();
    return true;
  });
  if (!at->routes.try_emplace(std::string{method}, std::move(added)).second) {
    refuse(pattern, "is there already");
  }
}

// Leaves a path that is not of this mount as it is.
bool router::strip_prefix(std::string_view& raw_path) const {
  if (!raw_path.starts_with('/') || !raw_path.starts_with(prefix_)) return false;
  const std::string_view rest = raw_path.substr(prefix_.size());
  if (!rest.empty() && rest.front() != '/') return false;
  raw_path = rest.empty() ? "/" : rest;
  return true;
}

route_match router::find(std::string_view method, std::string_view raw_path) const {
  route_match match;
  const bool here = strip_prefix(raw_path);
  bool too_long = false;
  std::vector<std::string> segments;
  const bool decoded =
      raw_path.starts_with('/') && for_each_segment(raw_path, [&](std::string_view segment) {
        auto text = percent_decode(segment);
        if (!text) return false;
        match.path.append("/").append(*text);
        too_long = segments.size() == segments_max;
        if (!too_long) segments.push_back(std::move(*text));
        return !too_long;
      });
  if (!decoded && !too_long) {
    match.path.clear();
    match.result = route_match::outcome::malformed;
    return match;
  }
  if (match.path.empty()) match.path = "/";
  if (!here || too_long) return match;

  search walk{.method = method, .segments = segments};
  walk.visit(root_, 0);
  if (walk.found != nullptr) {
    match.result = route_match::outcome::found;
    match.run = &walk.found->run;
    for (std::size_t i = 0; i < walk.values.size(); ++i) {
      match.params.emplace_back(walk.found->names[i], *walk.values[i]);
    }
  } else if (!walk.others.empty()) {
    match.result = route_match::outcome::method_not_allowed;
    match.allow = walk.allow();
  }
  return match;
}

}  // namespace velo::net
