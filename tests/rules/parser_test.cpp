#include "rules/parser.hpp"

#include <string>
#include <vector>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

TEST_CASE("a text parses to one tree and prints it", "[rules][parser]") {
  const auto [text, printed] = GENERATE(table<const char*, const char*>({
      {"", "true"},
      {" \t\r\n ", "true"},
      {"true", "true"},
      {"FALSE", "false"},
      {"a = 1", "a = 1"},
      {"a==1", "a = 1"},
      {"a<>1", "a != 1"},
      {"a<1 && b<=2||c>3", "(a < 1 AND b <= 2) OR c > 3"},
      {"a>=1 and b!=2 or c!~x", "(a >= 1 AND b != 2) OR c NOT ILIKE 'x'"},
      {"a = 1 OR b = 2 AND c = 3", "a = 1 OR (b = 2 AND c = 3)"},
      {"(a = 1 OR b = 2) AND c = 3", "(a = 1 OR b = 2) AND c = 3"},
      {"((a = 1))", "a = 1"},
      {"NOT a = 1 AND b = 2", "NOT a = 1 AND b = 2"},
      {"NOT (a = 1 AND b = 2)", "NOT (a = 1 AND b = 2)"},
      {"!!a = 1", "NOT NOT a = 1"},
      {"! true", "NOT true"},
      {"a = active", "a = 'active'"},
      {"a = 2026-01-31", "a = '2026-01-31'"},
      {"a = 12:30", "a = '12:30'"},
      {"a = 1.2.3", "a = '1.2.3'"},
      {"a = 01", "a = '01'"},
      {"a = 1.", "a = '1.'"},
      {"a = 1e", "a = '1e'"},
      {"a = 0xA", "a = '0xA'"},
      {"a = b.c", "a = 'b.c'"},
      {"a = in.b", "a = 'in.b'"},
      {"a = b-c_d", "a = 'b-c_d'"},
      {"a = _", "a = '_'"},
      {"a = größe", "a = 'größe'"},
      {"a = @record.b", "a = @record.b"},
      {"@record.a = b", "a = @record.b"},
      {"@request.auth.id = owner", "@request.auth.id = @record.owner"},
      {"@request.auth.id = meta.owner", "@request.auth.id = @record.meta.owner"},
      {"@request.auth.id = 2026-01-31", "@request.auth.id = '2026-01-31'"},
      {"@request.auth.role = super-admin", "@request.auth.role = 'super-admin'"},
      {"@request.query.room = room", "@request.query.room = @record.room"},
      {"@action = name", "@action = @record.name"},
      {"@now > due", "@now > @record.due"},
      {"5 < age", "5 < @record.age"},
      {"'x' = a", "'x' = @record.a"},
      {"null = a", "null = @record.a"},
      {"true = a", "true = @record.a"},
      {"2026-01-31 < due", "'2026-01-31' < @record.due"},
      {"owner = @request.auth.id", "owner = @request.auth.id"},
      {"@record.in = 1", "@record.in = 1"},
      {"@record.0 = 1", "@record.0 = 1"},
      {"@record = @request.auth", "@record = @request.auth"},
      {"meta.in = 1", "meta.in = 1"},
      {"meta.NOT.0.or = 1", "meta.NOT.0.or = 1"},
      {"a = NULL", "a = null"},
      {"a = True", "a = true"},
      {"a = -0", "a = 0"},
      {"a = 1.50", "a = 1.5"},
      {"a = 1e2", "a = 100.0"},
      {"a = 1e+2", "a = 100.0"},
      {"a = 1E-2", "a = 0.01"},
      {"a = 9223372036854775808", "a = 9.223372036854776e+18"},
      {"a IN (1,'b', c , null,TRUE)", "a IN (1, 'b', 'c', null, true)"},
      {"a NOT IN b", "a NOT IN @record.b"},
      {"a IN @request.auth.teams", "a IN @request.auth.teams"},
      {"1 IN b.c", "1 IN @record.b.c"},
      {"a LIKE 'x' or a ilike x", "a LIKE 'x' OR a ILIKE 'x'"},
      {"a ~ x", "a ILIKE 'x'"},
      {"a not like 5", "a NOT LIKE 5"},
      {"a IS NULL", "a IS NULL"},
      {"a is not null", "a IS NOT NULL"},
      {"'' is null", "'' IS NULL"},
      {"a ?= 1 and a?!=1 and a?<1 and a?<=1 and a?>1 and a?>=1 and a?~x and a?!~x",
       "a ?= 1 AND a ?!= 1 AND a ?< 1 AND a ?<= 1 AND a ?> 1 AND a ?>= 1 AND a ?~ 'x' AND a ?!~ "
       "'x'"},
      {R"(a = 'it\'s \\ "q" \" \n\r\tA\u00e9\ud83d\ude00')",
       "a = 'it\\'s \\\\ \"q\" \" \\n\\r\\tAé😀'"},
      {R"(a = "it's \"q\"")", "a = 'it\\'s \"q\"'"},
      {"a = 'raw\x01\x1F'", "a = 'raw\x01\x1F'"},
      {"a>-1", "a > -1"},
      {"a<-1", "a < -1"},
      {"(a=x)", "a = 'x'"},
      {"true OR false", "true OR false"},
      {"orders = nullable", "orders = 'nullable'"},
      {"SUPERUSER_ONLY = 1", "SUPERUSER_ONLY = 1"},
  }));
  CAPTURE(text);
  const auto parsed = parse(text);
  REQUIRE(parsed.has_value());
  CHECK(to_string(*parsed) == printed);
  const auto again = parse(printed);
  REQUIRE(again.has_value());
  CHECK(*again == *parsed);
}

TEST_CASE("operators bind as NOT, AND, OR", "[rules][parser]") {
  const auto [filter, expected] = GENERATE(table<const char*, bool>({
      {"true OR true AND false", true},
      {"(true OR true) AND false", false},
      {"false AND false OR true", true},
      {"NOT false AND false", false},
      {"NOT (false AND false)", true},
      {"NOT true OR true", true},
      {"!true || true && !false", true},
      {"NOT NOT true", true},
      {"true AND NOT false", true},
  }));
  CAPTURE(filter);
  CHECK(judge(filter, "{}") == expected);
}

TEST_CASE("a text with NUL inside keeps all of it", "[rules][parser]") {
  const std::string raw("a = 'x\0y'", 9);
  const auto parsed = parse(raw);
  REQUIRE(parsed.has_value());
  CHECK(*parsed == tree("a = 'x\\u0000y'"));
  CHECK_FALSE(parse(std::string("a = 1\0", 6)).has_value());
}

TEST_CASE("a rule is superusers only by name, by absence and by default", "[rules][parser]") {
  CHECK(rule().superusers_only());
  CHECK(rule::parse(std::nullopt).value().superusers_only());
  CHECK(rule::parse("SUPERUSER_ONLY").value().superusers_only());
  CHECK(rule::parse(" \t\r\nSUPERUSER_ONLY\n").value().superusers_only());
  CHECK(rule().condition() == expression(false));
  CHECK_FALSE(rule::parse("").value().superusers_only());
  CHECK(rule::parse("").value().condition() == expression(true));
  CHECK_FALSE(rule::parse("superuser_only").has_value());
  CHECK_FALSE(rule::parse("SUPERUSER_ONLY AND true").has_value());
  CHECK_FALSE(rule::parse("(SUPERUSER_ONLY)").has_value());
  CHECK_FALSE(parse("SUPERUSER_ONLY").has_value());
}

TEST_CASE("what looks unmeant gets a warning", "[rules][parser]") {
  const auto [text, column] = GENERATE(table<const char*, std::size_t>({
      {"@action = created", 11},
      {"@record.status = active", 18},
      {"@now > due", 8},
      {"owner = author.id", 9},
      {"owner = author", 0},
      {"@request.auth.id = owner", 0},
      {"@action = 'created'", 0},
      {"5 < age", 0},
  }));
  CAPTURE(text);
  std::vector<warning> found;
  REQUIRE(parse(text, {}, &found).has_value());
  REQUIRE(found.size() == (column == 0 ? 0U : 1U));
  if (column != 0) CHECK(found.front().column == column);
}
