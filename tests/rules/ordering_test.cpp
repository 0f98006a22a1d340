#include <string>
#include <tuple>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules::test;

namespace {

using row = std::tuple<value, value, int>;
constexpr int none = 2;  ///< No order at all.

}  // namespace

TEST_CASE("orderings compare numbers by value, texts by bytes and nothing else",
          "[rules][ordering]") {
  const auto [left, right, order] = GENERATE(values<row>({
      {{"1", "rec"}, {"2", "lit"}, -1},
      {{"2", "rec"}, {"2.0", "lit"}, 0},
      {{"-1", "rec"}, {"-1.5", "lit"}, 1},
      {{"9007199254740993", "rec"}, {"9007199254740992.0", "lit"}, 1},
      {{"9223372036854775807", "rec"}, {"9223372036854775808.0", "lit"}, -1},
      {{"-9223372036854775808", "rec"}, {"-9223372036854777856.0", "lit"}, 1},
      {{"-9223372036854775808", "rec"}, {"-9223372036854775808.0", "lit"}, 0},
      {{"1", "rec"}, {"1.5", "auth"}, -1},
      {{"-1", "rec"}, {"-0.5", "auth"}, -1},
      {{"0", "rec"}, {"4e-324", "lit"}, -1},
      {{"1", "rec"}, {"1e308", "lit"}, -1},
      {{"5", "rec"}, {"\"10\"", "lit"}, -1},
      {{"5", "rec"}, {"\"1e1\"", "auth"}, -1},
      {{"9007199254740992", "rec"}, {"\"9007199254740993\"", "lit"}, -1},
      {{"5", "rec"}, {"\"ten\"", "lit"}, none},
      {{"5", "rec"}, {"\"5 \"", "lit"}, none},
      {{"5", "rec"}, {"\"\"", "lit"}, none},
      {{"5", "rec"}, {"\"1e999\"", "lit"}, none},
      {{"\"10\"", "rec"}, {"\"9\"", "lit"}, -1},
      {{"\"a\"", "rec"}, {"\"a\\u0000\"", "lit"}, -1},
      {{"\"\"", "rec"}, {"\"a\"", "lit"}, -1},
      {{"\"\\uff5e\"", "rec"}, {"\"\\ud83d\\ude00\"", "lit"}, -1},
      {{"\"z\"", "rec"}, {"\"\\u00e9\"", "lit"}, -1},
      {{"\"2026-01-31 12:00:00.000Z\"", "rec"}, {"\"2026-02-01 00:00:00.000Z\"", "lit"}, -1},
      {{"null", "rec"}, {"1", "lit"}, none},
      {{"null", "rec"}, {"\"\"", "lit"}, none},
      {{"null", "rec"}, {"null", "lit"}, none},
      {{"null", "auth"}, {"1", "rec"}, none},
      {{"true", "rec"}, {"false", "lit"}, none},
      {{"true", "rec"}, {"1", "lit"}, none},
      {{"true", "rec"}, {"\"true\"", "lit"}, none},
      {{"[1]", "rec"}, {"[1]", "auth"}, none},
      {{"[1]", "rec"}, {"2", "lit"}, none},
      {{"{}", "rec"}, {"\"a\"", "lit"}, none},
  }));
  CAPTURE(left.json, right.json);
  CHECK(judge(left, "<", right) == (order == -1));
  CHECK(judge(left, "<=", right) == (order == -1 || order == 0));
  CHECK(judge(left, ">", right) == (order == 1));
  CHECK(judge(left, ">=", right) == (order == 1 || order == 0));
  CHECK(judge(right, ">", left) == (order == -1));
  CHECK(judge(right, ">=", left) == (order == -1 || order == 0));
  CHECK(judge(right, "<", left) == (order == 1));
  CHECK(judge(right, "<=", left) == (order == 1 || order == 0));
}

TEST_CASE("the complement of an ordering is true of what has no order", "[rules][ordering]") {
  const std::string record = GENERATE("{}", R"({"x":"text"})", R"({"x":[1]})", R"({"x":true})");
  CAPTURE(record);
  CHECK_FALSE(judge("x < 5", record));
  CHECK_FALSE(judge("x >= 5", record));
  CHECK(judge("NOT x < 5", record));
  CHECK(judge("!(x >= 5)", record));
  CHECK(judge("NOT (x < 5 OR x >= 5)", record));
  CHECK_FALSE(judge("NOT (NOT x < 5)", record));
}

TEST_CASE("@now orders with texts of its form", "[rules][ordering]") {
  CHECK(judge("due < @now", R"({"due":"2026-01-31 11:59:59.999Z"})"));
  CHECK(judge("@now > due", R"({"due":"2026-01-31 11:59:59.999Z"})"));
  CHECK_FALSE(judge("due < @now", R"({"due":"2026-01-31 12:00:00.000Z"})"));
  CHECK(judge("@now >= 2026-01-31", "{}"));
  CHECK(judge("2026-02-01 > @now", "{}"));
}
