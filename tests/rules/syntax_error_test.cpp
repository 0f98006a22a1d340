#include <string>

#include "rules/parser.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;

namespace {

syntax_error error_of(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? syntax_error{"no error", 0} : parsed.error();
}

}  // namespace

TEST_CASE("an error carries the column where it begins", "[rules][errors]") {
  const auto [text, column] = GENERATE(table<std::string, std::size_t>({
      // the end of the text: length + 1
      {"a", 2},
      {"a =", 4},
      {"a = ", 5},
      {"a = 1 OR", 9},
      {"a = 1 AND ", 11},
      {"NOT", 4},
      {"(", 2},
      {"(a = 1", 7},
      {"a IN", 5},
      {"a IN (", 7},
      {"a IN (1", 8},
      {"a IN (1,", 9},
      {"a IS", 5},
      {"a IS NOT", 9},
      {"a NOT", 6},
      {"'é' =", 6},
      {"5", 2},
      {"null", 5},
      // an unexpected token: where it begins
      {")", 1},
      {"()", 2},
      {"a = 1)", 6},
      {"a = (1)", 5},
      {"= 1", 1},
      {"a = = 1", 5},
      {"a =! 1", 4},
      {"a === 1", 5},
      {"a ?== 1", 5},
      {"a !== 1", 5},
      {"a = 1 | b = 1", 7},
      {"a = 1 & b = 1", 7},
      {"a + 1 = 2", 3},
      {"a = +1", 5},
      {"a = .5", 5},
      {"a = -", 5},
      {"a = -b", 5},
      {"a = :b", 5},
      {"a = NOT b", 5},
      {"a = and", 5},
      {"in IN (1)", 1},
      {"in.x = 1", 1},
      {"null.x = 1", 1},
      {"AND a = 1", 1},
      {"a = 1 AND OR b = 2", 11},
      {"a = 1 OR OR b = 2", 10},
      {"a NOT 5", 7},
      {"a NOT = 5", 7},
      {"a NOT IS NULL", 7},
      {"a ! IN (1)", 3},
      {"a IS 5", 6},
      {"a IS NOT 5", 10},
      {"a IN 'text'", 6},
      {"a IN 5", 6},
      {"a IN null", 6},
      {"a IN true", 6},
      {"a IN b-c", 6},
      {"a IN ()", 7},
      {"a IN (1 2)", 9},
      {"a IN (1,)", 9},
      {"a IN (,1)", 7},
      {"a IN (@now)", 7},
      {"a IN ((1))", 7},
      {"a IN (in)", 7},
      {"a LIKE", 7},
      {"a LIKE LIKE", 8},
      {"a ?LIKE 'x'", 3},
      {"a ? b", 3},
      {"a = 1, b = 2", 6},
      {"a = 1; b = 2", 6},
      {"a = [1]", 5},
      {"a = {}", 5},
      {"a = #", 5},
      {"a = 😀", 5},
      {"é = 1", 1},
      {"a-b = 1", 1},
      {"a. = 1", 1},
      {"a..b = 1", 1},
      {".a = 1", 1},
      {"a.1b = 1", 1},
      {"a . b = 1", 3},
      {"a. b = 1", 1},
      {"a .b = 1", 3},
      {"@ = 1", 1},
      {"@foo = 1", 1},
      {"@Record.a = 1", 1},
      {"@request = 1", 1},
      {"@request.foo = 1", 1},
      {"@request.authx = 1", 1},
      {"@request.query = 1", 1},
      {"@request.query. = 1", 1},
      {"@request.query.a.b = 1", 1},
      {"@request.query.1 = 1", 1},
      {"@request.auth. = 1", 1},
      {"@record. = 1", 1},
      {"@record.a..b = 1", 1},
      {"@record.a-b = 1", 1},
      {"@action.x = 1", 1},
      {"@now.x = 1", 1},
      {"@ record.a = 1", 1},
      {"a = 1 b = 2", 7},
      {"'é' = 'é' x", 11},
      // two barewords in a row: the second
      {"title = hello world", 15},
      {"title hello", 7},
      {"a = b c = d", 7},
      {"a IN (b c)", 9},
      // a text without an end: its opening quote
      {"a = 'x", 5},
      {"a = \"x'", 5},
      {"a = 'x\\", 5},
      {"a = 'x\\'", 5},
      {"'é' = 'x", 7},
      {"a = '", 5},
      // a bad escape: its backslash
      {"a = 'x\\q'", 7},
      {"a = 'é\\/'", 7},
      {"a = 'x\\b'", 7},
      {"a = '\\u12'", 6},
      {"a = '\\u12g4'", 6},
      {"a = '\\U0041'", 6},
      {"a = '\\ud800'", 6},
      {"a = 'x\\udc00'", 7},
      {"a = '\\ud800\\u0041'", 6},
      {"a = '\\ud800x'", 6},
      {"a = '\\ud800\\ud800'", 6},
      // numbers that overflow
      {"a = 1e999", 5},
      {"a = -1e400", 5},
      {"a IN (1, 1e309)", 10},
      // bytes that are no UTF-8, a surrogate, an overlong form; a control character
      {"a = \xFF", 5},
      {"a = 'x\xC3'", 7},
      {"a = 'x\xED\xA0\x80'", 7},
      {"a = '\xC0\xAF'", 6},
      {"a = \x01", 5},
      {"a\x0B= 1", 2},
  }));
  CAPTURE(text);
  const auto error = error_of(text);
  CHECK(error.column == column);
  CHECK_FALSE(error.message.empty());
}

TEST_CASE("the leftmost error is the one reported", "[rules][errors]") {
  CHECK(error_of("a = ) 'unterminated").column == 5);
  CHECK(error_of("a = 'x\\q' OR 'unterminated").column == 7);
  CHECK(error_of("a b 'x\\q'").column == 3);
}

TEST_CASE("messages say what was expected", "[rules][errors]") {
  const auto [text, part] = GENERATE(table<const char*, const char*>({
      {"a", "operator"},
      {"a = hello world", "'hello world'"},
      {"a IN 'x'", "( or a path"},
      {"in = 1", "@record.in"},
      {"a = 'x", "closing '"},
      {"a = '\\q'", "escape"},
      {"a | b", "||"},
      {"a ? b", "?="},
      {"a NOT b", "IN, LIKE or ILIKE"},
      {"@foo = 1", "@request.auth"},
      {"a = 1e999", "too large"},
      {"(a = 1", ")"},
  }));
  CAPTURE(text);
  const auto error = error_of(text);
  CAPTURE(error.message);
  CHECK(error.message.find(part) != std::string::npos);
}

TEST_CASE("the value of a failure throws with message and column", "[rules][errors]") {
  CHECK_THROWS_AS(parse("a =").value(), std::invalid_argument);
}
