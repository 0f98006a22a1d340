#include "actors/channel_id.hpp"
#include "actors/identity.hpp"
#include "actors/record_channel.hpp"
#include "actors/time_text.hpp"
#include "tests/support/catch.hpp"

namespace velo::actors {

namespace {

const std::string uuid = "6f9619ff-8b86-4011-b42d-00cf4fc964ff";
const std::string prefix = "velo.realtime.";

}  // namespace

TEST_CASE("a channel's id is a UUID in lower-case canonical form", "[actors][channel_id]") {
  const auto id = channel_id::parse(uuid);
  REQUIRE(id);
  CHECK(id->text() == uuid);
  CHECK(std::hash<channel_id>{}(*id) == std::hash<channel_id>{}(*channel_id::parse(uuid)));
  for (std::string bad :
       {std::string(), uuid.substr(1), uuid + "0", std::string(36, '0'), std::string(36, '-'),
        "6F9619FF" + uuid.substr(8), "6f9619fg" + uuid.substr(8)}) {
    CAPTURE(bad);
    CHECK_FALSE(channel_id::parse(bad));
  }
}

TEST_CASE("a record channel's name tells public from private", "[actors][record_channel]") {
  const auto open = parse_record_channel(prefix + uuid, prefix);
  const auto closed = parse_record_channel("private-" + prefix + uuid, prefix);
  REQUIRE(open);
  REQUIRE(closed);
  CHECK_FALSE(open->is_private);
  CHECK(closed->is_private);
  CHECK(open->id == closed->id);
  for (const auto& other :
       {uuid, "presence-" + prefix + uuid, "private-" + uuid, prefix + uuid + "x",
        "private-private-" + prefix + uuid, std::string("orders")}) {
    CAPTURE(other);
    CHECK_FALSE(parse_record_channel(other, prefix));
  }
  CHECK(in_record_namespace(prefix + "nonsense", prefix));
  CHECK(in_record_namespace("private-" + prefix, prefix));
  for (const std::string kind : {"presence-", "cache-", "private-cache-", "private-encrypted-",
                                 "private-encrypted-cache-", "presence-cache-", "private-private-"})
    CHECK(in_record_namespace(kind + prefix + uuid, prefix));
  CHECK_FALSE(in_record_namespace("private-orders", prefix));
}

TEST_CASE("the HTTP API takes a channel's name with or without its prefix",
          "[actors][record_channel]") {
  for (const auto& name : {uuid, prefix + uuid, "private-" + prefix + uuid})
    CHECK(parse_channel_name(name, prefix)->text() == uuid);
  CHECK_FALSE(parse_channel_name("private-" + uuid, prefix));
}

TEST_CASE("an identity's key is its own", "[actors][identity]") {
  CHECK(identity{}.key().empty());
  const identity user{identity_kind::user, "users", "@superuser", nullptr};
  const identity root{identity_kind::superuser, {}, {}, nullptr};
  const identity ingest{identity_kind::ingest, {}, {}, nullptr};
  CHECK(user.key() == user_key("users", "@superuser"));
  CHECK(user.key() != root.key());
  CHECK(root.key() != ingest.key());
}

TEST_CASE("times are spelled as records and rules spell them", "[actors][time_text]") {
  CHECK(time_text(1'769'860'800'123) == "2026-01-31 12:00:00.123Z");
  CHECK(parse_time("2026-01-31 12:00:00.123Z") == 1'769'860'800'123);
  CHECK(parse_time(time_text(-1)) == -1);
  CHECK_FALSE(parse_time("2026-01-31T12:00:00.123Z"));
  const auto now = now_ms();
  CHECK(time_text(now) < time_text(now + 1));
}

}  // namespace velo::actors
