// The parts of loading a configuration, each in a file of its own. For config_load.cpp.

#pragma once

#include "net/config.hpp"
#include "net/toml_file.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace velo::net {

/// The `[[apps]]` of a file; keys that are absent are left empty here.
void read_apps(const toml_document& file, config& into, std::vector<std::string>& errors);

/// One `[[apps.webhooks]]`, read from `value`, which stands at `path`.
[[nodiscard]] app_webhook read_webhook(const toml_document& file, const std::string& path,
                                       const nlohmann::json& value,
                                       std::vector<std::string>& errors);

/// The `listeners` of a file.
void read_listeners(const toml_document& file, config& into, std::vector<std::string>& errors);

/// Whether a pair is there for whoever speaks TLS, and whole.
void check_tls(const config& c, std::vector<std::string>& errors);

/// The app that variables or flags speak of.
struct app_override {
  std::optional<std::string> id;
  std::optional<std::string> key;
  std::optional<std::string> secret;
  std::string origin;  ///< `environment VELO_APP_ID, flag --app-key`

  [[nodiscard]] bool any() const { return id || key || secret; }
};

/// Changes the app with that id, or adds it.
void apply(const app_override& wanted, config& into, std::vector<std::string>& errors);

/// Everything an app needs, and none like another.
void check_apps(const config& c, std::vector<std::string>& errors);

/// The `[[collections]]` of a file. Needs apps and limits, by which it judges.
void read_collections(const toml_document& file, config& into, std::vector<std::string>& errors);

/// The `[[driver]]` of a file. Needs realtime.channel_prefix.
void read_drivers(const toml_document& file, config& into, std::vector<std::string>& errors);

/// `posts`, which everyone may list and view, unless it is declared.
void add_demo_collection(config& into);

}  // namespace velo::net
