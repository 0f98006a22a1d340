#include "net/config.hpp"

#include "net/setting.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <chrono>
#include <fstream>
#include <set>
#include <string>

using namespace velo::net;
using namespace std::chrono_literals;

namespace {

struct fixture {
  velo::storage::temp_directory directory;
  config_sources sources;

  void file(const std::string& text) {
    sources.file = (directory.path() / "velo.toml").string();
    std::ofstream(*sources.file) << text;
  }

  config load() {
    auto loaded = load_config(sources);
    if (!loaded) {
      for (const auto& sentence : loaded.error().sentences) UNSCOPED_INFO(sentence);
    }
    REQUIRE(loaded.has_value());
    return std::move(*loaded);
  }

  // All that is wrong, without the directory's name.
  std::string errors() {
    const auto loaded = load_config(sources);
    REQUIRE_FALSE(loaded.has_value());
    std::string text;
    const auto prefix = directory.path().string() + '/';
    for (auto sentence : loaded.error().sentences) {
      if (sentence.starts_with(prefix)) sentence.erase(0, prefix.size());
      text += sentence + '\n';
    }
    return text;
  }
};

using Catch::Contains;

}  // namespace

TEST_CASE("defaults are those of CONFIGURATION.md", "[net][config]") {
  const auto c = default_config();
  CHECK(c.data == "./velo-data");
  CHECK(c.host == "127.0.0.1");
  CHECK(c.port == 8080);
  CHECK(c.threads >= 1);
  CHECK(c.path_prefix.empty());
  CHECK(c.superuser_token.empty());
  CHECK(c.auth.user_collection == "users");
  CHECK(c.realtime.channel_prefix == "velo.realtime.");
  CHECK(c.realtime.event_name == "{action}");
  CHECK(c.realtime.stale_after == 5min);
  CHECK(c.history.max_age == 24h);
  CHECK(c.history.max_count == 1'000'000);
  CHECK(c.apps.empty());
  CHECK(c.limits.body_bytes == 1U << 20U);
  CHECK(c.limits.frame_bytes == 100U << 10U);
  CHECK(c.limits.event_bytes == 10'240);
  CHECK(c.limits.event_name_bytes == 200);
  CHECK(c.limits.channels_per_event == 100);
  CHECK(c.limits.events_per_batch == 10);
  CHECK(c.limits.presence_members == 100);
  CHECK(c.limits.presence_member_bytes == 1024);
  CHECK(c.limits.user_id_bytes == 128);
  CHECK(c.limits.watchlist == 100);
  CHECK(c.limits.client_events_per_second == 10);
  CHECK(c.pusher.cache_ttl == 30min);
  CHECK(c.pusher.member_grace == 0s);
  CHECK(c.pusher.signature_window == 600s);
  CHECK(c.limits.outbox_frames == 4096);
  CHECK(c.limits.sockets_per_record_channel == 16);
  CHECK(c.limits.expressions.expression_bytes == velo::rules::limits{}.expression_bytes);
  CHECK(c.limits.expressions.expression_depth == velo::rules::limits{}.expression_depth);
  CHECK(c.limits.expressions.expression_terms == velo::rules::limits{}.expression_terms);
  CHECK(c.limits.expressions.in_list == velo::rules::limits{}.in_list);
  CHECK(c.pusher.activity_timeout == 120s);
  CHECK(c.pusher.pong_timeout == 30s);
  CHECK(c.cors_origins == std::vector<std::string>{"*"});
  CHECK(c.drain.time == 3s);
  CHECK(c.drain.close_code == 4100);
  CHECK(c.log.level == "info");
  CHECK(c.log.format == log_format::text);
}

TEST_CASE("every setting has spellings of its own and a default it accepts", "[net][config]") {
  std::set<std::string> names;
  for (const auto& row : settings()) {
    CAPTURE(row.key);
    CHECK(names.insert(std::string(row.key)).second);
    CHECK(names.insert(row.variable()).second);
    CHECK(names.insert(row.flag()).second);
    CHECK_FALSE(row.meaning.empty());
    if (row.store == nullptr) continue;
    const auto value = read_text(row, row.default_text);
    REQUIRE(value.has_value());
    config c;
    row.store(c, *value);
    CHECK(row.load(c) == *value);
  }
}

TEST_CASE("a key gives its variable and its flag, unless the table names another",
          "[net][config]") {
  const auto spelled = [](std::string_view key) {
    for (const auto& row : settings()) {
      if (row.key == key) return row.variable() + ' ' + row.flag();
    }
    return std::string("unknown");
  };
  CHECK(spelled("data") == "VELO_DATA --data");
  CHECK(spelled("superuser_token") == "VELO_SUPERUSER_TOKEN --superuser-token");
  CHECK(spelled("auth.jwt_secret") == "VELO_JWT_SECRET --auth-jwt-secret");
  CHECK(spelled("apps.key") == "VELO_APP_KEY --app-key");
  CHECK(spelled("limits.body_bytes") == "VELO_LIMITS_BODY_BYTES --limits-body-bytes");
}

TEST_CASE_METHOD(fixture, "flags override variables, variables the file, the file defaults",
                 "[net][config]") {
  file("port = 1\nhost = \"file\"\nthreads = 3\n");
  sources.environment = {{"VELO_PORT", "2"}, {"VELO_HOST", "variable"}, {"HOME", "/"}};
  sources.flags = {{"--port", "3"}};
  const auto c = load();
  CHECK(c.port == 3);
  CHECK(c.host == "variable");
  CHECK(c.threads == 3);
  CHECK(c.origins.at("port") == "flag --port");
  CHECK(c.origins.at("host") == "environment VELO_HOST");
  CHECK(c.origins.at("threads") == *sources.file + ":3:11");
  CHECK(c.origins.at("data") == "default");
}

TEST_CASE_METHOD(fixture, "an empty variable is none, an empty flag is a value", "[net][config]") {
  file("path_prefix = \"/velo\"\n");
  sources.environment = {{"VELO_PATH_PREFIX", ""}, {"VELO_PORT", ""}};
  CHECK(load().path_prefix == "/velo");
  sources.flags = {{"--path-prefix", ""}};
  CHECK(load().path_prefix.empty());
}

TEST_CASE_METHOD(fixture, "lists are arrays in the file and have commas elsewhere",
                 "[net][config]") {
  file("[cors]\norigins = [\"https://a\", \"https://b\"]\n");
  const std::vector<std::string> both{"https://a", "https://b"};
  CHECK(load().cors_origins == both);
  sources.flags = {{"--cors-origins", "https://b , https://c,"}};
  CHECK(load().cors_origins == std::vector<std::string>{"https://b", "https://c"});
}

TEST_CASE_METHOD(fixture, "what is unknown is an error with a suggestion", "[net][config]") {
  file("thread = 3\n[limit]\nx = 1\n[limits]\noutbox_frame = 5\n");
  sources.environment = {{"VELO_PROT", "1"}, {"VELOX", "1"}, {"VELO_AUTH_JWT_SECRET", "x"}};
  sources.flags = {{"--hots", "x"}};
  const auto text = errors();
  CHECK_THAT(text,
             Contains("velo.toml:1:10: thread: There is no such setting. Did you mean threads?"));
  CHECK_THAT(text,
             Contains("velo.toml:2:1: limit: There is no such setting. Did you mean limits?"));
  CHECK_THAT(text, Contains("limits.outbox_frame: There is no such setting. Did you mean "
                            "limits.outbox_frames?"));
  CHECK_THAT(text, Contains("VELO_PROT: There is no such setting. Did you mean VELO_PORT?"));
  CHECK_THAT(text, Contains("VELO_AUTH_JWT_SECRET: There is no such setting. Did you mean "
                            "VELO_JWT_SECRET?"));
  CHECK_THAT(text, Contains("--hots: There is no such flag. Did you mean --host?"));
  CHECK_THAT(text, !Contains("VELOX"));
}

TEST_CASE_METHOD(fixture, "a wrong value says what to write", "[net][config]") {
  const auto [text, sentence] = GENERATE(table<std::string, std::string>({
      {"port = \"80\"", "velo.toml:1:8: port: A whole number is expected, without quotes."},
      {"port = 65536", "port: 65536 is out of range: write something between 0 and 65535."},
      {"port = -1", "port: \"-1\" is not possible"},
      {"port = 1.5", "port: A whole number is expected"},
      {"host = 5", "host: A string in quotes is expected."},
      {"host = \"\"", "host: It must not be empty."},
      {"host = 1979-05-27",
       "velo.toml:1:8: host: A date is no setting's value: write a string in quotes."},
      {"realtime.stale_after = 5", "\"5\" is not a duration: write a number with a unit"},
      {"realtime.stale_after = \"5\"", "\"5\" is not a duration"},
      {"realtime.stale_after = true", "A string in quotes is expected."},
      {"limits.body_bytes = \"64kb\"", "\"64kb\" is not a size: write a number with a unit"},
      {"limits.body_bytes = 10", "10B is out of range: write something between 1KiB and 1GiB."},
      {"limits = 5", "limits: A table is expected: write [limits]."},
      {"storage.sync = \"never\"", "never"},
      {"path_prefix = \"velo\"", "write a path that begins with a slash"},
      {"path_prefix = \"/velo/\"", "does not end with one"},
      {"realtime.channel_prefix = \"private-x\"", "cannot begin a channel's name"},
      {"realtime.channel_prefix = \"\"", "cannot begin a channel's name"},
      {"realtime.event_name = \"{what}\"", "the only one is {action}"},
      {"realtime.event_name = \"pusher:x\"", "belong to the protocol"},
      {"pusher.activity_timeout = \"1500ms\"", "whole seconds"},
      {"drain.close_code = 4001", "4001 keeps clients away for good"},
      {"log.level = \"loud\"", "write one of trace, debug, info, warning, error, off."},
      {"cors.origins = \"*\"", "A list of strings is expected"},
      {"cors.origins = [\"example.org\"]", "is not an origin"},
      {"auth.algorithms = [\"none\"]", "\"none\" is no algorithm of tokens here"},
      {"auth.algorithms = [\"RS384\"]", "write HS256, HS384"},
      {"auth.algorithms = [\"HS256\"]", "set auth.jwt_secret"},
      {"auth.algorithms = [\"ES256\"]", "auth.public_key or auth.jwks_file"},
      {"auth = {algorithms = [\"HS256\"], jwt_secret = \"x\", public_key = \"k.pem\"}",
       "auth.public_key: auth.algorithms names no algorithm for it"},
      {"superuser_token = \"a b\"", "visible ASCII without blanks"},
      {"apps = 5", "Tables are expected: write [[apps]]."},
      {"collections = [1]", "Tables are expected: write [[collections]]."},
      {"port = ", "velo.toml:1:"},
      {"port = 1\nport = 2", "velo.toml:2:"},
  }));
  file(text);
  CAPTURE(text);
  CHECK_THAT(errors(), Contains(sentence));
}

TEST_CASE_METHOD(fixture, "all errors are told at once, secrets in none", "[net][config]") {
  sources.environment = {{"VELO_PORT", "x"}, {"VELO_SUPERUSER_TOKEN", "hush hush"}};
  sources.flags = {{"--threads", "many"}};
  const auto text = errors();
  CHECK_THAT(text, Contains("VELO_PORT: \"x\" is not a whole number"));
  CHECK_THAT(text, Contains("VELO_SUPERUSER_TOKEN: "));
  CHECK_THAT(text, Contains("--threads: \"many\""));
  CHECK_THAT(text, !Contains("hush"));
}

TEST_CASE_METHOD(fixture, "a file that cannot be read is an error", "[net][config]") {
  sources.file = (directory.path() / "absent.toml").string();
  CHECK_THAT(errors(), Contains("absent.toml: The file cannot be read (No such file"));
  sources.file = directory.path().string();
  CHECK_THAT(errors(), Contains("The file cannot be read (Is a directory)"));
}

TEST_CASE_METHOD(fixture, "an empty file is a configuration", "[net][config]") {
  file("");
  CHECK(load().port == 8080);
}

TEST_CASE_METHOD(fixture, "apps come from the file, and the variables add one", "[net][config]") {
  file(
      "[[apps]]\nid = \"one\"\nkey = \"k1\"\nsecret = \"s1\"\nallowed_origins = [\"https://a\"]\n");
  CHECK(load().apps ==
        std::vector<app>{{.id = "one", .keys = {{"k1", "s1"}}, .allowed_origins = {"https://a"}}});

  sources.environment = {{"VELO_APP_ID", "two"}, {"VELO_APP_KEY", "k2"}, {"VELO_APP_SECRET", "s2"}};
  const auto c = load();
  REQUIRE(c.apps.size() == 2);
  CHECK(c.apps[1] == app{.id = "two", .keys = {{"k2", "s2"}}});
  CHECK(c.origins.at("apps.one") == *sources.file + ":1:1");
  CHECK(c.origins.at("apps.two") ==
        "environment VELO_APP_ID, environment VELO_APP_KEY, environment VELO_APP_SECRET");
}

TEST_CASE_METHOD(fixture, "the variables override the app with that id", "[net][config]") {
  file("[[apps]]\nid = \"one\"\nkey = \"k1\"\nenabled = false\n");
  sources.environment = {{"VELO_APP_ID", "one"}, {"VELO_APP_SECRET", "s"}};
  sources.flags = {{"--app-key", "k2"}};
  CHECK(load().apps == std::vector<app>{{.id = "one", .keys = {{"k2", "s"}}, .enabled = false}});
}

TEST_CASE_METHOD(fixture, "an app that cannot work is refused", "[net][config]") {
  sources.environment = {{"VELO_APP_KEY", "k"}, {"VELO_APP_SECRET", "s"}};
  CHECK_THAT(errors(), Contains("Set VELO_APP_ID"));
  sources.environment = {{"VELO_APP_ID", "a"}, {"VELO_APP_KEY", "k"}};
  CHECK_THAT(errors(), Contains("app \"a\": It needs a secret."));
  sources.environment = {{"VELO_APP_ID", "a"}, {"VELO_APP_KEY", "k:1"}, {"VELO_APP_SECRET", "s"}};
  CHECK_THAT(errors(), Contains("It needs a key: write 1 to 64 of"));

  sources.environment.clear();
  file(
      "[[apps]]\nid=\"a\"\nkey=\"k\"\nsecret=\"s\"\n[[apps]]\nid=\"a\"\nkey=\"k\"\nsecret=\"s\"\n");
  CHECK_THAT(errors(),
             Contains("Another app has this id.") && Contains("The key \"k\" is there already."));
  file("[[apps]]\nid=\"a\"\nkeey=\"k\"\nwebhooks=5\nenabled=1\n");
  CHECK_THAT(errors(),
             Contains("apps.keey: There is no such setting of an app. Did you mean key?") &&
                 Contains("apps.webhooks: Tables are expected") &&
                 Contains("enabled is true or false."));
}

TEST_CASE_METHOD(fixture, "an app has every key that is named, and what else it was given",
                 "[net][config]") {
  file(R"([[apps]]
id = "one"
key = "k1"
secret = "s1"
keys = [{key = "k2", secret = "s2"}]
client_events = false
subscription_count = true
max_connections = 7
[[apps.webhooks]]
url = "https://example.org/hook"
events = ["channel_occupied", "member_added"]
channel_prefix = "presence-"
headers = { Authorization = "Bearer hush" }
[[apps.webhooks]]
url = "http://[::1]:8000"
)");
  const auto c = load();
  app expected{.id = "one", .keys = {{"k1", "s1"}, {"k2", "s2"}}};
  expected.client_events = false;
  expected.subscription_count = true;
  expected.max_connections = 7;
  expected.webhooks = {{"https://example.org/hook",
                        {"channel_occupied", "member_added"},
                        "presence-",
                        {{"Authorization", "Bearer hush"}}},
                       {"http://[::1]:8000", {}, "", {}}};
  REQUIRE(c.apps.size() == 1);
  CHECK(c.apps[0] == expected);
  CHECK(c.apps[0].find_key("k2") == &c.apps[0].keys[1]);
  CHECK(c.apps[0].find_key("k3") == nullptr);

  const auto shown = describe(c);
  for (const auto* secret : {"s1", "s2", "hush"})
    CHECK_THAT(shown, !Contains('"' + std::string(secret)) && !Contains("Bearer"));
  CHECK_THAT(shown, Contains("keys = [{key = \"k1\", secret = \"********\"}, {key = \"k2\"") &&
                        Contains("client_events = false") && Contains("max_connections = 7") &&
                        Contains("channel_prefix = \"presence-\""));
  // What is shown is a file again.
  file(shown);
  auto again = load();
  REQUIRE(again.apps.size() == 1);
  CHECK(again.apps[0].keys[1].key == "k2");
  CHECK(again.apps[0].webhooks.size() == 2);
}

TEST_CASE_METHOD(fixture, "a webhook that cannot work is refused", "[net][config]") {
  const auto [text, sentence] = GENERATE(table<std::string, std::string>({
      {"events = [\"channel_occupied\"]", "apps.webhooks: It needs a url."},
      {"url = \"ftp://x\"", "apps.webhooks.url: It is not an address to send to"},
      {"url = \"http://me:pw@x/\"", "It is not an address to send to"},
      {"url = \"http://x/\"\nevents = [\"channel_ocupied\"]", "Did you mean channel_occupied?"},
      {"url = \"http://x/\"\nevents = []", "Name an event, or leave it out"},
      {"url = \"http://x/\"\nheaders = {X-Pusher-Key = \"x\"}", "is for the server to set"},
      {"url = \"http://x/\"\nheaders = {\"a b\" = \"x\"}", "is no name of a header"},
      {"url = \"http://x/\"\nheaders = {a = \"x\\r\\ny\"}", "not one that a header can have"},
      {"url = \"http://x/\"\nchanel_prefix = \"x\"", "Did you mean channel_prefix?"},
  }));
  file("[[apps]]\nid = \"a\"\nkey = \"k\"\nsecret = \"s\"\n[[apps.webhooks]]\n" + text);
  CAPTURE(text);
  CHECK_THAT(errors(), Contains(sentence));
}

TEST_CASE_METHOD(fixture, "collections are declared as the API would take them", "[net][config]") {
  file(R"(
[[apps]]
id = "one"
key = "k"
secret = "s"
[[collections]]
name = "posts"
rules = { list = "", view = "@request.auth.id = owner", delete = "owner = 'x'" }
hidden = ["secret"]
guarded = ["role"]
history = "memory"
mirror = false
shards = 1
app = "one"
[[collections]]
name = "users"
type = "auth"
)");
  const auto c = load();
  REQUIRE(c.collections.size() == 2);
  const auto& posts = c.collections[0];
  CHECK(posts.name == "posts");
  CHECK(posts.rules.list == "");
  CHECK(posts.rules.view == "@request.auth.id = owner");
  CHECK(posts.rules.create == std::nullopt);
  CHECK(posts.rules.remove == "owner = 'x'");
  CHECK(posts.hidden == std::vector<std::string>{"secret"});
  CHECK(posts.guarded == std::vector<std::string>{"role"});
  CHECK(posts.history == velo::storage::history_mode::memory);
  CHECK_FALSE(posts.mirror);
  CHECK(posts.app == "one");
  CHECK(c.collections[1].type == velo::storage::collection_type::auth);
  CHECK(c.origins.at("collections.posts") == *sources.file + ":6:1");
}

TEST_CASE_METHOD(fixture, "a declaration that is wrong says where", "[net][config]") {
  file(R"([[collections]]
name = "posts"
shards = 0
rules = { list = "a = ", lisst = "" }
[[collections]]
nam = "x"
[[collections]]
type = "base"
[[collections]]
name = "twice"
[[collections]]
name = "twice"
id = "x"
)");
  auto text = errors();
  CHECK_THAT(text, Contains("velo.toml:3:10: collections.shards: "));
  CHECK_THAT(text, Contains("velo.toml:4:18: collections.rules.list: ") && Contains("(column 5)"));
  CHECK_THAT(text, Contains("collections.rules.lisst: "));
  CHECK_THAT(text, Contains("velo.toml:6:7: collections.nam: ") && Contains("Did you mean name?"));
  CHECK_THAT(text, Contains("velo.toml:7:1: collections.name: "));
  CHECK_THAT(text, Contains("velo.toml:13:6: collections.id: There is no such setting"));
  file("[[collections]]\nname = \"a\"\n[[collections]]\nname = \"a\"\n");
  CHECK_THAT(errors(), Contains("Another collection is named a."));
}

TEST_CASE_METHOD(fixture, "the limits on rules hold for declared ones", "[net][config]") {
  file(
      "[limits]\nexpression_terms = 1\n[[collections]]\nname = \"a\"\nrules.list = \"x = 1 AND y = "
      "2\"\n");
  CHECK_THAT(errors(), Contains("collections.rules.list"));
}

TEST_CASE_METHOD(fixture, "the demo declares public posts, unless they are declared",
                 "[net][config]") {
  sources.demo = true;
  auto c = load();
  REQUIRE(c.collections.size() == 1);
  CHECK(c.demo);
  CHECK(c.collections[0].name == "posts");
  CHECK(c.collections[0].rules.list == "");
  CHECK(c.collections[0].rules.view == "");
  CHECK(c.collections[0].rules.create == std::nullopt);

  file("[[collections]]\nname = \"posts\"\n");
  c = load();
  REQUIRE(c.collections.size() == 1);
  CHECK(c.collections[0].rules.list == std::nullopt);
}

TEST_CASE_METHOD(fixture, "one secret is not two", "[net][config]") {
  sources.environment = {{"VELO_SUPERUSER_TOKEN", "same"}, {"VELO_INGEST_KEY", "same"}};
  CHECK_THAT(errors(), Contains("ingest_key: It is the superuser token"));
  sources.environment = {{"VELO_SUPERUSER_TOKEN", "other"},
                         {"VELO_SUPERUSER_TOKEN_PREVIOUS", "same"},
                         {"VELO_INGEST_KEY", "same"}};
  CHECK_THAT(errors(), Contains("ingest_key: It is a superuser token still"));
}

TEST_CASE_METHOD(fixture, "a short JWT secret is accepted with a warning", "[net][config]") {
  sources.environment = {{"VELO_JWT_SECRET", "short"}};
  CHECK(load().warnings.size() == 1);
  sources.environment = {{"VELO_JWT_SECRET", std::string(32, 'x')}};
  CHECK(load().warnings.empty());
}

TEST_CASE_METHOD(fixture, "the description masks secrets and names origins", "[net][config]") {
  file("[[apps]]\nid = \"one\"\nkey = \"k1\"\nsecret = \"hush1\"\n");
  sources.environment = {{"VELO_SUPERUSER_TOKEN", "hush2"}, {"VELO_JWT_SECRET", "hush3"}};
  sources.flags = {{"--port", "9"}};
  sources.demo = true;
  const auto text = describe(load());
  CHECK_THAT(text, !Contains("hush"));
  CHECK_THAT(text, Contains("superuser_token = \"********\"") &&
                       Contains("# environment VELO_SUPERUSER_TOKEN"));
  CHECK_THAT(text, Contains("port = 9 ") && Contains("# flag --port"));
  CHECK_THAT(text, Contains("key = \"k1\""));
  CHECK_THAT(text, Contains("[[collections]]  # flag --demo\nname = \"posts\""));
}

TEST_CASE_METHOD(fixture, "the description is a file that gives the same configuration",
                 "[net][config]") {
  file(
      "[realtime]\nevent_name = \"a \\\"b\\\" {action}\"\nstale_after = \"90s\"\n[cors]\norigins = "
      "[]\n"
      "[[apps]]\nid = \"one\"\nkey = \"k1\"\nsecret = \"s\"\n"
      "[[collections]]\nname = \"posts\"\nrules.list = 'a = \"x\"'\nhidden = [\"h\"]\n");
  auto text = describe(load());
  file(text);
  const auto again = load();
  CHECK(again.realtime.event_name == "a \"b\" {action}");
  CHECK(again.realtime.stale_after == 90s);
  CHECK(again.cors_origins.empty());
  CHECK(again.collections[0].rules.list == "a = \"x\"");
  CHECK(again.collections[0].hidden == std::vector<std::string>{"h"});
}

TEST_CASE_METHOD(fixture, "host and port are one way in, listeners are others", "[net][config]") {
  const auto plain = ways_in(load());
  REQUIRE(plain.size() == 1);
  CHECK(plain.front() == listener_config{.host = "127.0.0.1", .port = 8080});

  file(
      "listeners = [{port = 1}, {host = \"::1\", port = 2, tls = true}, "
      "{unix = \"/run/velo.sock\", mode = \"0600\"}]\n"
      "[tls]\ncertificate = \"c\"\nkey = \"k\"\n");
  const auto several = load();
  const listener_config first{.port = 1};
  const listener_config second{.host = "::1", .port = 2, .tls = true};
  const listener_config third{.unix_path = "/run/velo.sock", .unix_mode = 0600};
  CHECK(ways_in(several) == std::vector{first, second, third});
  CHECK_THAT(describe(several), Contains("# port is not set: see listeners"));

  sources.flags = {{"--port", "9"}};
  const listener_config simple{.port = 9, .tls = true};
  CHECK(ways_in(load()) == std::vector{simple, first, second, third});
}

TEST_CASE_METHOD(fixture, "a way in that cannot be is said to be that", "[net][config]") {
  const auto [text, sentence] = GENERATE(table<std::string, std::string>({
      {"listeners = [{port = 1, tls = true}]", "listeners: TLS needs a certificate"},
      {"[tls]\nkey = \"k\"", "set both tls.certificate and tls.key"},
      {"listeners = [{port = 1}]\n[tls]\nkey = \"k\"\ncertificate = \"c\"",
       "No listener speaks TLS"},
      {"listeners = [{host = \"a\"}]", "velo.toml:1:14: listeners: It needs a port"},
      {"listeners = [{port = 65536}]", "velo.toml:1:22: listeners.port: A whole number from 0"},
      {"listeners = [{port = 1, unix = \"/a\"}]", "listeners.unix: It is either"},
      {"listeners = [{port = 1, mode = \"0600\"}]", "listeners.mode: Only the file"},
      {"listeners = [{unix = \"/a\", mode = \"9\"}]", "listeners.mode: A mode as chmod"},
      {"listeners = [{unix = \"\"}]", "listeners.unix: A path"},
      {"listeners = [{prot = 1}]", "Did you mean port?"},
      {"listeners = [1]", "listeners: A list of tables"},
      {"trusted_proxies = [\"10.0.0.0/99\"]", "trusted_proxies: \"10.0.0.0/99\" is not a network"},
  }));
  file(text + '\n');
  CHECK_THAT(errors(), Contains(sentence));
}
