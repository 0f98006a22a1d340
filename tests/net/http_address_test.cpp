#include "net/http_address.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace velo::net;

TEST_CASE("an address is read in its parts", "[net][http_client]") {
  const auto [url, expected, authority] = GENERATE(table<std::string, http_address, std::string>({
      {"http://example.org", {false, "example.org", 80, "/"}, "example.org"},
      {"https://example.org/a?b=c", {true, "example.org", 443, "/a?b=c"}, "example.org"},
      {"https://example.org:80/", {true, "example.org", 80, "/"}, "example.org:80"},
      {"http://127.0.0.1:9000?x", {false, "127.0.0.1", 9000, "/?x"}, "127.0.0.1:9000"},
      {"https://[::1]:8443/p", {true, "::1", 8443, "/p"}, "[::1]:8443"},
      {"https://[::1]", {true, "::1", 443, "/"}, "[::1]"},
  }));
  CAPTURE(url);
  const auto read = parse_http_address(url);
  REQUIRE(read.has_value());
  CHECK(*read == expected);
  CHECK(read->authority() == authority);
}

TEST_CASE("what is no address of ours to call is refused", "[net][http_client]") {
  const auto url =
      GENERATE("", "example.org", "ftp://example.org", "http://", "http:///x", "http://a b/",
               "http://user@host/", "http://host/#x", "http://host:0/", "http://host:65536/",
               "http://host:80x/", "http://host:/", "http://[::1", "http://host/\r\nX: y");
  CAPTURE(url);
  CHECK_FALSE(parse_http_address(url).has_value());
}
