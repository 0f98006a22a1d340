// A TOML file as a JSON value, with the place of each part of it for messages.
// The only user of toml++, which is heavy.

#pragma once

#include "net/config.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace velo::net {

struct toml_document {
  nlohmann::json root;
  /// `file:line:column` by path: `limits.body_bytes`, `collections.0.rules.list`.
  std::map<std::string, std::string> places;
  std::string name;  ///< As it was given.

  /// `file:line:column: ` of a path, or `file: `, to begin a sentence with.
  [[nodiscard]] std::string at(const std::string& path) const;
};

/// Reads and parses; errors say where.
[[nodiscard]] config_result<toml_document> read_toml_file(const std::string& path);

}  // namespace velo::net
