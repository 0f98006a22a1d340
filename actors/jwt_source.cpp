#include "actors/jwt_source.hpp"

#include <spdlog/spdlog.h>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <tuple>
#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;
using key_result = boost::system::result<jwt_keys, key_error>;

constexpr std::size_t file_bytes_max = std::size_t{1} << 20U;

bool is_pem(const std::string& text) {
  return text.find("-----BEGIN ") != std::string::npos;
}

// Differs whenever the file does, also where it was replaced within a tick of the clock.
using file_stamp = std::tuple<ino_t, off_t, std::int64_t, std::int64_t>;

std::optional<file_stamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  return file_stamp{status.st_ino, status.st_size,
                    std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                    std::int64_t{status.st_ctim.tv_sec} * 1'000'000'000 + status.st_ctim.tv_nsec};
}

boost::system::result<std::string, key_error> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return key_error{path + ": The file cannot be opened."};
  std::string text(file_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof()))
    return key_error{path + ": The file cannot be read."};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > file_bytes_max) return key_error{path + ": The file is larger than 1 MiB."};
  return {boost::system::in_place_value, std::move(text)};
}

jwt_algorithms wanted_of(const jwt_settings& s) {
  if (!s.algorithms.empty()) return s.algorithms;
  auto wanted = public_key_algorithms;
  if (!s.secret.empty()) wanted.add(jwt_algorithm::hs256);
  return wanted;
}

key_result read_keys(const jwt_settings& s) {
  const auto wanted = wanted_of(s);
  jwt_keys keys;
  keys.add_secret(s.secret, wanted);
  if (!s.public_key.empty()) {
    const bool inlined = is_pem(s.public_key);
    const auto pem = inlined ? boost::system::result<std::string, key_error>(
                                   boost::system::in_place_value, s.public_key)
                             : read_file(s.public_key);
    if (!pem) return pem.error();
    if (auto added = keys.add_pem(*pem, wanted); !added)
      return key_error{(inlined ? std::string("auth.public_key") : s.public_key) + ": " +
                       added.error().sentence};
  }
  if (!s.jwks_file.empty()) {
    const auto text = read_file(s.jwks_file);
    if (!text) return text.error();
    if (auto added = keys.add_jwks(*text, wanted); !added)
      return key_error{s.jwks_file + ": " + added.error().sentence};
  }
  return keys;
}

class configured_verifier final : public token_verifier {
 public:
  explicit configured_verifier(jwt_settings settings) : settings_(std::move(settings)) {}

  boost::system::result<void, key_error> start() {
    seen_ = stamps();
    auto keys = read_keys(settings_);
    if (!keys) return keys.error();
    keys_ = std::move(*keys);
    return {};
  }

  [[nodiscard]] jwt_result<json> verify(std::string_view token, time now) const override {
    auto claims = signed_claims(token, keys_);
    if (!claims) return claims;
    if (const auto bad = check_claims(*claims, settings_.policy, now))
      return {boost::system::in_place_error, *bad};
    return claims;
  }

  [[nodiscard]] std::optional<jwt_error> check(const json& claims, time now) const override {
    return check_claims(claims, settings_.policy, now);
  }

  [[nodiscard]] std::chrono::seconds leeway() const override { return settings_.policy.leeway; }

  bool refresh() override {
    // Before reading: what changes while it is read is read again.
    auto now = stamps();
    if (now == seen_) return false;
    seen_ = std::move(now);
    auto keys = read_keys(settings_);
    if (!keys) {
      spdlog::error("keys of tokens: {} The keys read before stay in use.", keys.error().sentence);
      return false;
    }
    keys_ = std::move(*keys);
    spdlog::info("keys of tokens: read again");
    return true;
  }

 private:
  using stamp_pair = std::pair<std::optional<file_stamp>, std::optional<file_stamp>>;

  [[nodiscard]] stamp_pair stamps() const {
    return {is_pem(settings_.public_key) ? std::nullopt : stamp_of(settings_.public_key),
            stamp_of(settings_.jwks_file)};
  }

  jwt_settings settings_;
  jwt_keys keys_;
  stamp_pair seen_;
};

}  // namespace

boost::system::result<std::unique_ptr<token_verifier>, key_error> make_verifier(
    jwt_settings settings) {
  if (!settings.any_key()) return std::unique_ptr<token_verifier>();
  auto made = std::make_unique<configured_verifier>(std::move(settings));
  if (auto read = made->start(); !read) return read.error();
  return std::unique_ptr<token_verifier>(std::move(made));
}

}  // namespace velo::actors
