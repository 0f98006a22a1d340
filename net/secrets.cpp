#include "net/secrets.hpp"

#include "actors/random.hpp"
#include "net/private_file.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

// Letters and digits alone, so that it survives every shell and header; 248 random bits.
constexpr std::size_t token_size = 48;

struct stored_secrets {
  std::optional<app> generated_app;
  std::string superuser_token;
};

std::optional<std::string> text_at(const json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string() || at->get_ref<const std::string&>().empty())
    return std::nullopt;
  return at->get<std::string>();
}

// Nothing where the text is not what to_text writes.
std::optional<stored_secrets> from_text(const std::string& text) {
  const auto file = json::parse(text, nullptr, false);
  if (!file.is_object()) return std::nullopt;
  stored_secrets out;
  if (file.contains("app")) {
    const auto& stored = file["app"];
    if (!stored.is_object()) return std::nullopt;
    const auto id = text_at(stored, "id");
    const auto key = text_at(stored, "key");
    const auto secret = text_at(stored, "secret");
    if (!id || !key || !secret) return std::nullopt;
    out.generated_app = app{.id = *id, .keys = {{*key, *secret}}};
  }
  if (file.contains("superuser_token")) {
    const auto token = text_at(file, "superuser_token");
    if (!token) return std::nullopt;
    out.superuser_token = *token;
  }
  return out;
}

std::string to_text(const stored_secrets& secrets) {
  auto file = json::object();
  if (secrets.generated_app) {
    file["app"] = {{"id", secrets.generated_app->id},
                   {"key", secrets.generated_app->keys.front().key},
                   {"secret", secrets.generated_app->keys.front().secret}};
  }
  if (!secrets.superuser_token.empty()) file["superuser_token"] = secrets.superuser_token;
  return file.dump(2) + '\n';
}

app make_app() {
  return {.id = "velo-" + actors::random_id(8),
          .keys = {{actors::random_hex(20), actors::random_hex(40)}}};
}

// One round of: read, make what is missing, write. Again where another process
// made the file in between; its secrets are then ours.
class completion {
 public:
  explicit completion(config& c) : config_(c) {
    made_.file = (std::filesystem::path(c.data) / "secrets.json").string();
  }

  config_result<new_secrets> run() {
    const auto directory = make_private_directory(config_.data);
    if (!directory) return failed(directory.error().sentence);
    constexpr int rounds_max = 3;
    for (int round = 0; round < rounds_max; ++round) {
      auto secrets = read();
      if (!secrets) return secrets.error();
      make_missing(*secrets);
      const auto kept = write(*secrets);
      if (!kept) return kept.error();
      if (!*kept) continue;
      fill_in(*secrets);
      return std::move(made_);
    }
    return failed(made_.file + ": Another process keeps changing the file.");
  }

 private:
  static config_errors failed(std::string sentence) { return {{std::move(sentence)}}; }

  config_result<stored_secrets> read() {
    const auto file = read_private_file(made_.file);
    if (!file) return failed(file.error().sentence);
    exists_ = file->has_value();
    if (!exists_) return stored_secrets{};
    if ((*file)->was_readable)
      made_.warnings.push_back(made_.file +
                               " could be read by others and is now closed to them: if somebody "
                               "may have read it, remove it, so that new secrets are made.");
    auto secrets = from_text((*file)->text);
    if (secrets) return std::move(*secrets);
    return failed(made_.file +
                  ": It is not what this server writes there. Mend it, or remove it, so that new "
                  "secrets are made.");
  }

  void make_missing(stored_secrets& secrets) {
    made_.app = config_.apps.empty() && !secrets.generated_app;
    if (made_.app) secrets.generated_app = make_app();
    made_.superuser_token = config_.superuser_token.empty() && secrets.superuser_token.empty();
    if (made_.superuser_token) secrets.superuser_token = actors::random_id(token_size);
  }

  // False where a file has appeared that was not there when we looked.
  config_result<bool> write(const stored_secrets& secrets) {
    if (!made_.any()) return true;
    const auto written = write_private_file(made_.file, to_text(secrets), exists_);
    if (!written) return failed(written.error().sentence);
    return *written;
  }

  void fill_in(const stored_secrets& secrets) {
    const auto origin = made_.file;
    if (config_.apps.empty()) {
      config_.apps.push_back(*secrets.generated_app);
      config_.origins["apps." + secrets.generated_app->id] = origin;
    }
    if (config_.superuser_token.empty()) {
      config_.superuser_token = secrets.superuser_token;
      config_.origins["superuser_token"] = origin;
    }
  }

  config& config_;
  new_secrets made_;
  bool exists_ = false;
};

}  // namespace

config_result<new_secrets> complete_secrets(config& c) {
  if (!c.apps.empty() && !c.superuser_token.empty()) return new_secrets{};
  return completion(c).run();
}

}  // namespace velo::net
