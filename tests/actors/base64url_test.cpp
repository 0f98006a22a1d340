#include "actors/base64url.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <utility>

using velo::actors::decode_base64url;
using velo::actors::encode_base64url;

TEST_CASE("base64url has the texts of RFC 4648, without padding", "[actors][base64url]") {
  const auto [bytes, text] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"f", "Zg"},
      {"fo", "Zm8"},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg"},
      {"fooba", "Zm9vYmE"},
      {"foobar", "Zm9vYmFy"},
      {"\xfb\xff\xfe", "-__-"},
  }));
  CHECK(encode_base64url(bytes) == text);
  CHECK(decode_base64url(text) == bytes);
}

TEST_CASE("base64url refuses every other text of the same bytes", "[actors][base64url]") {
  const std::string text = GENERATE("Zg==", "Zm8=", "Z", "Zm9vY", "Zm9v\n", " Zm9v", "+__+", "-//-",
                                    "Zh",   // a stray bit in the second character
                                    "Zm9",  // two of them
                                    "Zm\xc3\xb6v");
  CHECK_FALSE(decode_base64url(text).has_value());
}

TEST_CASE("base64url gives back any bytes", "[actors][base64url]") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i * 37);
    CHECK(decode_base64url(encode_base64url(bytes)) == bytes);
  }
}
