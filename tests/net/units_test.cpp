#include "net/units.hpp"

#include "tests/support/catch.hpp"

#include <chrono>
#include <string>

using namespace velo::net;
using namespace std::chrono_literals;

TEST_CASE("durations have units", "[net][units]") {
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("30s") == 30s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("24h") == 24h);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("0s") == 0ms);
  for (const auto* text : {"", "5", "m", "5 m", "-5m", "+5m", "5M", "1.5s", "5mm", "5min", "5m3",
                           " 5m", "99999999999999999999s", "999999999999999h", "5us"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("sizes have units of 1024, or are plain bytes", "[net][units]") {
  CHECK(parse_size("200") == 200U);
  CHECK(parse_size("0") == 0U);
  CHECK(parse_size("5B") == 5U);
  CHECK(parse_size("64KiB") == 65536U);
  CHECK(parse_size("1MiB") == 1048576U);
  CHECK(parse_size("1GiB") == 1073741824U);
  for (const auto* text : {"", "KiB", "64KB", "64kb", "64k", "64 KiB", "-1", "1.5MiB", "1MiB1KiB",
                           "99999999999999999999", "99999999TiB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("units are written as they are read", "[net][units]") {
  for (const auto* text : {"0s", "1ms", "250ms", "90s", "2m", "24h"})
    CHECK(to_duration_text(*parse_duration(text)) == text);
  for (const auto* text : {"0B", "1000B", "100KiB", "1MiB", "3GiB"})
    CHECK(to_size_text(*parse_size(text)) == text);
}
