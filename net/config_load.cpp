#include "net/config.hpp"
#include "net/config_parts.hpp"
#include "net/setting.hpp"
#include "net/spelling.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

std::vector<std::string> spellings(std::string (*of)(const setting&)) {
  std::vector<std::string> out;
  for (const auto& row : settings()) out.push_back(of(row));
  return out;
}

std::string key_of(const setting& row) {
  return std::string(row.key);
}

// The row whose spelling is `name`.
const setting* find_row(std::string_view name, std::string (*spelling)(const setting&)) {
  const auto rows = settings();
  const auto at =
      std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return spelling(r) == name; });
  return at == rows.end() ? nullptr : &*at;
}

class loader {
 public:
  explicit loader(const config_sources& sources) : sources_(sources) {}

  config_result<config> load() {
    take_defaults();
    if (sources_.file) take_file(*sources_.file);
    take_variables();
    take_flags();
    apply(app_, result_, errors_);
    check_apps(result_, errors_);
    check_tls(result_, errors_);
    if (file_) read_collections(*file_, result_, errors_);
    if (file_) read_drivers(*file_, result_, errors_);
    if (sources_.demo) add_demo_collection(result_);
    complete();
    if (!errors_.empty()) return config_errors{std::move(errors_)};
    return std::move(result_);
  }

 private:
  void take_defaults() {
    for (const auto& row : settings()) {
      if (row.store == nullptr) continue;
      row.store(result_, *read_text(row, row.default_text));
      result_.origins[key_of(row)] = "default";
    }
  }

  void take_file(const std::string& path) {
    auto document = read_toml_file(path);
    if (!document) {
      const auto error = document.error();  // By value: one copy for both iterators.
      errors_.insert(errors_.end(), error.sentences.begin(), error.sentences.end());
      return;
    }
    file_ = std::move(*document);
    take_table(file_->root, {});
    read_apps(*file_, result_, errors_);
    read_listeners(*file_, result_, errors_);
  }

  void take_table(const json& table, const std::string& prefix) {
    for (const auto& [name, value] : table.items()) {
      const auto path = prefix + name;
      if (path == "apps" || path == "collections" || path == "driver" || path == "listeners")
        continue;  // Lists of tables: read elsewhere.
      const auto wrong = [&](const std::string& sentence) {
        errors_.push_back(file_->at(path) + path + ": " + sentence);
      };
      const auto* row = find_row(path, key_of);
      if (row != nullptr) {
        auto place = file_->at(path);
        const auto spelled = place + path;
        place.resize(place.size() - 2);  // Without its ": ".
        put(*row, read_file_value(*row, value), place, spelled);
      } else if (is_table(path) && !value.is_object()) {
        wrong("A table is expected: write [" + path + "].");
      } else if (is_table(path)) {
        take_table(value, path + '.');
      } else {
        wrong("There is no such setting." + did_you_mean(path, names_for_file()));
      }
    }
  }

  static bool is_table(const std::string& path) {
    return std::ranges::any_of(settings(),
                               [&](const setting& row) { return row.key.starts_with(path + '.'); });
  }

  // Keys of the file, and its tables.
  static std::vector<std::string> names_for_file() {
    std::vector<std::string> names{"apps", "collections", "driver", "listeners"};
    for (const auto& row : settings()) {
      if (row.store == nullptr) continue;
      names.emplace_back(row.key);
      if (const auto dot = row.key.find('.'); dot != std::string_view::npos)
        names.emplace_back(row.key.substr(0, dot));
    }
    return names;
  }

  void take_variables() {
    for (const auto& [name, text] : sources_.environment) {
      // VELO_CONFIG and VELO_DEMO are for the command line, which has read them.
      if (!name.starts_with("VELO_") || name == "VELO_CONFIG" || name == "VELO_DEMO") continue;
      const auto* row = find_row(name, [](const setting& r) { return r.variable(); });
      if (row != nullptr) {
        // An empty variable is how many tools write one that is not there.
        if (!text.empty()) put(*row, read_text(*row, text), "environment " + name, name);
      } else {
        errors_.push_back(
            name + ": There is no such setting." +
            did_you_mean(name, spellings([](const setting& r) { return r.variable(); })));
      }
    }
  }

  void take_flags() {
    for (const auto& [name, text] : sources_.flags) {
      const auto* row = find_row(name, [](const setting& r) { return r.flag(); });
      if (row != nullptr)
        put(*row, read_text(*row, text), "flag " + name, name);
      else
        errors_.push_back(name + ": There is no such flag." +
                          did_you_mean(name, spellings([](const setting& r) { return r.flag(); })));
    }
  }

  // `spelled` is what the message begins with.
  void put(const setting& row, const value_result<setting_value>& value, const std::string& origin,
           const std::string& spelled) {
    if (!value) {
      errors_.push_back(spelled + ": " + value.error().sentence);
      return;
    }
    if (row.store != nullptr) {
      row.store(result_, *value);
      result_.origins[key_of(row)] = origin;
      return;
    }
    const auto& text = std::get<std::string>(*value);
    if (row.key == "apps.id") app_.id = text;
    if (row.key == "apps.key") app_.key = text;
    if (row.key == "apps.secret") app_.secret = text;
    app_.origin += (app_.origin.empty() ? "" : ", ") + origin;
  }

  // What follows from several settings together.
  void complete() {
    auto& c = result_;
    if (c.threads == 0) c.threads = std::max(1U, std::thread::hardware_concurrency());
    if (!c.ingest_key.empty() && c.ingest_key == c.superuser_token)
      errors_.emplace_back(
          "ingest_key: It is the superuser token, so it would be one: write another.");
    if (!c.ingest_key.empty() && c.ingest_key == c.superuser_token_previous)
      errors_.emplace_back(
          "ingest_key: It is a superuser token still, so it would be one: write another.");
    check_keys_of_tokens();
    if (!c.hooks.url.empty() && c.hooks.events.empty())
      errors_.emplace_back(
          "hooks.events: Name what hooks.url is to be asked, such as [\"record.creating\"].");
    if (c.hooks.url.empty() && !c.hooks.events.empty())
      errors_.emplace_back("hooks.url: hooks.events need a URL to ask.");
    // RFC 7518 3.2: a shorter key is easier to find than a signature.
    constexpr std::size_t jwt_secret_bytes_min = 32;
    if (!c.auth.jwt_secret.empty() && c.auth.jwt_secret.size() < jwt_secret_bytes_min)
      c.warnings.emplace_back(
          "auth.jwt_secret is shorter than 32 bytes: whoever has one token can try to guess it.");
  }

  // Whether there is a key for each of the algorithms that are named.
  void check_keys_of_tokens() {
    const auto& auth = result_.auth;
    if (!result_.superuser_token_previous.empty() && result_.superuser_token.empty())
      result_.warnings.emplace_back(
          "superuser_token_previous is set, superuser_token is not: the generated one goes on.");
    const bool named = !auth.algorithms.empty();
    const bool any_hmac = std::ranges::any_of(
        auth.algorithms, [](const std::string& name) { return name.starts_with("HS"); });
    const bool any_public = std::ranges::any_of(
        auth.algorithms, [](const std::string& name) { return !name.starts_with("HS"); });
    if (any_hmac && auth.jwt_secret.empty() && auth.jwks_file.empty())
      errors_.emplace_back(
          "auth.algorithms: There is no secret for HS256, HS384 or HS512: set auth.jwt_secret.");
    if (any_public && auth.public_key.empty() && auth.jwks_file.empty())
      errors_.emplace_back(
          "auth.algorithms: There is no public key for RS256, PS256, ES256 or EdDSA: set "
          "auth.public_key or auth.jwks_file.");
    if (named && !any_hmac && !auth.jwt_secret.empty())
      result_.warnings.emplace_back(
          "auth.jwt_secret is of no use: auth.algorithms names no algorithm for it.");
    if (named && !any_public && !auth.public_key.empty())
      errors_.emplace_back(
          "auth.public_key: auth.algorithms names no algorithm for it: add one, or remove the "
          "key.");
  }

  const config_sources& sources_;
  config result_;
  std::optional<toml_document> file_;
  app_override app_;
  std::vector<std::string> errors_;
};

}  // namespace

void throw_exception_from_error(const config_errors& e, const boost::source_location&) {
  std::string text;
  for (const auto& sentence : e.sentences) text += (text.empty() ? "" : "\n") + sentence;
  throw std::runtime_error(text);
}

config_result<config> load_config(const config_sources& sources) {
  return loader(sources).load();
}

config default_config() {
  return loader(config_sources{}).load().value();
}

}  // namespace velo::net
