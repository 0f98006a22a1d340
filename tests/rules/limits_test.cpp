#include "rules/limits.hpp"

#include <string>

#include "rules/parser.hpp"
#include "rules/rule.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;

namespace {

std::string repeat(const std::string& what, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += what;
  return all;
}

std::string message(const std::string& text, const limits& bounds = {}) {
  const auto parsed = parse(text, bounds);
  return parsed ? "" : parsed.error().message;
}

bool names(const std::string& text, const std::string& number) {
  return text.find(number) != std::string::npos;
}

}  // namespace

TEST_CASE("4,096 bytes are allowed, blanks included, and no more", "[rules][limits]") {
  const auto text = [](std::size_t bytes) { return "x = '" + repeat("a", bytes - 6) + "'"; };
  CHECK(message(text(4096)).empty());
  CHECK(names(message(text(4097)), "4096"));
  CHECK(message(repeat(" ", 4096)).empty());
  CHECK(names(message(repeat(" ", 4097)), "4096"));
  CHECK(parse(text(5000)).error().column == 4097);
  CHECK(parse(repeat("é", 2049)).error().column == 2049);
  CHECK_FALSE(rule::parse("SUPERUSER_ONLY" + repeat(" ", 4083)).has_value());
  CHECK(rule::parse("SUPERUSER_ONLY" + repeat(" ", 4082)).value().superusers_only());
}

TEST_CASE("parentheses and NOT nest 32 deep, together", "[rules][limits]") {
  const auto nested = [](const std::string& open, const std::string& close, std::size_t times) {
    return repeat(open, times) + "a = 1" + repeat(close, times);
  };
  CHECK(message(nested("(", ")", 32)).empty());
  CHECK(names(message(nested("(", ")", 33)), "32"));
  CHECK(parse(nested("(", ")", 33)).error().column == 33);
  CHECK(message(nested("NOT ", "", 32)).empty());
  CHECK(names(message(nested("NOT ", "", 33)), "32"));
  CHECK(message(nested("!", "", 32)).empty());
  CHECK(names(message(nested("!", "", 33)), "32"));
  CHECK(message(nested("NOT (", ")", 16)).empty());
  CHECK(names(message(nested("NOT (", ")", 17)), "32"));
  // It is nesting that counts, not how many there are; an IN list is none.
  CHECK(message(repeat("(a = 1) AND ", 100) + "NOT b NOT IN (1)").empty());
  CHECK(message(repeat("(", 32) + "a IN (1)" + repeat(")", 32)).empty());
  CHECK(names(message(nested("(", "", 4000)), "32"));
}

TEST_CASE("hostile nesting is refused however large the limit", "[rules][limits]") {
  limits wide;
  wide.expression_depth = 1'000'000'000;
  wide.expression_bytes = 1'000'000'000;
  CHECK(names(message(repeat("(", 1'000'000), wide), "1000"));
  CHECK(message(repeat("!", 1000) + "a=1", wide).empty());
}

TEST_CASE("256 comparisons are allowed; true and false are none", "[rules][limits]") {
  const auto chain = [](std::size_t terms) { return repeat("a=1 OR ", terms - 1) + "a=1"; };
  CHECK(message(chain(256)).empty());
  CHECK(names(message(chain(257)), "256"));
  CHECK(parse(chain(257)).error().column == 256 * 7 + 1);
  CHECK(message("true OR " + chain(256) + " AND false").empty());
  CHECK(message(repeat("a IS NULL OR ", 255) + "a IN (1,2,3)").empty());
  CHECK(names(message(repeat("a IN(1) OR ", 256) + "a=1"), "256"));
}

TEST_CASE("an IN list has at most 1,000 values", "[rules][limits]") {
  const auto list = [](std::size_t values) { return "x IN (" + repeat("1,", values - 1) + "2)"; };
  CHECK(message(list(1000)).empty());
  CHECK(names(message(list(1001)), "1000"));
  CHECK(parse(list(1001)).error().column == 7 + 2000);
}

TEST_CASE("a path has at most 16 steps after its first name", "[rules][limits]") {
  const auto steps = [](std::size_t count) { return repeat(".s", count); };
  CHECK(message("a" + steps(16) + " = 1").empty());
  CHECK(names(message("a" + steps(17) + " = 1"), "16"));
  CHECK(message("@record.a" + steps(16) + " = 1").empty());
  CHECK(names(message("@record.a" + steps(17) + " = 1"), "16"));
  CHECK(message("@request.auth.a" + steps(16) + " = 1").empty());
  CHECK(names(message("@request.auth.a" + steps(17) + " = 1"), "16"));
  CHECK(names(message("1 IN a" + steps(17)), "16"));
  // On the right of a field it is text, not a path.
  CHECK(message("a = a" + steps(17)).empty());
}

TEST_CASE("configured limits are the ones in the message", "[rules][limits]") {
  const limits tight{20, 2, 2, 2, 2};
  CHECK(message("(!a.b.c IN (1, 2))", tight).empty());
  CHECK(names(message("a = 'aaaaaaaaaaaaaaaa'", tight), "20"));
  CHECK(names(message("(((a=1)))", tight), "2"));
  CHECK(names(message("a=1 OR b=1 OR c=1", tight), "2"));
  CHECK(names(message("a IN (1,2,3)", tight), "2"));
  CHECK(names(message("a.b.c.d = 1", tight), "2"));
}
