#include "net/command_line.hpp"

#include "net/setting.hpp"
#include "net/spelling.hpp"

#include <CLI/CLI.hpp>

#include <string_view>
#include <vector>

#ifndef VELO_VERSION
#define VELO_VERSION "unversioned"
#endif

namespace velo::net {

namespace {

std::string help_of(const setting& row) {
  std::string out(row.meaning);
  if (!row.default_text.empty()) out += " [" + std::string(row.default_text) + ']';
  return out + " (" + row.variable() + ')';
}

const char* value_name(const setting& row) {
  switch (row.kind) {
    case setting_kind::count:
      return "NUMBER";
    case setting_kind::size:
      return "SIZE";
    case setting_kind::duration:
      return "DURATION";
    case setting_kind::list:
      return "A,B,...";
    case setting_kind::text:
    case setting_kind::choice:
      return "TEXT";
  }
  return "TEXT";
}

// A flag for every row of the settings table.
void add_setting_flags(CLI::App& app, std::map<std::string, std::string>& values) {
  for (const auto& row : settings()) {
    const auto flag = row.flag();
    app.add_option_function<std::string>(
           flag, [&values, flag](const std::string& value) { values[flag] = value; }, help_of(row))
        ->type_name(value_name(row))
        ->take_last();
  }
}

void add_config_flags(CLI::App& app, config_sources& sources) {
  app.add_option("--config", sources.file, "TOML file with settings (VELO_CONFIG)")
      ->type_name("FILE")
      ->take_last();
  app.add_flag("--demo", sources.demo, "declare a public collection `posts` (VELO_DEMO)");
  add_setting_flags(app, sources.flags);
}

void add_explain_flags(CLI::App& app, explain_arguments& into) {
  auto* from_stdin =
      app.add_flag("--stdin", into.from_stdin, "answer requests, one JSON object a line");
  const auto add = [&](const char* flag, std::optional<std::string>& text, const char* help) {
    app.add_option(flag, text, help)->excludes(from_stdin);
  };
  add("--filter", into.filter, "a subscriber's filter");
  add("--rule", into.rule, "the collection's rule; without it everyone passes");
  add("--record", into.record, "the record, as JSON");
  add("--auth", into.auth, "the user's record, as JSON; without it a guest");
  add("--action", into.action, "created, updated or deleted [created]");
}

void add_token_flags(CLI::App& app, token_arguments& into) {
  const auto add = [&](const char* flag, std::string& text, const char* type, const char* help) {
    app.add_option(flag, text, help)->type_name(type)->take_last();
  };
  add("--sub", into.subject, "ID", "whose token it is: the id of the user's record");
  add("--collection", into.collection, "NAME", "the user's auth collection, if not the default");
  into.expires = "1h";
  add("--expires", into.expires, "DURATION", "how long it holds, or never [1h]");
  app.add_option("--claim", into.claims, "one more claim; the value is JSON, or else a text")
      ->type_name("NAME=VALUE");
  add("--algorithm", into.algorithm, "NAME",
      "HS256, RS256, ES256...; by default what the key is for");
  add("--secret", into.secret, "TEXT", "signs with this instead of auth.jwt_secret");
  add("--key", into.key_file, "FILE", "signs with this private key: PEM, or a JWK");
  add("--kid", into.key_id, "ID", "names the key in the token's header");
}

void add_data_flag(CLI::App& app, std::string& data) {
  app.add_option("--data", data, "data directory [./velo-data] (VELO_DATA)")
      ->type_name("DIR")
      ->take_last();
}

// VELO_* of `NAME=value` texts.
std::map<std::string, std::string> velo_variables(const char* const* environment) {
  std::map<std::string, std::string> out;
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    const auto equals = entry.find('=');
    if (entry.starts_with("VELO_") && equals != std::string_view::npos)
      out.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return out;
}

// What --config and --demo did not say, their variables may. Gives what is wrong.
std::string take_own_variables(config_sources& sources) {
  const auto value = [&](const char* name) {
    const auto at = sources.environment.find(name);
    return at == sources.environment.end() ? std::string() : at->second;
  };
  if (const auto file = value("VELO_CONFIG"); !sources.file && !file.empty()) sources.file = file;
  const auto demo = value("VELO_DEMO");
  if (demo == "1" || demo == "true")
    sources.demo = true;
  else if (!demo.empty() && demo != "0" && demo != "false")
    return "VELO_DEMO: " + quoted_toml(demo) + " is not a yes or no: write 1 or 0.";
  return {};
}

// CLI11 lists what it did not expect, but not what was meant.
std::string unexpected(const CLI::App& app) {
  const auto& chosen = app.get_subcommands().empty() ? app : *app.get_subcommands().front();
  std::vector<std::string> flags;
  for (const auto* option : chosen.get_options()) flags.push_back(option->get_name());
  const auto left = chosen.remaining();
  for (const auto& word : left) {
    if (!word.starts_with('-')) continue;
    const auto name = word.substr(0, word.find('='));
    return "There is no flag " + name + '.' + did_you_mean(name, flags);
  }
  return left.empty() ? "There is an argument too many."
                      : quoted_toml(left.front()) + " is an argument too many.";
}

std::string no_command(int argc, const char* const* argv, const CLI::App& app) {
  std::vector<std::string> commands;
  for (const auto* command : app.get_subcommands(nullptr)) commands.push_back(command->get_name());
  if (argc < 2) return "Say what to do: serve, check-config, token, explain, backup or restore.";
  return "There is no command " + quoted_toml(argv[1]) + '.' + did_you_mean(argv[1], commands);
}

command_line usage_error(const std::string& sentence) {
  command_line out;
  out.text = "velo: " + sentence + "\nRun velo --help for what there is.\n";
  out.exit_code = 2;
  return out;
}

}  // namespace

command_line parse_command_line(int argc, const char* const* argv, const char* const* environment) {
  command_line out;
  out.sources.environment = velo_variables(environment);

  CLI::App app("Velo Realtime: tells exactly the right WebSocket clients that a record changed.",
               "velo");
  app.set_version_flag("--version", "velo " VELO_VERSION);
  app.require_subcommand(1);
  auto* serve = app.add_subcommand("serve", "run the server");
  add_config_flags(*serve, out.sources);
  auto* check =
      app.add_subcommand("check-config", "print the effective configuration and its origins");
  add_config_flags(*check, out.sources);
  auto* explain =
      app.add_subcommand("explain", "judge a record by a rule and a filter, and say why");
  add_explain_flags(*explain, out.explain);
  auto* token = app.add_subcommand("token", "make a user's token, for development");
  add_token_flags(*token, out.token);
  add_config_flags(*token, out.sources);
  auto* backup = app.add_subcommand("backup", "copy the database, also while a server uses it");
  backup->add_option("TARGET", out.target, "a new directory for the copy")->required();
  add_data_flag(*backup, out.data);
  auto* restore = app.add_subcommand("restore", "put a backup into an empty data directory");
  restore->add_option("BACKUP", out.target, "the directory that backup wrote")->required();
  add_data_flag(*restore, out.data);

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.text = app.help();  // Of the command that was named, if one was.
    return out;
  } catch (const CLI::CallForVersion& version) {
    out.text = std::string(version.what()) + '\n';
    return out;
  } catch (const CLI::ExtrasError&) {
    return usage_error(unexpected(app));
  } catch (const CLI::RequiredError& error) {
    // Of a command's own arguments CLI11 says it well enough.
    return usage_error(app.get_subcommands().empty() ? no_command(argc, argv, app)
                                                     : std::string(error.what()) + '.');
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }

  if (explain->parsed()) {
    out.what = command::explain;
    return out;
  }
  if (backup->parsed() || restore->parsed()) {
    out.what = backup->parsed() ? command::backup : command::restore;
    const auto from_environment = out.sources.environment.find("VELO_DATA");
    if (out.data.empty() && from_environment != out.sources.environment.end())
      out.data = from_environment->second;
    if (out.data.empty()) out.data = "./velo-data";
    return out;
  }
  if (auto sentence = take_own_variables(out.sources); !sentence.empty())
    return usage_error(sentence);
  out.what = serve->parsed()   ? command::serve
             : token->parsed() ? command::token
                               : command::check_config;
  return out;
}

}  // namespace velo::net
