// The command line of `velo`, as a value. Flags of settings come from the
// settings table, so `--help` and the documentation cannot disagree with it.

#pragma once

#include "net/config.hpp"
#include "net/token_command.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace velo::net {

enum class command : std::uint8_t {
  serve,
  check_config,
  explain,
  token,
  backup,
  restore,
  print_and_exit,  ///< --help, --version or a usage error: see `text` and `exit_code`.
};

/// What `velo explain` was given; the texts are JSON or rule language as typed.
struct explain_arguments {
  std::optional<std::string> filter;
  std::optional<std::string> rule;
  std::optional<std::string> record;
  std::optional<std::string> auth;
  std::optional<std::string> action;
  bool from_stdin = false;
};

struct command_line {
  command what = command::print_and_exit;
  config_sources sources;  ///< Of serve, check_config and token; the environment is already in it.
  explain_arguments explain;
  token_arguments token;
  std::string target;  ///< Of backup: where to; of restore: from where.
  std::string data;    ///< Of both: the data directory.
  std::string text;    ///< To print where `what` is print_and_exit.
  int exit_code = 0;   ///< 2 for a usage error, whose text goes to stderr.
};

/// Never throws for what was typed. `environment` is that of the process
/// (`environ`); VELO_CONFIG and VELO_DEMO stand for --config and --demo.
[[nodiscard]] command_line parse_command_line(int argc, const char* const* argv,
                                              const char* const* environment);

}  // namespace velo::net
