#include "rules/json.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace velo::rules;

TEST_CASE("numbers of any depth follow the language", "[rules][json]") {
  const auto parsed =
      parse_record(R"({"a":[9223372036854775807,9223372036854775808,-9223372036854775809,1.0,-0,
                      18446744073709551615,{"b":18446744073709551616}]})");
  REQUIRE(parsed.has_value());
  const auto& a = (*parsed)["a"];
  CHECK(a[0].is_number_integer());
  CHECK(a[0] == INT64_MAX);
  CHECK(a[1].is_number_float());
  CHECK(a[1] == 9223372036854775808.0);
  CHECK(a[2].is_number_float());
  CHECK(a[3].is_number_float());
  CHECK(a[4].is_number_integer());
  CHECK(a[5].is_number_float());
  CHECK(a[6]["b"].is_number_float());
}

TEST_CASE("a number that overflows is refused, at any depth", "[rules][json]") {
  for (const auto* text : {"1e999", "[-1e999]", R"({"a":[{"b":1e309}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_json(text).has_value());
  }
}

TEST_CASE("of duplicate keys the last wins", "[rules][json]") {
  const auto parsed = parse_record(R"({"a":{"x":1,"y":2},"b":0,"a":{"x":3,"x":[4],"x":5}})");
  REQUIRE(parsed.has_value());
  CHECK(*parsed == nlohmann::json::parse(R"({"a":{"x":5},"b":0})"));
  CHECK(*parse_record(R"({"a":[1,2],"a":null})") == nlohmann::json{{"a", nullptr}});
}

TEST_CASE("what is no JSON is refused with a message", "[rules][json]") {
  for (const auto* text : {"", " ", "{", "{}x", "[1,]", "{\"a\"}", "nul", "'a'", "\"\\ud800\"",
                           "\"\xFF\"", "\"a\nb\"", "01", "+1", "NaN", "[1] [2]", "\"\\x\""}) {
    CAPTURE(text);
    const auto parsed = parse_json(text);
    REQUIRE_FALSE(parsed.has_value());
    CHECK_FALSE(parsed.error().message.empty());
  }
}

TEST_CASE("nesting is bounded", "[rules][json]") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_json(nested(json_depth_max)).has_value());
  CHECK_FALSE(parse_json(nested(json_depth_max + 1)).has_value());
  CHECK_FALSE(parse_json(std::string(1'000'000, '[')).has_value());
  CHECK(parse_json(nested(json_depth_max + 1)).error().message.find("200") != std::string::npos);
}

TEST_CASE("a record is an object", "[rules][json]") {
  CHECK(parse_record("{}").has_value());
  for (const auto* text : {"[]", "null", "1", "\"{}\"", "true"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_record(text).has_value());
  }
}

TEST_CASE("other values are what they were", "[rules][json]") {
  const std::string text = R"([null,true,false,"é😀\u0000",[[],{}],{"":{"a":[1,[2]]}},-1.5e-7])";
  CHECK(parse_json(text).value() == nlohmann::json::parse(text));
}
