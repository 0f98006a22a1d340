#include "net/spelling.hpp"

#include "tests/support/catch.hpp"

#include <array>
#include <string>

using velo::net::did_you_mean;

TEST_CASE("the nearest name is suggested, if one is near", "[net][spelling]") {
  const std::array<std::string, 4> names{"port", "host", "threads", "limits.body_bytes"};
  CHECK(did_you_mean("prot", names) == " Did you mean port?");
  CHECK(did_you_mean("hots", names) == " Did you mean host?");
  CHECK(did_you_mean("thread", names) == " Did you mean threads?");
  CHECK(did_you_mean("limits.body_byte", names) == " Did you mean limits.body_bytes?");
  CHECK(did_you_mean("limit.bodybytes", names) == " Did you mean limits.body_bytes?");
  CHECK(did_you_mean("colour", names).empty());
  CHECK(did_you_mean("", names).empty());
  CHECK(did_you_mean(std::string(10'000, 'p'), names).empty());
  CHECK(did_you_mean("port", {}).empty());
}
