// The foldings that binding promises, one by one.

#include <optional>
#include <string>

#include "rules/bind.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

namespace {

const auto ann = json_of(
    R"({"id":"u1","role":"editor","age":30,"teams":["t1","t2"],"none":[],"nulls":[null,null],
        "org":{"a":1},"ok":true,"nul":null,"empty":""})");
const auto query = json_of(R"({"room":"r1"})");

std::string bound(const std::string& text, bool guest = false) {
  return to_string(bind(tree(text), {guest ? nullptr : &ann, &query, false}).expr());
}

}  // namespace

TEST_CASE("constants on both sides fold", "[rules][folding]") {
  const auto [text, folded] = GENERATE(table<const char*, const char*>({
      {"@request.auth.role = 'editor'", "true"},
      {"@request.auth.role != 'editor'", "false"},
      {"@request.auth.age > 18", "true"},
      {"18 >= @request.auth.age", "false"},
      {"@request.auth.id IS NULL", "false"},
      {"@request.auth.nul IS NULL", "true"},
      {"@request.auth.nul = null", "true"},
      {"@request.auth.nul = ''", "true"},
      {"@request.auth.empty = null", "false"},
      {"@request.auth.nul = @request.auth.empty", "false"},
      {"@request.auth.role LIKE 'ed%'", "true"},
      {"@request.auth.role IN (admin, editor)", "true"},
      {"'t1' IN @request.auth.teams", "true"},
      {"@request.auth.id IN @request.auth.teams", "false"},
      {"@request.auth.teams ?= 't2'", "true"},
      {"@request.auth.teams ?!= 't2'", "true"},
      {"@request.auth.none ?!= 't2'", "false"},
      {"@request.query.room = 'r1'", "true"},
      {"@request.query.gone IS NULL", "true"},
      {"@request.auth IS NOT NULL", "true"},
      {"1 = 1.0", "true"},
      {"'a' ~ 'A'", "true"},
  }));
  CAPTURE(text);
  CHECK(bound(text) == folded);
}

TEST_CASE("= with a bound null against a path is false", "[rules][folding]") {
  const auto [text, folded] = GENERATE(table<const char*, const char*>({
      {"@request.auth.id = owner", "false"},
      {"owner = @request.auth.id", "false"},
      {"owner != @request.auth.id", "true"},
      {"NOT owner = @request.auth.id", "true"},
      {"tags ?= @request.auth.id", "false"},
      {"NOT tags ?= @request.auth.id", "true"},
      {"@request.auth.id ?= owner", "false"},
      {"@request.auth.id ?!= owner", "true"},
      {"@action = @request.auth.id", "false"},
      // An empty array satisfies none, so this one has to look.
      {"tags ?!= @request.auth.id", "tags ?!= @bound(null)"},
      // The literal null is another thing.
      {"owner = null", "owner = null"},
      {"null = owner", "owner = null"},
  }));
  CAPTURE(text);
  CHECK(bound(text, true) == folded);
}

TEST_CASE("an ordering with null, bool, array or object on one side is false", "[rules][folding]") {
  const std::string op = GENERATE("<", "<=", ">", ">=");
  const std::string side = GENERATE("null", "true", "@request.auth.nul", "@request.auth.ok",
                                    "@request.auth.teams", "@request.auth.org", "@request.auth");
  CAPTURE(op, side);
  CHECK(bound("x " + op + " " + side) == "false");
  CHECK(bound(side + " " + op + " @record.x") == "false");
  CHECK(bound("NOT x " + op + " " + side) == "true");
  CHECK(bound("x ?" + op + " " + side) == "false");
  CHECK(bound("NOT x ?" + op + " " + side) == "true");
}

TEST_CASE("LIKE with null, bool, array or object on either side is false", "[rules][folding]") {
  const std::string side = GENERATE("null", "false", "@request.auth.nul", "@request.auth.ok",
                                    "@request.auth.teams", "@request.auth.org");
  CAPTURE(side);
  CHECK(bound("x LIKE " + side) == "false");
  CHECK(bound("x NOT LIKE " + side) == "true");
  CHECK(bound("x ~ " + side) == "false");
  CHECK(bound("x !~ " + side) == "true");
  CHECK(bound(side + " LIKE @record.x") == "false");
  CHECK(bound(side + " NOT ILIKE @record.x") == "true");
  CHECK(bound("x ?~ " + side) == "false");
}

TEST_CASE("IN folds where its right side is no array or empty, or its left a bound null",
          "[rules][folding]") {
  const auto [text, folded] = GENERATE(table<const char*, const char*>({
      {"x IN @request.auth.gone", "false"},
      {"x IN @request.auth.id", "false"},
      {"x IN @request.auth.org", "false"},
      {"x IN @request.auth", "false"},
      {"x IN @request.auth.none", "false"},
      {"x IN @request.auth.nulls", "false"},
      {"x NOT IN @request.auth.none", "true"},
      {"x NOT IN @request.auth.gone", "true"},
      {"@request.auth.gone IN members", "false"},
      {"@request.auth.nul NOT IN members", "true"},
      {"@request.auth.gone IN (1, '')", "true"},
      {"@request.auth.gone IN (1, 2)", "false"},
      {"x IN @request.auth.teams", "x IN ('t1', 't2')"},
      {"null IN members", "null IN @record.members"},
  }));
  CAPTURE(text);
  CHECK(bound(text) == folded);
}

TEST_CASE("AND, OR and NOT fold over constants", "[rules][folding]") {
  const auto [text, folded] = GENERATE(table<const char*, const char*>({
      {"a = 1 AND @request.auth.role = 'editor'", "a = 1"},
      {"a = 1 AND @request.auth.role = 'admin'", "false"},
      {"a = 1 OR @request.auth.role = 'editor'", "true"},
      {"a = 1 OR @request.auth.role = 'admin'", "a = 1"},
      {"NOT (a = 1 AND @request.auth.role = 'admin')", "true"},
      {"(a = 1 OR true) AND (b = 2 OR false)", "b = 2"},
      {"NOT (NOT (a = 1))", "a = 1"},
      {"NOT true OR NOT false", "true"},
  }));
  CAPTURE(text);
  CHECK(bound(text) == folded);
}

TEST_CASE("@action and @now never fold", "[rules][folding]") {
  for (const auto* text :
       {"@action = 'created'", "@now > '2020'", "@action IS NULL", "@action LIKE '%'",
        "@action IN ('created', 'deleted')", "@now = @now", "@action = 'nothing'"}) {
    CAPTURE(text);
    CHECK_FALSE(bind(tree(text), {&ann, &query, false}).constant().has_value());
  }
}

TEST_CASE("a rule for superusers folds by who asks", "[rules][folding]") {
  CHECK(bind(rule(), expression(), {&ann, nullptr, false}).constant() == false);
  CHECK(bind(rule(), expression(), {nullptr, nullptr, true}).constant() == true);
  CHECK(bind(rule::parse("false").value(), tree("a = 1"), {nullptr, nullptr, true}) ==
        bind(tree("a = 1"), {}));
}

TEST_CASE("bound values are never literals and never syntax", "[rules][folding]") {
  const auto mallory = json_of(R"({"id":"' OR true OR '","empty":"","p":"%"})");
  const parameters who{&mallory, nullptr, false};
  const auto record = json_of(R"({"owner":"u1"})");
  CHECK_FALSE(evaluate(bind(tree("owner = @request.auth.id"), who), {record, action::created, ""}));
  CHECK_FALSE(
      evaluate(bind(tree("missing = @request.auth.empty"), who), {record, action::created, ""}));
  CHECK(to_string(bind(tree("owner = @request.auth.id"), who).expr()) ==
        "owner = '\\' OR true OR \\''");
}
