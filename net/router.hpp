// Which handler answers a method and a path.
//
// Routes form a tree of segments. A literal segment is preferred to a {name} at
// the same place, and the search comes back where the literal leads nowhere, so
// what matches never depends on the order of registration.
//
// A trailing slash names another resource, which does not exist: one spelling
// for each path. Only the mount prefix may be followed by one.

#pragma once

#include "net/http.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

struct route_match {
  enum class outcome : std::uint8_t { found, malformed, not_found, method_not_allowed };

  outcome result = outcome::not_found;
  const handler* run = nullptr;  ///< Where found; as long as the router stays as it is.
  parameters params;
  std::string path;   ///< Decoded, without the prefix; empty where malformed.
  std::string allow;  ///< The methods of a known path: "GET, HEAD, OPTIONS".
};

class router {
 public:
  /// `prefix` ("/velo", empty for none) comes before every route's path.
  explicit router(std::string_view prefix = {});

  /// Adds `METHOD /literal/{name}/...`. Throws std::invalid_argument for a
  /// pattern that is malformed or is there already under whatever names.
  void add(std::string_view method, std::string_view pattern, handler run);

  /// Finds the route of a raw, still percent-encoded path. %2F stays inside its
  /// segment; no {name} matches an empty segment. HEAD takes GET's handler where
  /// it has none of its own. Any thread, once all routes are in.
  [[nodiscard]] route_match find(std::string_view method, std::string_view raw_path) const;

 private:
  struct route {
    std::vector<std::string> names;  ///< Of the {parameters}, in order.
    handler run;
  };
  struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
    std::unique_ptr<node> parameter;
    std::map<std::string, route, std::less<>> routes;  ///< By method.
  };
  struct search;

  [[nodiscard]] bool strip_prefix(std::string_view& raw_path) const;

  std::string prefix_;
  node root_;
};

}  // namespace velo::net
