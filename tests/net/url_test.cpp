#include "net/url.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <tuple>

using namespace velo::net;
using namespace std::string_literals;

TEST_CASE("percent-encoding is undone exactly once", "[net][url]") {
  const auto [text, decoded] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"plain", "plain"},
      {"a%20b", "a b"},
      {"%2F%2f", "//"},
      {"%2525", "%25"},
      {"a+b", "a+b"},
      {"caf%C3%A9", "caf\xC3\xA9"},
      {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
  }));
  CHECK(percent_decode(text) == decoded);
}

TEST_CASE("text that decodes to no text is malformed", "[net][url]") {
  const auto text = GENERATE("%", "%2", "a%2", "%GG", "%+1", "%00", "a%00b", "%FF", "%C3", "%C0%80",
                             "%ED%A0%80", "%F4%90%80%80", "\x80");
  CAPTURE(text);
  CHECK_FALSE(percent_decode(text));
  CHECK_FALSE(parse_parameters("a="s + text));
}

TEST_CASE("a query is read in order, with every occurrence of a name", "[net][url]") {
  CHECK(parse_parameters("") == parameters{});
  CHECK(parse_parameters("a=1&b=2&a=3") == parameters{{"a", "1"}, {"b", "2"}, {"a", "3"}});
  CHECK(parse_parameters("a&b=&=c&&d=e=f") ==
        parameters{{"a", ""}, {"b", ""}, {"", "c"}, {"d", "e=f"}});
  CHECK(parse_parameters("q=a+b%2Bc%26d") == parameters{{"q", "a b+c&d"}});
}

TEST_CASE("a target is split into path and query", "[net][url]") {
  const auto [target, path, query] = GENERATE(table<std::string, std::string, std::string>({
      {"/", "/", ""},
      {"/a/b", "/a/b", ""},
      {"/a?x=1?2", "/a", "x=1?2"},
      {"http://host:80/a?b", "/a", "b"},
      {"http://host", "/", ""},
      {"http://host?b", "/", "b"},
  }));
  const auto parts = split_target(target);
  REQUIRE(parts);
  CHECK(parts->path == path);
  CHECK(parts->query == query);
}

TEST_CASE("a target that names no path is none of ours", "[net][url]") {
  CHECK_FALSE(split_target("*"));
  CHECK_FALSE(split_target("host:443"));
}
