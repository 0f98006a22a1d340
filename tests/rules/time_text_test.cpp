#include "rules/time_text.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace velo::rules;
using std::chrono::milliseconds;

TEST_CASE("a moment prints in its one form and reads back", "[rules][time]") {
  const auto [ms, text] = GENERATE(table<long long, const char*>({
      {0, "1970-01-01 00:00:00.000Z"},
      {1769860800000, "2026-01-31 12:00:00.000Z"},
      {1769860800007, "2026-01-31 12:00:00.007Z"},
      {951782399999, "2000-02-28 23:59:59.999Z"},
      {951782400000, "2000-02-29 00:00:00.000Z"},
      {-1, "1969-12-31 23:59:59.999Z"},
      {253402300799999, "9999-12-31 23:59:59.999Z"},
      {-62167219200000, "0000-01-01 00:00:00.000Z"},
  }));
  const moment when{milliseconds(ms)};
  CHECK(format_time(when) == text);
  CHECK(parse_time(text) == when);
}

TEST_CASE("years beyond the form are clamped", "[rules][time]") {
  CHECK(format_time(moment(milliseconds(253402300800000))) == "9999-12-31 23:59:59.999Z");
  CHECK(format_time(moment(milliseconds(-62167219200001))) == "0000-01-01 00:00:00.000Z");
}

TEST_CASE("other spellings are no time", "[rules][time]") {
  for (const auto* text :
       {"", "2026-01-31", "2026-01-31T12:00:00.000Z", "2026-01-31 12:00:00Z",
        "2026-01-31 12:00:00.000", "2026-02-30 12:00:00.000Z", "2026-13-01 12:00:00.000Z",
        "2026-01-31 24:00:00.000Z", "2026-01-31 12:60:00.000Z", "2026-01-31 12:00:60.000Z",
        "2026-01-31 12:00:00.0000Z", "2026-1-31 12:00:00.000Z ", "202a-01-31 12:00:00.000Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_time(text).has_value());
  }
}
