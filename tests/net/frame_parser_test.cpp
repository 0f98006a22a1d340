#include "net/frame_parser.hpp"

#include "net/close_code.hpp"
#include "tests/net/websocket_fixture.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace velo::net;
using velo::net::test::opcode;
using velo::net::test::raw_client;
using kind = client_item::kind;

namespace {

constexpr std::size_t no_limit = 1U << 24U;

struct heard {
  kind what{};
  unsigned code = 0;
  std::string payload;

  bool operator==(const heard&) const = default;
};

std::ostream& operator<<(std::ostream& out, const heard& h) {
  return out << static_cast<int>(h.what) << " " << h.code << " '" << h.payload << "'";
}

std::string encode(opcode op, std::string_view payload, bool fin = true) {
  return raw_client::encode(op, payload, fin);
}

/// Feeds `pieces` one after another, up to the first close or violation.
std::vector<heard> parse(const std::vector<std::string>& pieces, std::size_t limit = no_limit) {
  frame_parser parser;
  std::vector<heard> all;
  for (auto piece : pieces) {
    std::span<char> input(piece);
    for (;;) {
      const auto item = parser.next(input, limit);
      if (item.what == kind::nothing) break;
      all.push_back({item.what, item.code, std::string(item.payload)});
      if (item.what == kind::close || item.what == kind::violation) return all;
    }
    REQUIRE(input.empty());
  }
  return all;
}

std::vector<std::string> cut_at(const std::string& bytes, std::size_t at) {
  return {bytes.substr(0, at), bytes.substr(at)};
}

std::vector<std::string> one_by_one(const std::string& bytes) {
  std::vector<std::string> pieces;
  for (const char byte : bytes) pieces.emplace_back(1, byte);
  return pieces;
}

/// Whole, byte by byte and cut in two anywhere, the outcome is the same.
void require_parsed(const std::string& bytes, const std::vector<heard>& expected,
                    std::size_t limit = no_limit) {
  REQUIRE(parse({bytes}, limit) == expected);
  REQUIRE(parse(one_by_one(bytes), limit) == expected);
  for (std::size_t at = 0; at <= std::min<std::size_t>(bytes.size(), 300); ++at) {
    INFO(at);
    REQUIRE(parse(cut_at(bytes, at), limit) == expected);
  }
}

void require_violation(const std::string& bytes, close_code code, std::size_t limit = no_limit) {
  require_parsed(bytes, {{kind::violation, number(code), {}}}, limit);
}

std::string with_bits(std::string frame, std::size_t byte, unsigned bits) {
  frame[byte] = static_cast<char>(static_cast<unsigned char>(frame[byte]) | bits);
  return frame;
}

}  // namespace

TEST_CASE("a text of any length is a message, however it arrives", "[net][frame]") {
  const auto size =
      GENERATE(0U, 1U, 7U, 8U, 9U, 124U, 125U, 126U, 127U, 1000U, 65535U, 65536U, 65537U, 200'000U);
  std::string text(size, 'x');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
  const auto bytes = encode(opcode::text, text);
  const std::vector<heard> expected{{kind::text, 0, text}};
  REQUIRE(parse({bytes}) == expected);
  REQUIRE(parse(one_by_one(bytes)) == expected);
  for (const std::size_t at : {1U, 2U, 3U, 4U, 9U, 13U, 14U, 15U}) {
    if (at < bytes.size()) REQUIRE(parse(cut_at(bytes, at)) == expected);
  }
}

TEST_CASE("many frames in one piece come out in order", "[net][frame]") {
  const auto bytes = encode(opcode::text, "one") + encode(opcode::ping, "") +
                     encode(opcode::text, "") + encode(opcode::pong, "p") +
                     encode(opcode::text, "two");
  require_parsed(bytes, {{kind::text, 0, "one"},
                         {kind::ping, 0, ""},
                         {kind::text, 0, ""},
                         {kind::pong, 0, "p"},
                         {kind::text, 0, "two"}});
}

TEST_CASE("fragments are put together, control frames between them come at once", "[net][frame]") {
  const auto bytes = encode(opcode::text, "", false) + encode(opcode::continuation, "Hel", false) +
                     encode(opcode::ping, "1") + encode(opcode::continuation, "", false) +
                     encode(opcode::pong, "") + encode(opcode::ping, std::string(125, '2')) +
                     encode(opcode::continuation, "lo", true) + encode(opcode::text, "again");
  require_parsed(bytes, {{kind::ping, 0, "1"},
                         {kind::pong, 0, ""},
                         {kind::ping, 0, std::string(125, '2')},
                         {kind::text, 0, "Hello"},
                         {kind::text, 0, "again"}});
}

TEST_CASE("a close between fragments is heard", "[net][frame]") {
  require_parsed(encode(opcode::text, "Hel", false) + encode(opcode::close, "\x03\xe8"),
                 {{kind::close, 1000, ""}});
}

TEST_CASE("a frame that may not be is a violation, as soon as it shows", "[net][frame]") {
  SECTION("reserved bits") {
    const unsigned bit = GENERATE(0x10U, 0x20U, 0x40U);
    require_violation(with_bits(encode(opcode::text, "x"), 0, bit), close_code::protocol_error);
    require_violation(with_bits(encode(opcode::ping, ""), 0, bit), close_code::protocol_error);
  }
  SECTION("reserved opcodes") {
    const auto op = GENERATE(3, 4, 5, 6, 7, 11, 12, 13, 14, 15);
    require_violation(encode(opcode{static_cast<std::uint8_t>(op)}, ""),
                      close_code::protocol_error);
  }
  SECTION("not masked") {
    require_violation(raw_client::encode(opcode::text, "x", true, false),
                      close_code::protocol_error);
    require_violation(raw_client::encode(opcode::close, "", true, false),
                      close_code::protocol_error);
  }
  SECTION("binary, before its payload has come") {
    const auto fin = GENERATE(true, false);
    require_violation(encode(opcode::binary, "x", fin).substr(0, 6), close_code::unsupported_data);
  }
  SECTION("a continuation of nothing") {
    const auto fin = GENERATE(true, false);
    require_violation(encode(opcode::continuation, "x", fin), close_code::protocol_error);
    REQUIRE(parse({encode(opcode::text, "x"), encode(opcode::continuation, "x", fin)}).back() ==
            heard{kind::violation, 1002, ""});
  }
  SECTION("a new message inside of another") {
    require_violation(encode(opcode::text, "x", false) + encode(opcode::text, "y"),
                      close_code::protocol_error);
  }
  SECTION("control frames in fragments or above 125 bytes") {
    const auto op = GENERATE(opcode::ping, opcode::pong, opcode::close);
    require_violation(encode(op, "", false), close_code::protocol_error);
    require_violation(encode(op, std::string(126, 'x')).substr(0, 2), close_code::protocol_error);
    require_violation(encode(op, std::string(65536, 'x')).substr(0, 2), close_code::protocol_error);
  }
  SECTION("lengths that are not the shortest, or beyond 63 bits") {
    using namespace std::string_literals;
    require_violation("\x81\xfe\x00\x7d\1\1\1\1"s, close_code::protocol_error);
    require_violation("\x81\xff\0\0\0\0\0\0\xff\xff\1\1\1\1"s, close_code::protocol_error);
    require_violation("\x81\xff\x80\0\0\0\0\1\0\0\1\1\1\1"s, close_code::protocol_error);
    // What shows first counts, also where all of the header has come.
    require_violation("\x82\xff\x80\0\0\0\0\1\0\0\1\1\1\1"s, close_code::unsupported_data);
  }
}

TEST_CASE("a message too big is refused by its headers", "[net][frame]") {
  constexpr std::size_t limit = 1000;
  REQUIRE(parse({encode(opcode::text, std::string(limit, 'x'))}, limit).size() == 1);
  require_violation(encode(opcode::text, std::string(limit + 1, 'x')).substr(0, 8),
                    close_code::message_too_big, limit);
  require_violation(std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\1\1\1\1", 14),
                    close_code::message_too_big, limit);
  const auto half = encode(opcode::text, std::string(600, 'x'), false);
  REQUIRE(parse({half, encode(opcode::continuation, std::string(400, 'x'))}, limit).size() == 1);
  require_violation(half + encode(opcode::continuation, std::string(401, 'x')).substr(0, 8),
                    close_code::message_too_big, limit);
  // Control frames do not count.
  REQUIRE(parse({half, encode(opcode::ping, std::string(125, 'p')),
                 encode(opcode::continuation, std::string(400, 'x'))},
                limit)
              .size() == 2);
}

TEST_CASE("text is valid UTF-8, wherever it is cut", "[net][frame]") {
  const std::string text =
      "\x24 \xc2\xa2 \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf "
      "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf plain, and more than eight bytes";
  require_parsed(encode(opcode::text, text), {{kind::text, 0, text}});
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const auto bytes = encode(opcode::text, text.substr(0, at), false) +
                       encode(opcode::ping, "\xff") +
                       encode(opcode::continuation, text.substr(at), true);
    INFO(at);
    REQUIRE(parse({bytes}) == std::vector<heard>{{kind::ping, 0, "\xff"}, {kind::text, 0, text}});
  }
}

TEST_CASE("text that is not UTF-8 is a violation, wherever it is cut", "[net][frame]") {
  const auto* wrong = GENERATE(
      "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3\x28", "\xe0\x80\x80", "\xe0\x9f\xbf",
      "\xe2\x28\xa1", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98");
  const std::string text = "twelve bytes" + std::string(wrong);
  require_violation(encode(opcode::text, text), close_code::invalid_payload);
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const auto bytes = encode(opcode::text, text.substr(0, at), false) +
                       encode(opcode::continuation, text.substr(at), true);
    INFO(at);
    REQUIRE(parse({bytes}) ==
            std::vector<heard>{{kind::violation, number(close_code::invalid_payload), {}}});
  }
}

TEST_CASE("what can no longer become UTF-8 is refused before its message ends", "[net][frame]") {
  REQUIRE(parse({encode(opcode::text, "\xed\xa0", false)}).size() == 1);
  const auto whole = encode(opcode::text, "\xc3\x28" + std::string(1000, 'x'));
  REQUIRE(parse({whole.substr(0, 10)}).size() == 1);
}

TEST_CASE("a close frame gives a code that may be given, and a reason in UTF-8", "[net][frame]") {
  const auto close = [](unsigned code, std::string_view reason = {}) {
    std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)};
    return encode(opcode::close, payload.append(reason));
  };
  require_parsed(encode(opcode::close, ""), {{kind::close, 0, ""}});
  for (const unsigned code : {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 1012U,
                              1013U, 1014U, 3000U, 3999U, 4000U, 4999U}) {
    require_parsed(close(code), {{kind::close, code, ""}});
  }
  for (const unsigned code :
       {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 2000U, 2999U, 5000U, 65535U}) {
    require_violation(close(code), close_code::protocol_error);
  }
  require_parsed(close(1000,
                       "g\xc3\xbc"
                       "nstig"),
                 {{kind::close, 1000,
                   "g\xc3\xbc"
                   "nstig"}});
  require_parsed(close(1000, std::string(123, 'r')), {{kind::close, 1000, std::string(123, 'r')}});
  require_violation(close(1000, "\xc3"), close_code::invalid_payload);
  require_violation(encode(opcode::close, "x"), close_code::protocol_error);
}

TEST_CASE("a parser that waits for nothing holds nothing", "[net][frame]") {
  frame_parser parser;
  const auto feed = [&parser](std::string bytes) {
    std::span<char> input(bytes);
    while (parser.next(input, no_limit).what != kind::nothing) {
    }
  };
  REQUIRE(parser.idle());
  const auto frame = encode(opcode::text, "text");
  feed(frame + encode(opcode::ping, "ping"));
  REQUIRE(parser.idle());
  feed(frame.substr(0, 1));
  REQUIRE_FALSE(parser.idle());
  feed(frame.substr(1));
  REQUIRE(parser.idle());
  feed(encode(opcode::ping, "ping").substr(0, 7));
  REQUIRE_FALSE(parser.idle());
  feed(encode(opcode::ping, "ping").substr(7));
  REQUIRE(parser.idle());
  feed(encode(opcode::text, "t", false));
  feed(encode(opcode::ping, "ping"));
  REQUIRE_FALSE(parser.idle());
  feed(encode(opcode::continuation, "t"));
  REQUIRE(parser.idle());
}

TEST_CASE("random frames in random pieces come out as they went in", "[net][frame]") {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    std::vector<heard> expected;
    for (int message = 0; message < 5; ++message) {
      std::string text;
      const auto fragments = 1 + random() % 3;
      for (unsigned i = 0; i < fragments; ++i) {
        const std::string part(random() % 300, static_cast<char>('a' + random() % 26));
        text += part;
        bytes += encode(i == 0 ? opcode::text : opcode::continuation, part, i + 1 == fragments);
        if (i + 1 < fragments && random() % 2 == 0) {
          expected.push_back({kind::ping, 0, std::string(random() % 126, 'p')});
          bytes += encode(opcode::ping, expected.back().payload);
        }
      }
      expected.push_back({kind::text, 0, text});
    }
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      pieces.push_back(bytes.substr(at, 1 + random() % 400));
      at += pieces.back().size();
    }
    REQUIRE(parse(pieces) == expected);
  }
}
