// The program: reads the command line, then does one of a few things.

#include "net/command_line.hpp"
#include "net/config.hpp"
#include "net/secrets.hpp"
#include "net/server.hpp"
#include "net/token_command.hpp"
#include "rules/explain.hpp"
#include "storage/backup.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

namespace {

using velo::net::command;
using velo::net::command_line;
using velo::net::config;
using velo::net::config_errors;

constexpr int failure = 1;

int report(const config_errors& errors) {
  for (const auto& sentence : errors.sentences) std::cerr << "velo: " << sentence << '\n';
  return failure;
}

int report(const std::string& what, const velo::storage::result<void>& done) {
  if (done) return 0;
  std::cerr << "velo: " << what << ": " << done.error().message() << '\n';
  return failure;
}

void warn(const std::vector<std::string>& warnings) {
  for (const auto& sentence : warnings) std::cerr << "velo: warning: " << sentence << '\n';
}

// The one time that new secrets are shown.
void print_new_secrets(const config& c, const velo::net::new_secrets& made) {
  if (!made.any()) return;
  std::cout << "Made secrets and stored them in " << made.file << " (mode 0600):\n";
  if (made.app) {
    const auto& app = c.apps.front();
    std::cout << "  app id           " << app.id << "\n  app key          " << app.keys.front().key
              << "\n  app secret       " << app.keys.front().secret << '\n';
  }
  if (made.superuser_token) std::cout << "  superuser token  " << c.superuser_token << '\n';
  std::cout << std::flush;
}

int serve(const command_line& line) {
  auto c = velo::net::load_config(line.sources);
  if (!c) return report(c.error());
  const auto made = velo::net::complete_secrets(*c);
  if (!made) return report(made.error());
  warn(c->warnings);
  warn(made->warnings);
  print_new_secrets(*c, *made);
  return velo::net::run_server(*c);
}

int check_config(const command_line& line) {
  const auto c = velo::net::load_config(line.sources);
  if (!c) return report(c.error());
  warn(c->warnings);
  std::cout << describe(*c) << std::flush;
  return 0;
}

int token(const command_line& line) {
  const auto c = velo::net::load_config(line.sources);
  if (!c) return report(c.error());
  const auto made = velo::net::make_token(line.token, c->auth);
  if (!made) return report(made.error());
  std::cout << *made << std::endl;
  return 0;
}

// The request of rules/explain.hpp; what was not given is not in it.
std::string explain_request(const velo::net::explain_arguments& given) {
  auto request = nlohmann::json::object();
  const auto put = [&](const char* key, const std::optional<std::string>& text) {
    if (text) request[key] = *text;
  };
  put("filter", given.filter);
  put("rule", given.rule);
  put("record", given.record);
  put("auth", given.auth);
  put("action", given.action);
  return request.dump();
}

int explain(const command_line& line) {
  if (line.explain.from_stdin)
    return velo::rules::explain_stream(STDIN_FILENO, STDOUT_FILENO) ? 0 : failure;
  const auto answer = velo::rules::explain(explain_request(line.explain), true);
  std::cout << answer << std::endl;
  // A script that checks its rules wants to see it in the exit code.
  return answer.starts_with(R"({"error")") ? failure : 0;
}

int main_impl(int argc, const char* const* argv) {
  const auto line = velo::net::parse_command_line(argc, argv, environ);
  switch (line.what) {
    case command::serve:
      return serve(line);
    case command::check_config:
      return check_config(line);
    case command::explain:
      return explain(line);
    case command::token:
      return token(line);
    case command::backup:
      return report("backup of " + line.data, velo::storage::back_up(line.data, line.target));
    case command::restore:
      return report("restore into " + line.data, velo::storage::restore(line.target, line.data));
    case command::print_and_exit:
      break;
  }
  (line.exit_code == 0 ? std::cout : std::cerr) << line.text << std::flush;
  return line.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return main_impl(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "velo: %s\n", error.what());
    return failure;
  }
}
