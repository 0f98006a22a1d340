#include "rules/utf8.hpp"

#include <string>

#include "tests/support/catch.hpp"

using namespace velo::rules;

TEST_CASE("code points decode forwards and backwards", "[rules][utf8]") {
  const auto [text, value] = GENERATE(table<std::string, char32_t>({
      {"a", U'a'},
      {"\x7F", 0x7F},
      {"\xC2\x80", 0x80},
      {"é", 0xE9},
      {"\xE0\xA0\x80", 0x800},
      {"～", 0xFF5E},
      {"\xED\x9F\xBF", 0xD7FF},
      {"😀", 0x1F600},
      {"\xF4\x8F\xBF\xBF", 0x10FFFF},
  }));
  const auto forward = decode("x" + text + "y", 1);
  CHECK(forward.valid);
  CHECK(forward.value == value);
  CHECK(forward.bytes == text.size());
  const auto back = decode_back("é" + text, text.size() + 2);
  CHECK(back.valid);
  CHECK(back.value == value);
  CHECK(back.bytes == text.size());
}

TEST_CASE("what is no UTF-8 is taken byte by byte", "[rules][utf8]") {
  for (const std::string text : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                 "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                                 "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3("}) {
    const auto found = decode(text, 0);
    CHECK_FALSE(found.valid);
    CHECK(found.bytes == 1);
    CHECK(found.value > 0x10FFFF);
  }
  CHECK_FALSE(decode_back("\x80\x80\x80\x80\x80", 5).valid);
  CHECK(decode_back("\xC3", 1).bytes == 1);
}

TEST_CASE("letters are those of every script", "[rules][utf8]") {
  for (const char32_t c : {U'a', U'Z', U'é', U'Σ', U'語', U'я', U'𐐀'}) CHECK(is_letter(c));
  for (const char32_t c : {U'0', U'_', U'-', U'.', U' ', U'€', U'😀', U'\u0301', U'٣'}) {
    CHECK_FALSE(is_letter(c));
  }
  CHECK(is_mark(U'\u0301'));
}
