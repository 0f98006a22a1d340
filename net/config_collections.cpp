#include "actors/definition.hpp"
#include "actors/options.hpp"
#include "net/config_parts.hpp"
#include "net/spelling.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace velo::net {

namespace {

using nlohmann::json;

// What a file may say: what the API may, but what the server sets.
const std::array<std::string, 9> collection_keys{"name",    "type",   "rules",  "hidden", "guarded",
                                                 "history", "mirror", "shards", "app"};

bool declared(const config& c, const std::string& name) {
  return std::any_of(c.collections.begin(), c.collections.end(),
                     [&](const auto& other) { return other.name == name; });
}

// Whether all keys are known; says so where one is not.
bool check_keys(const toml_document& file, const std::string& path, const json& table,
                std::vector<std::string>& errors) {
  bool known = true;
  for (const auto& [key, value] : table.items()) {
    if (std::find(collection_keys.begin(), collection_keys.end(), key) != collection_keys.end())
      continue;
    errors.push_back(file.at(path + '.' + key) + "collections." + key +
                     ": There is no such setting of a collection." +
                     did_you_mean(key, collection_keys));
    known = false;
  }
  return known;
}

actors::engine_options judged_by(const config& c) {
  actors::engine_options options;
  options.expressions = c.limits.expressions;
  for (const auto& a : c.apps) options.apps.push_back(a.id);
  return options;
}

}  // namespace

void read_collections(const toml_document& file, config& into, std::vector<std::string>& errors) {
  const auto tables = file.root.find("collections");
  if (tables == file.root.end()) return;
  if (!tables->is_array() ||
      !std::all_of(tables->begin(), tables->end(), [](const json& t) { return t.is_object(); })) {
    errors.push_back(file.at("collections") +
                     "collections: Tables are expected: write [[collections]].");
    return;
  }
  const auto options = judged_by(into);
  for (std::size_t i = 0; i < tables->size(); ++i) {
    const auto& table = (*tables)[i];
    const auto path = "collections." + std::to_string(i);
    if (!check_keys(file, path, table, errors)) continue;
    // The rules of the API hold here, too: one place decides what a collection may be.
    auto read = actors::change_definition({}, table, options);
    if (!read) {
      const auto refused = read.error();  // By value: a loop over it would outlive it.
      for (const auto& [field, sentence] : refused.errors) {
        const auto at = path + '.' + field;
        errors.push_back(file.at(file.places.contains(at) ? at : path) + "collections." + field +
                         ": " + sentence);
      }
      continue;
    }
    auto origin = file.at(path);
    if (declared(into, read->name)) {
      errors.push_back(origin + "collections.name: Another collection is named " + read->name +
                       '.');
      continue;
    }
    origin.resize(origin.size() - 2);  // Without its ": ".
    into.origins["collections." + read->name] = origin;
    into.collections.push_back(std::move(*read));
  }
}

void add_demo_collection(config& into) {
  into.demo = true;
  if (declared(into, "posts")) return;
  storage::collection posts;
  posts.name = "posts";
  posts.rules.list = "";
  posts.rules.view = "";
  into.collections.push_back(std::move(posts));
  into.origins["collections.posts"] = "flag --demo";
}

}  // namespace velo::net
