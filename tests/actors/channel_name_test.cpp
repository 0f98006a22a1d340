#include "actors/channel_name.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace velo::actors;

TEST_CASE("a channel's kind is that of its longest prefix", "[net][channel_name]") {
  struct row {
    std::string name;
    channel_kind kind;
  };
  const row r = GENERATE(values<row>({
      {"room", channel_kind::open},
      {"velo.realtime.8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11", channel_kind::open},
      {"private", channel_kind::open},
      {"privateroom", channel_kind::open},
      {"my-private-room", channel_kind::open},
      {"Private-room", channel_kind::open},
      {"private-room", channel_kind::private_plain},
      {"private-cached", channel_kind::private_plain},
      {"private-cache-room", channel_kind::private_cache},
      {"private-encrypted-room", channel_kind::private_encrypted},
      {"private-encrypted-cache-room", channel_kind::private_encrypted_cache},
      {"presence-room", channel_kind::presence},
      {"presence-cache-room", channel_kind::presence_cache},
      {"cache-room", channel_kind::cache},
      {"cacheroom", channel_kind::open},
      {"#server-to-user-42", channel_kind::server_to_user},
      {"#room", channel_kind::reserved},
      {"", channel_kind::open},
  }));
  CAPTURE(r.name);
  CHECK(kind_of(r.name) == r.kind);
}

TEST_CASE("private and presence channels need a signature", "[net][channel_name]") {
  for (const auto* name : {"private-a", "private-cache-a", "private-encrypted-a",
                           "private-encrypted-cache-a", "presence-a", "presence-cache-a"})
    CHECK(needs_signature(kind_of(name)));
  for (const auto* name : {"a", "cache-a", "#server-to-user-1", "#a"})
    CHECK_FALSE(needs_signature(kind_of(name)));
  CHECK(is_presence(kind_of("presence-cache-a")));
  CHECK_FALSE(is_presence(kind_of("private-a")));
  CHECK(is_cache(kind_of("private-encrypted-cache-a")));
  CHECK_FALSE(is_cache(kind_of("private-encrypted-a")));
}

TEST_CASE("channel names have 1 to 164 of the allowed characters", "[net][channel_name]") {
  for (const auto* name : {"a", "#a", "private-Foo_1=@,.;", "-"}) CHECK(is_channel_name(name));
  for (const auto* name :
       {"", "#", "##a", "a#", "a b", "a:b", "a/b", "a\n", "\xc3\xa4", "a*", "a\"b"})
    CHECK_FALSE(is_channel_name(name));
  CHECK_FALSE(is_channel_name(std::string_view("a\0", 2)));
  CHECK(is_channel_name(std::string(164, 'a')));
  CHECK_FALSE(is_channel_name(std::string(165, 'a')));
  CHECK(is_channel_name(std::string(200, 'a'), 200));
  CHECK_FALSE(is_channel_name(std::string(201, 'a'), 200));
}

TEST_CASE("socket ids are digits, a dot and digits", "[net][channel_name]") {
  for (const auto* id : {"1.1", "218765.4093127", "0.0"}) CHECK(is_socket_id(id));
  for (const auto* id :
       {"", ".", "1.", ".1", "1", "1.1.1", "1.1 ", " 1.1", "-1.1", "1.a", "1.1:x", "1.1\n"})
    CHECK_FALSE(is_socket_id(id));
  CHECK_FALSE(is_socket_id(std::string(40, '1') + '.' + std::string(40, '1')));
}
