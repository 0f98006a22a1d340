// The matcher as a library: which of these filters match a record?
//
//   rules_only RECORD FILTER...
//   rules_only '{"price": 12, "tags": ["red"]}' 'price > 10' 'tags ?= "blue"'
//
// Prints those that match, one a line. No actors, no network, no storage.

#include <velo/rules/bind.hpp>
#include <velo/rules/parser.hpp>
#include <velo/rules/predicate_index.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: rules_only RECORD FILTER...\n";
    return 2;
  }
  const auto record = nlohmann::json::parse(argv[1], nullptr, false);
  if (!record.is_object()) {
    std::cerr << "rules_only: the record is not a JSON object\n";
    return 2;
  }

  velo::rules::predicate_index index;
  for (int i = 2; i < argc; ++i) {
    const auto filter = velo::rules::parse(argv[i]);
    if (!filter) {
      std::cerr << "rules_only: filter " << i - 1 << ", column " << filter.error().column << ": "
                << filter.error().message << '\n';
      return 2;
    }
    index.put(static_cast<velo::rules::subscriber_id>(i), velo::rules::bind(*filter, {}));
  }

  std::vector<velo::rules::match> found;
  index.match_change({.after = &record, .now = "2026-01-31 12:00:00.000Z"}, found);
  std::sort(found.begin(), found.end(), [](auto a, auto b) { return a.id < b.id; });
  for (const auto& match : found) std::cout << argv[match.id] << '\n';
}
