#include "actors/constant_time.hpp"

#include "tests/support/catch.hpp"

#include <string_view>

using velo::actors::constant_time_equal;

TEST_CASE("secrets are equal byte by byte", "[actors][constant_time]") {
  CHECK(constant_time_equal("", ""));
  CHECK(constant_time_equal("token", "token"));
  CHECK_FALSE(constant_time_equal("token", "Token"));
  CHECK_FALSE(constant_time_equal("token", "tokem"));
  CHECK_FALSE(constant_time_equal("token", "toke"));
  CHECK_FALSE(constant_time_equal("", "t"));
  CHECK_FALSE(constant_time_equal(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
}
