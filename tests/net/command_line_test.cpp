#include "net/command_line.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using namespace velo::net;
using Catch::Contains;

namespace {

command_line parse(std::vector<const char*> words, std::vector<const char*> environment = {}) {
  words.insert(words.begin(), "velo");
  environment.push_back(nullptr);
  return parse_command_line(static_cast<int>(words.size()), words.data(), environment.data());
}

}  // namespace

TEST_CASE("serve takes a flag for every setting", "[net][command_line]") {
  const auto line =
      parse({"serve", "--config", "velo.toml", "--port", "9", "--limits-body-bytes=1MiB",
             "--path-prefix", "", "--port", "10", "--demo"},
            {"VELO_HOST=h", "HOME=/", "VELO_NAME", "VELO_DATA=a=b"});
  CHECK(line.what == command::serve);
  CHECK(line.sources.file == "velo.toml");
  CHECK(line.sources.demo);
  CHECK(line.sources.flags == std::map<std::string, std::string>{{"--port", "10"},
                                                                 {"--limits-body-bytes", "1MiB"},
                                                                 {"--path-prefix", ""}});
  CHECK(line.sources.environment ==
        std::map<std::string, std::string>{{"VELO_HOST", "h"}, {"VELO_DATA", "a=b"}});
}

TEST_CASE("variables stand for --config and --demo", "[net][command_line]") {
  auto line = parse({"check-config"}, {"VELO_CONFIG=a.toml", "VELO_DEMO=1"});
  CHECK(line.what == command::check_config);
  CHECK(line.sources.file == "a.toml");
  CHECK(line.sources.demo);
  line = parse({"check-config", "--config", "b.toml"}, {"VELO_CONFIG=a.toml", "VELO_DEMO=0"});
  CHECK(line.sources.file == "b.toml");
  CHECK_FALSE(line.sources.demo);
  CHECK_FALSE(parse({"serve"}, {"VELO_CONFIG="}).sources.file.has_value());
  line = parse({"serve"}, {"VELO_DEMO=maybe"});
  CHECK(line.exit_code == 2);
  CHECK_THAT(line.text, Contains("VELO_DEMO: \"maybe\" is not a yes or no"));
}

TEST_CASE("explain keeps what was typed", "[net][command_line]") {
  const auto line = parse({"explain", "--filter", "a = [1]", "--record", "{\"a\": [1, 2]}",
                           "--auth", "[1]", "--rule", "", "--action", "updated"});
  CHECK(line.what == command::explain);
  CHECK(line.explain.filter == "a = [1]");
  CHECK(line.explain.record == "{\"a\": [1, 2]}");
  CHECK(line.explain.auth == "[1]");
  CHECK(line.explain.rule == "");
  CHECK(line.explain.action == "updated");
  CHECK_FALSE(line.explain.from_stdin);
  CHECK(parse({"explain", "--stdin"}).explain.from_stdin);
  CHECK_FALSE(parse({"explain", "--stdin"}).explain.filter.has_value());
  // VELO_* is of no concern to it.
  CHECK(parse({"explain"}, {"VELO_DEMO=maybe"}).what == command::explain);
}

TEST_CASE("usage errors say what was meant and exit with 2", "[net][command_line]") {
  const auto check = [](const command_line& line, const std::string& sentence) {
    CHECK(line.what == command::print_and_exit);
    CHECK(line.exit_code == 2);
    CHECK_THAT(line.text, Contains(sentence));
  };
  check(parse({}), "Say what to do: serve, check-config, token, explain, backup or restore.");
  check(parse({"sevre"}), "There is no command \"sevre\". Did you mean serve?");
  check(parse({"serve", "--prot", "3"}), "There is no flag --prot. Did you mean --port?");
  check(parse({"serve", "--prot=3"}), "There is no flag --prot. Did you mean --port?");
  check(parse({"serve", "now"}), "\"now\" is an argument too many.");
  check(parse({"serve", "--port"}), "--port");
  check(parse({"explain", "--stdin", "--filter", "a"}), "--stdin excludes --filter");
}

TEST_CASE("help and version are no errors", "[net][command_line]") {
  for (const auto* word : {"--help", "-h", "--version"}) {
    const auto line = parse({word});
    CHECK(line.what == command::print_and_exit);
    CHECK(line.exit_code == 0);
    CHECK_THAT(line.text, Contains("velo"));
  }
  const auto help = parse({"serve", "--help"}).text;
  CHECK_THAT(help, Contains("velo serve") && Contains("--limits-outbox-frames") &&
                       Contains("VELO_JWT_SECRET") && Contains("[8080]"));
}
