#include "rules/number.hpp"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "tests/support/catch.hpp"

using namespace velo::rules;

TEST_CASE("a number's text is one of the JSON grammar, in whole", "[rules][number]") {
  for (const auto* text : {"0", "-0", "10", "-1", "1.5", "0.0", "1e5", "1E5", "1e+5", "1e-5",
                           "-0.0e0", "123456789012345678901234567890"}) {
    CAPTURE(text);
    CHECK(is_number_text(text));
    CHECK(parse_number(text).has_value());
  }
  for (const auto* text :
       {"",   "-",   "+1",  "01",  "-01", "1.",       ".5",  "1e",    "1e+",   "0x1", " 1",
        "1 ", "1_0", "1,0", "NaN", "inf", "Infinity", "--1", "1.2.3", "1e5.0", "٣"}) {
    CAPTURE(text);
    CHECK_FALSE(is_number_text(text));
    CHECK_FALSE(parse_number(text).has_value());
  }
  CHECK_FALSE(is_number_text(std::string_view("1\0", 2)));
}

TEST_CASE("integers within 64 bits stay integers, others become the nearest double",
          "[rules][number]") {
  CHECK(parse_number("9223372036854775807")->integral);
  CHECK(parse_number("-9223372036854775808")->integer == INT64_MIN);
  CHECK_FALSE(parse_number("9223372036854775808")->integral);
  CHECK(parse_number("9223372036854775808")->real == 9223372036854775808.0);
  CHECK(parse_number("-9223372036854775809")->real == -9223372036854775808.0);
  CHECK_FALSE(parse_number("1.0")->integral);
  CHECK(parse_number("0.1")->real == 0.1);
}

TEST_CASE("overflow is no number, underflow is zero", "[rules][number]") {
  for (const auto& text :
       {std::string("1e309"), std::string("-1e309"), std::string("1e99999999999"),
        "1" + std::string(400, '0'), "0.01e" + std::string(30, '9'),
        "0." + std::string(300, '0') + "1e700"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
  for (const auto& text :
       {std::string("1e-400"), std::string("-1e-400"), "1e-" + std::string(30, '9'),
        "0." + std::string(400, '0') + "1", std::string("0e999999999999"), std::string("0.000e400"),
        "0." + std::string(400, '0')}) {
    CAPTURE(text);
    REQUIRE(parse_number(text).has_value());
    CHECK(parse_number(text)->real == 0.0);
  }
  CHECK(parse_number("0." + std::string(300, '0') + "1e301")->real == 1.0);
  CHECK(parse_number("4.9e-324")->real == 4.9e-324);
  CHECK(parse_number("1.7976931348623157e308")->real == 1.7976931348623157e308);
}

TEST_CASE("a number prints as the shortest JSON text that reads back the same", "[rules][number]") {
  const auto [value, text] = GENERATE(table<nlohmann::json, const char*>({
      {0, "0"},
      {-5, "-5"},
      {INT64_MIN, "-9223372036854775808"},
      {1.0, "1.0"},
      {-0.0, "-0.0"},
      {0.1, "0.1"},
      {2.5, "2.5"},
      {100.0, "100.0"},
      {123456.789, "123456.789"},
      {1e14, "100000000000000.0"},
      {1e15, "1e+15"},
      {1.5e20, "1.5e+20"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.25e-7, "1.25e-07"},
      {1e300, "1e+300"},
      {5e-324, "5e-324"},
      {0.30000000000000004, "0.30000000000000004"},
      {nullptr, ""},
      {"1", ""},
  }));
  CHECK(number_text(value) == text);
}

TEST_CASE("every printed double reads back as itself, in the layout of the JSON we send",
          "[rules][number]") {
  std::mt19937_64 random(1);  // NOLINT
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random();
    double value = 0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    if (i % 2 == 0) value = std::ldexp(std::fmod(value, 1e6), static_cast<int>(bits % 40) - 20);
    if (!std::isfinite(value)) continue;
    char buffer[number_text_max];
    const auto text = std::string(number_text(number::of(value), buffer));
    CAPTURE(text);
    const auto back = parse_number(text);
    REQUIRE(back.has_value());
    REQUIRE_FALSE(back->integral);
    REQUIRE(back->real == value);
    // nlohmann's Grisu is sometimes longer, never shorter, and else the same.
    const auto sent = nlohmann::json(value).dump();
    REQUIRE((text == sent || text.size() <= sent.size()));
  }
}

TEST_CASE("integers and doubles compare exactly", "[rules][number]") {
  const auto two63 = 9223372036854775808.0;
  CHECK((compare(number::of(INT64_MAX), number::of(two63)) < 0));
  CHECK((compare(number::of(two63), number::of(INT64_MAX)) > 0));
  CHECK((compare(number::of(INT64_MIN), number::of(-two63)) == 0));
  CHECK((compare(number::of(INT64_MIN), number::of(std::nextafter(-two63, -1e300))) > 0));
  CHECK((compare(number::of(std::int64_t{9007199254740993}), number::of(9007199254740992.0)) > 0));
  CHECK((compare(number::of(std::int64_t{-1}), number::of(-0.5)) < 0));
  CHECK((compare(number::of(std::int64_t{0}), number::of(-0.5)) > 0));
  CHECK((compare(number::of(std::int64_t{0}), number::of(-0.0)) == 0));
  CHECK((compare(number::of(std::int64_t{1}), number::of(1e300)) < 0));
  CHECK((compare(number::of(std::int64_t{1}), number::of(-1e300)) > 0));
}

TEST_CASE("an unsigned integer beyond 63 bits is its nearest double", "[rules][number]") {
  const auto wide = number_of(nlohmann::json(UINT64_MAX));
  REQUIRE(wide.has_value());
  CHECK_FALSE(wide->integral);
  CHECK(wide->real == 18446744073709551616.0);
  CHECK(number_of(nlohmann::json(std::uint64_t{5}))->integer == 5);
}
