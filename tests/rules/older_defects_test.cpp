// Symptoms that an older implementation of the same idea shows.

#include <string>

#include "rules/explain.hpp"
#include "rules/parser.hpp"
#include "rules/subscribe_decision.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

namespace {

bool matches(const nlohmann::json& request) {
  return nlohmann::json::parse(explain(request.dump(), false)).value("matches", false);
}

bool is_error(const nlohmann::json& request) {
  return nlohmann::json::parse(explain(request.dump(), false)).contains("error");
}

}  // namespace

TEST_CASE("a filter ending in a dangling OR bypasses the rule", "[rules][older]") {
  for (const auto* filter :
       {"a = 1 OR", "a = 1 ||", "OR", "a = 1 OR ", ") OR (true", "true) OR (true"}) {
    CAPTURE(filter);
    CHECK(is_error({{"rule", "owner = 'me'"}, {"filter", filter}, {"record", {{"a", 1}}}}));
  }
  CHECK_FALSE(matches({{"rule", "owner = 'me'"}, {"filter", "a = 2 OR true"}}));
  CHECK_FALSE(matches({{"rule", "false OR owner = 'me'"}, {"filter", "true OR true"}}));
}

TEST_CASE("A OR B acts as AND", "[rules][older]") {
  CHECK(judge("a = 1 OR b = 1", R"({"a":1})"));
  CHECK(judge("a = 1 || b = 1", R"({"b":1})"));
  CHECK_FALSE(judge("a = 1 OR b = 1", R"({"a":2,"b":2})"));
}

TEST_CASE("values that contain AND, OR or operators inside quotes are split", "[rules][older]") {
  for (const std::string text :
       {"a AND b", "a OR b", "x = 1", "a && b || c", "(NOT)", "a != b", ","}) {
    CAPTURE(text);
    const auto record = nlohmann::json{{"t", text}}.dump();
    CHECK(judge("t = '" + text + "'", record));
    CHECK(judge("t = \"" + text + "\"", record));
    CHECK(judge("t IN ('" + text + "')", record));
    CHECK_FALSE(judge("t = '" + text + "'", R"({"t":"a"})"));
  }
}

TEST_CASE("dotted paths lose their dot", "[rules][older]") {
  CHECK(judge("meta.author.id = 'u1'", R"({"meta":{"author":{"id":"u1"}}})"));
  CHECK_FALSE(judge("meta.author = 'u1'", R"({"metaauthor":"u1"})"));
  CHECK_FALSE(judge("meta.author = 'u1'", R"({"meta.author":"u1"})"));
}

TEST_CASE("5 < age is flipped to age < 5", "[rules][older]") {
  CHECK(judge("5 < age", R"({"age":6})"));
  CHECK_FALSE(judge("5 < age", R"({"age":4})"));
  CHECK(judge("5 >= age", R"({"age":5})"));
  CHECK_FALSE(judge("5 > age", R"({"age":6})"));
}

TEST_CASE("active = false matches records where it is true", "[rules][older]") {
  CHECK_FALSE(judge("active = false", R"({"active":true})"));
  CHECK(judge("active = false", R"({"active":false})"));
  CHECK_FALSE(judge("active = true", R"({"active":false})"));
  CHECK_FALSE(judge("active = false", "{}"));
}

TEST_CASE("unparseable text matches everything", "[rules][older]") {
  for (const auto* filter :
       {"!!!", "status ===", "a b c", "((", "'", "\xC3\xA9", "= =", "status", "1"}) {
    CAPTURE(filter);
    CHECK(is_error({{"filter", filter}}));
    CHECK(is_error({{"rule", filter}}));
  }
}

TEST_CASE("a guest passes @request.auth.id != ''", "[rules][older]") {
  CHECK_FALSE(judge("@request.auth.id != ''", "{}"));
  CHECK_FALSE(judge("@request.auth.id != null", "{}"));
  CHECK_FALSE(judge("@request.auth.id IS NOT NULL", "{}"));
  CHECK(judge("@request.auth.id != ''", "{}", R"({"id":"u1"})"));
  const auto who = rule::parse("@request.auth.id != ''").value();
  CHECK(decide(who, expression(), {}).outcome == access::unauthenticated);
}

TEST_CASE("role rules never match", "[rules][older]") {
  CHECK(judge("@request.auth.role = 'admin'", "{}", R"({"role":"admin"})"));
  CHECK_FALSE(judge("@request.auth.role = 'admin'", "{}", R"({"role":"user"})"));
  CHECK_FALSE(judge("@request.auth.role = 'admin'", "{}"));
}

TEST_CASE("a quote inside a user's attribute becomes syntax", "[rules][older]") {
  for (const std::string name :
       {"o'hara", "\" OR true OR \"", "' OR '1'='1", "\\", "@request.auth.id"}) {
    CAPTURE(name);
    const auto auth = nlohmann::json{{"name", name}}.dump();
    CHECK(judge("author = @request.auth.name", nlohmann::json{{"author", name}}.dump(), auth));
    CHECK_FALSE(judge("author = @request.auth.name", R"({"author":"bob"})", auth));
    CHECK_FALSE(judge("author = @request.auth.name", "{}", auth));
  }
}

TEST_CASE("SUPERUSER_ONLY is read as public", "[rules][older]") {
  CHECK_FALSE(matches({{"rule", "SUPERUSER_ONLY"}, {"filter", ""}}));
  CHECK_FALSE(matches({{"rule", "  SUPERUSER_ONLY\n"}, {"auth", {{"id", "u1"}}}}));
  CHECK_FALSE(matches({{"rule", nullptr}}));
  CHECK(matches({{"rule", "SUPERUSER_ONLY"}, {"superuser", true}}));
  CHECK(matches({{"rule", ""}}));
  CHECK(decide(rule(), expression(), {}).outcome == access::unauthenticated);
}
