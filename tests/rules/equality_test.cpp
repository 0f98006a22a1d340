#include <string>
#include <tuple>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules::test;

namespace {

using row = std::tuple<value, value, bool>;

}  // namespace

TEST_CASE("every cell of the equality table holds in both orders", "[rules][equality]") {
  const auto [left, right, expected] = GENERATE(values<row>({
      // null with null: only where a literal null or '' takes part
      {{"null", "rec"}, {"null", "lit"}, true},
      {{"null", "auth"}, {"null", "lit"}, true},
      {{"null", "lit"}, {"null", "lit"}, true},
      {{"null", "rec"}, {"null", "rec"}, false},
      {{"null", "rec"}, {"null", "auth"}, false},
      {{"null", "auth"}, {"null", "auth"}, false},
      // null with bool, number
      {{"null", "rec"}, {"false", "lit"}, false},
      {{"null", "lit"}, {"false", "rec"}, false},
      {{"null", "lit"}, {"false", "lit"}, false},
      {{"null", "auth"}, {"false", "rec"}, false},
      {{"null", "rec"}, {"0", "lit"}, false},
      {{"null", "lit"}, {"0", "rec"}, false},
      {{"null", "lit"}, {"0", "lit"}, false},
      // null with string: only the literal ''
      {{"null", "rec"}, {"\"\"", "lit"}, true},
      {{"null", "auth"}, {"\"\"", "lit"}, true},
      {{"null", "lit"}, {"\"\"", "lit"}, true},
      {{"null", "lit"}, {"\"\"", "rec"}, false},
      {{"null", "lit"}, {"\"\"", "auth"}, false},
      {{"null", "rec"}, {"\"\"", "rec"}, false},
      {{"null", "auth"}, {"\"\"", "rec"}, false},
      {{"null", "rec"}, {"\"\"", "auth"}, false},
      {{"null", "rec"}, {"\" \"", "lit"}, false},
      {{"null", "lit"}, {"\"null\"", "rec"}, false},
      // null with array, object
      {{"null", "lit"}, {"[]", "rec"}, false},
      {{"null", "lit"}, {"{}", "rec"}, false},
      {{"null", "auth"}, {"[null]", "rec"}, false},
      // bool with bool
      {{"true", "rec"}, {"true", "lit"}, true},
      {{"true", "rec"}, {"false", "lit"}, false},
      {{"false", "rec"}, {"false", "auth"}, true},
      // bool with number
      {{"true", "rec"}, {"1", "lit"}, true},
      {{"true", "lit"}, {"1.0", "rec"}, true},
      {{"false", "rec"}, {"0", "lit"}, true},
      {{"false", "rec"}, {"-0.0", "auth"}, true},
      {{"true", "rec"}, {"2", "lit"}, false},
      {{"true", "rec"}, {"0", "lit"}, false},
      {{"false", "rec"}, {"1", "lit"}, false},
      // bool with string
      {{"true", "rec"}, {"\"true\"", "lit"}, true},
      {{"true", "rec"}, {"\"1\"", "lit"}, true},
      {{"false", "rec"}, {"\"false\"", "lit"}, true},
      {{"false", "lit"}, {"\"0\"", "rec"}, true},
      {{"true", "rec"}, {"\"True\"", "lit"}, false},
      {{"true", "rec"}, {"\"1.0\"", "lit"}, false},
      {{"true", "rec"}, {"\"yes\"", "lit"}, false},
      {{"false", "rec"}, {"\"\"", "lit"}, false},
      {{"true", "rec"}, {"\"false\"", "lit"}, false},
      // bool with array, object
      {{"true", "lit"}, {"[true]", "rec"}, false},
      {{"true", "auth"}, {"{\"a\":true}", "rec"}, false},
      // number with number
      {{"1", "rec"}, {"1.0", "lit"}, true},
      {{"10", "rec"}, {"1e1", "lit"}, true},
      {{"0", "rec"}, {"-0.0", "rec"}, true},
      {{"1", "rec"}, {"2", "lit"}, false},
      {{"9007199254740993", "rec"}, {"9007199254740992.0", "lit"}, false},
      {{"9007199254740992", "rec"}, {"9007199254740992.0", "lit"}, true},
      {{"9223372036854775807", "rec"}, {"9223372036854775808.0", "lit"}, false},
      {{"-9223372036854775808", "rec"}, {"-9223372036854775808.0", "lit"}, true},
      {{"9223372036854775808", "rec"}, {"9223372036854775808.0", "lit"}, true},
      {{"18446744073709551615", "rec"}, {"18446744073709551616.0", "lit"}, true},
      {{"0.1", "rec"}, {"0.1", "lit"}, true},
      {{"0.30000000000000004", "rec"}, {"0.3", "lit"}, false},
      // number with string
      {{"10", "rec"}, {"\"10\"", "lit"}, true},
      {{"10", "lit"}, {"\"1e1\"", "rec"}, true},
      {{"0", "rec"}, {"\"-0\"", "lit"}, true},
      {{"10", "rec"}, {"\"10 \"", "lit"}, false},
      {{"10", "rec"}, {"\" 10\"", "lit"}, false},
      {{"10", "rec"}, {"\"+10\"", "lit"}, false},
      {{"10", "rec"}, {"\"010\"", "lit"}, false},
      {{"10", "rec"}, {"\"10.\"", "lit"}, false},
      {{"10", "rec"}, {"\"0xA\"", "lit"}, false},
      {{"0", "rec"}, {"\"\"", "lit"}, false},
      {{"9007199254740992", "rec"}, {"\"9007199254740993\"", "lit"}, false},
      {{"9007199254740993", "rec"}, {"\"9007199254740993\"", "lit"}, true},
      {{"9007199254740993", "auth"}, {"\"9007199254740993\"", "rec"}, true},
      {{"0.1", "rec"}, {"\"0.1\"", "auth"}, true},
      {{"1", "rec"}, {"\"1e999\"", "lit"}, false},
      // number with array, object
      {{"1", "lit"}, {"[1]", "rec"}, false},
      {{"1", "auth"}, {"{\"a\":1}", "rec"}, false},
      // string with string: the same bytes, never as numbers
      {{"\"a\"", "rec"}, {"\"a\"", "lit"}, true},
      {{"\"a\"", "rec"}, {"\"A\"", "lit"}, false},
      {{"\"10\"", "rec"}, {"\"1e1\"", "lit"}, false},
      {{"\"true\"", "rec"}, {"\"1\"", "lit"}, false},
      {{"\"\"", "rec"}, {"\"\"", "lit"}, true},
      {{"\"\"", "rec"}, {"\"\"", "auth"}, true},
      {{"\"\\u00e9\"", "rec"}, {"\"e\\u0301\"", "lit"}, false},
      {{"\"a\\u0000b\"", "rec"}, {"\"a\\u0000b\"", "lit"}, true},
      {{"\"a\\u0000b\"", "rec"}, {"\"a\"", "lit"}, false},
      // string with array, object
      {{"\"\"", "lit"}, {"[]", "rec"}, false},
      {{"\"[]\"", "lit"}, {"[]", "rec"}, false},
      {{"\"a\"", "auth"}, {"[\"a\"]", "rec"}, false},
      // array and object: the same JSON value
      {{"[1,2]", "rec"}, {"[1,2]", "rec"}, true},
      {{"[1,2]", "rec"}, {"[2,1]", "auth"}, false},
      {{"[1]", "rec"}, {"[1.0]", "auth"}, true},
      {{"[9007199254740993]", "rec"}, {"[9007199254740992.0]", "rec"}, false},
      {{"[true]", "rec"}, {"[1]", "rec"}, false},
      {{"[\"1\"]", "rec"}, {"[1]", "rec"}, false},
      {{"[null]", "rec"}, {"[\"\"]", "rec"}, false},
      {{"[null]", "rec"}, {"[null]", "auth"}, true},
      {{"[]", "rec"}, {"{}", "rec"}, false},
      {{"[]", "rec"}, {"[]", "auth"}, true},
      {{"{}", "rec"}, {"{}", "auth"}, true},
      {{"{\"a\":1,\"b\":2}", "rec"}, {"{\"b\":2.0,\"a\":1}", "auth"}, true},
      {{"{\"a\":null}", "rec"}, {"{}", "rec"}, false},
      {{"{\"a\":1}", "rec"}, {"{\"b\":1}", "rec"}, false},
      {{"{\"a\":{\"b\":[1,{\"c\":0}]}}", "rec"},
       {"{\"a\":{\"b\":[1,{\"c\":-0.0}]}}", "auth"},
       true},
  }));
  CAPTURE(left.json, left.from, right.json, right.from);
  CHECK(judge(left, "=", right) == expected);
  CHECK(judge(right, "=", left) == expected);
  CHECK(judge(left, "!=", right) == !expected);
  CHECK(judge(right, "<>", left) == !expected);
}

TEST_CASE("x = null and x = '' tell missing, null and empty apart", "[rules][equality]") {
  const auto [filter, missing, null, empty, zero] =
      GENERATE(table<const char*, bool, bool, bool, bool>({
          {"x = null", true, true, false, false},
          {"x = ''", true, true, true, false},
          {"x = \"\"", true, true, true, false},
          {"x IS NULL", true, true, false, false},
          {"x IS NOT NULL", false, false, true, true},
          {"x != null", false, false, true, true},
          {"x != ''", false, false, false, true},
          {"x IN (null)", true, true, false, false},
          {"x IN ('')", true, true, true, false},
          {"x NOT IN (1, '')", false, false, false, true},
      }));
  CAPTURE(filter);
  CHECK(judge(filter, "{}") == missing);
  CHECK(judge(filter, R"({"x":null})") == null);
  CHECK(judge(filter, R"({"x":""})") == empty);
  CHECK(judge(filter, R"({"x":0})") == zero);
}

TEST_CASE("IS NULL is true of nothing but null and absent", "[rules][equality]") {
  const auto [filter, expected] = GENERATE(table<const char*, bool>({
      {"null IS NULL", true},
      {"'' IS NULL", false},
      {"0 IS NULL", false},
      {"false IS NULL", false},
      {"'null' IS NULL", false},
      {"@request.auth IS NULL", true},
      {"@request.auth.id IS NULL", true},
      {"@request.query.x IS NULL", true},
      {"@action IS NULL", false},
      {"@now IS NOT NULL", true},
      {"@record IS NULL", false},
      {"list.0 IS NULL", true},
      {"list.1 IS NULL", false},
      {"list.5 IS NULL", true},
  }));
  CAPTURE(filter);
  CHECK(judge(filter, R"({"list":[null,1]})") == expected);
}

TEST_CASE("a guest never equals a record whose owner is missing, null or empty",
          "[rules][equality]") {
  const std::string record = GENERATE("{}", R"({"owner":null})", R"({"owner":""})");
  CAPTURE(record);
  CHECK_FALSE(judge("@request.auth.id = owner", record));
  CHECK_FALSE(judge("owner = @request.auth.id", record));
  CHECK(judge("owner != @request.auth.id", record));
}

TEST_CASE("paths step through objects by name and through arrays by index", "[rules][equality]") {
  const std::string record =
      R"({"a":{"b":{"c":1},"0":"zero","00":"twice","in":"k"},"l":[10,[20,30],{"0":"x"}],)"
      R"("s":"text","0":{"1":"digits"},"in":5,"a.b":"dotted"})";
  const auto [filter, expected] = GENERATE(table<const char*, bool>({
      {"a.b.c = 1", true},
      {"@record.a.b.c = 1", true},
      {"a.0 = zero", true},
      {"a.00 = twice", true},
      {"a.in = k", true},
      {"@record.in = 5", true},
      {"@record.0.1 = 'digits'", true},
      {"l.0 = 10", true},
      {"l.1.1 = 30", true},
      {"l.2.0 = x", true},
      {"l.00 IS NULL", true},
      {"l.01 IS NULL", true},
      {"l.3 IS NULL", true},
      {"l.name IS NULL", true},
      {"l.length IS NULL", true},
      {"l.18446744073709551616 IS NULL", true},
      {"l.18446744073709551615 IS NULL", true},
      {"l.4294967296 IS NULL", true},
      {"s.0 IS NULL", true},
      {"s.length IS NULL", true},
      {"a.b = 'dotted'", false},
      {"A.b.c IS NULL", true},
  }));
  CAPTURE(filter);
  CHECK(judge(filter, record) == expected);
}
