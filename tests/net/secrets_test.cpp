#include "net/secrets.hpp"

#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

using namespace velo::net;
namespace fs = std::filesystem;

namespace {

struct fixture {
  velo::storage::temp_directory directory;
  fs::path data = directory.path() / "parent" / "data";
  fs::path file = data / "secrets.json";

  config unconfigured() {
    auto c = default_config();
    c.data = data.string();
    return c;
  }

  std::string failure_of(config c) {
    const auto made = complete_secrets(c);
    REQUIRE_FALSE(made.has_value());
    return made.error().sentences.front();
  }

  static unsigned mode(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777U;
  }

  std::string text() {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void write(const std::string& what, unsigned mode) {
    fs::create_directories(data);
    std::ofstream(file) << what;
    ::chmod(file.c_str(), mode);
  }
};

using Catch::Contains;

}  // namespace

TEST_CASE_METHOD(fixture, "the first start makes secrets that only the owner can read",
                 "[net][secrets]") {
  auto c = unconfigured();
  const auto made = complete_secrets(c);
  REQUIRE(made.has_value());
  CHECK(made->app);
  CHECK(made->superuser_token);
  CHECK(made->file == file.string());
  CHECK(made->warnings.empty());
  CHECK(mode(data) == 0700U);
  CHECK(mode(file) == 0600U);

  REQUIRE(c.apps.size() == 1);
  CHECK(std::regex_match(c.apps[0].id, std::regex("velo-[a-z0-9]{8}")));
  CHECK(std::regex_match(c.apps[0].keys.at(0).key, std::regex("[0-9a-f]{20}")));
  CHECK(std::regex_match(c.apps[0].keys.at(0).secret, std::regex("[0-9a-f]{40}")));
  CHECK(std::regex_match(c.superuser_token, std::regex("[a-z0-9]{48}")));
  CHECK(c.origins.at("superuser_token") == file.string());
  CHECK(std::distance(fs::directory_iterator(data), {}) == 1);
}

TEST_CASE_METHOD(fixture, "later starts read them", "[net][secrets]") {
  auto first = unconfigured();
  REQUIRE(complete_secrets(first).has_value());
  auto second = unconfigured();
  const auto made = complete_secrets(second);
  REQUIRE(made.has_value());
  CHECK_FALSE(made->any());
  CHECK(second.apps == first.apps);
  CHECK(second.superuser_token == first.superuser_token);
}

TEST_CASE_METHOD(fixture, "what is configured is neither made nor stored", "[net][secrets]") {
  auto c = unconfigured();
  c.superuser_token = "mine";
  auto made = complete_secrets(c);
  REQUIRE(made.has_value());
  CHECK(made->app);
  CHECK_FALSE(made->superuser_token);
  CHECK(c.superuser_token == "mine");
  CHECK_THAT(text(), !Contains("mine"));
  const auto generated = c.apps;

  // Later it is not configured any more: it is added, the app stays.
  auto later = unconfigured();
  made = complete_secrets(later);
  REQUIRE(made.has_value());
  CHECK_FALSE(made->app);
  CHECK(made->superuser_token);
  CHECK(later.apps == generated);
  CHECK(mode(file) == 0600U);
}

TEST_CASE_METHOD(fixture, "where all is configured the disk is left alone", "[net][secrets]") {
  auto c = unconfigured();
  c.superuser_token = "mine";
  c.apps.push_back({.id = "a", .keys = {{"k", "s"}}});
  const auto made = complete_secrets(c);
  REQUIRE(made.has_value());
  CHECK_FALSE(made->any());
  CHECK_FALSE(fs::exists(data));
}

TEST_CASE_METHOD(fixture, "a file that others may read is closed, with a warning",
                 "[net][secrets]") {
  auto c = unconfigured();
  REQUIRE(complete_secrets(c).has_value());
  ::chmod(file.c_str(), 0644);
  auto again = unconfigured();
  const auto made = complete_secrets(again);
  REQUIRE(made.has_value());
  CHECK(made->warnings.size() == 1);
  CHECK(mode(file) == 0600U);
  CHECK(again.superuser_token == c.superuser_token);
}

TEST_CASE_METHOD(fixture, "a file that others may write is refused", "[net][secrets]") {
  write("{}", 0602);
  CHECK_THAT(failure_of(unconfigured()), Contains("secrets.json: Others may write it"));
  CHECK(text() == "{}");
}

TEST_CASE_METHOD(fixture, "what is no secrets file is refused and left alone", "[net][secrets]") {
  const std::string what = GENERATE("", "x", "[]", R"({"app": 7})", R"({"app": {"id": "a"}})",
                                    R"({"superuser_token": ""})", R"({"superuser_token": 7})");
  write(what, 0600);
  CHECK_THAT(failure_of(unconfigured()), Contains("It is not what this server writes there"));
  CHECK(text() == what);
}

TEST_CASE_METHOD(fixture, "a symbolic link and a directory are refused", "[net][secrets]") {
  fs::create_directories(data);
  fs::create_symlink("/dev/null", file);
  CHECK_THAT(failure_of(unconfigured()), Contains("The file cannot be opened"));
  fs::remove(file);
  fs::create_directory(file);
  CHECK_THAT(failure_of(unconfigured()), Contains("It is not a regular file"));
}

TEST_CASE_METHOD(fixture, "a data directory that cannot be made is an error", "[net][secrets]") {
  auto c = unconfigured();
  c.data = "/dev/null/data";
  CHECK_THAT(failure_of(c), Contains("/dev/null/data: The directory cannot be made"));
  std::ofstream(directory.path() / "file") << "x";
  c.data = (directory.path() / "file").string();
  CHECK_THAT(failure_of(c), Contains("The directory cannot be made (Not a directory)"));
}

TEST_CASE_METHOD(fixture, "a slash at the end of the directory's name does no harm",
                 "[net][secrets]") {
  auto c = unconfigured();
  c.data += '/';
  REQUIRE(complete_secrets(c).has_value());
  CHECK(mode(data) == 0700U);
}
