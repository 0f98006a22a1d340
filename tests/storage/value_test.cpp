// Round trips of the values that tables hold: collection, change, connection.

#include "storage/cbor.hpp"
#include "storage/change.hpp"
#include "storage/collection.hpp"
#include "storage/connection.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <limits>

namespace velo::storage {

using nlohmann::json;

namespace {

void check_same(const change& a, const change& b) {
  CHECK(a.sequence == b.sequence);
  CHECK(a.collection_id == b.collection_id);
  CHECK(a.action == b.action);
  CHECK(a.record_id == b.record_id);
  CHECK(a.origin_socket_id == b.origin_socket_id);
  CHECK(a.origin_identity == b.origin_identity);
  CHECK(a.origin_privileged == b.origin_privileged);
  CHECK(a.committed_ms == b.committed_ms);
  CHECK((a.record == nullptr) == (b.record == nullptr));
  CHECK((a.old_record == nullptr) == (b.old_record == nullptr));
  if (a.record && b.record) CHECK(*a.record == *b.record);
  if (a.old_record && b.old_record) CHECK(*a.old_record == *b.old_record);
}

collection full_collection() {
  collection c;
  c.id = "abc123";
  c.name = "posts";
  c.type = collection_type::auth;
  c.rules.list = "";
  c.rules.view = "owner = @request.auth.id";
  c.rules.remove = "1 = 2";
  c.hidden = {"password"};
  c.guarded = {"role", "plan"};
  c.history = history_mode::memory;
  c.mirror = false;
  c.shards = 4;
  c.app = "app";
  c.created = "2026-01-31 12:00:00.000Z";
  c.updated = "2026-01-31 12:00:01.000Z";
  return c;
}

}  // namespace

TEST_CASE("a collection has the JSON of the API", "[storage][collection]") {
  CHECK(to_json_value(full_collection()) == json::parse(R"({
    "id": "abc123", "name": "posts", "type": "auth",
    "rules": {"list": "", "view": "owner = @request.auth.id",
              "create": null, "update": null, "delete": "1 = 2"},
    "hidden": ["password"], "guarded": ["role", "plan"],
    "history": "memory", "mirror": false, "shards": 4, "app": "app",
    "created": "2026-01-31 12:00:00.000Z", "updated": "2026-01-31 12:00:01.000Z"})"));
}

TEST_CASE("a collection comes back from its JSON", "[storage][collection]") {
  CHECK(collection_from_json(to_json_value(full_collection())).value() == full_collection());
  CHECK(collection_from_json(to_json_value(collection())).value() == collection());
  CHECK(collection_from_json(json::object()).value() == collection());
  CHECK(collection_from_json({{"unknown", 1}, {"name", "x"}}).value().name == "x");
}

TEST_CASE("an empty rule is not an absent one", "[storage][collection]") {
  const auto rules = [](const json& list) {
    return collection_from_json({{"rules", {{"list", list}}}}).value().rules;
  };
  CHECK(rules("").list == "");
  CHECK(rules(nullptr).list == std::nullopt);
}

TEST_CASE("a collection with a member of a wrong type is refused", "[storage][collection]") {
  const auto* text = GENERATE(
      "[]", "null", R"({"id": 1})", R"({"name": null})", R"({"type": "view"})", R"({"type": 0})",
      R"({"rules": []})", R"({"rules": {"list": false}})", R"({"rules": {"delete": 1}})",
      R"({"hidden": "x"})", R"({"hidden": [1]})", R"({"guarded": {"a": 1}})",
      R"({"history": "ring"})", R"({"mirror": 1})", R"({"shards": 0})", R"({"shards": -1})",
      R"({"shards": 4294967296})", R"({"shards": 1.5})", R"({"shards": "1"})", R"({"app": []})");
  CAPTURE(text);
  CHECK(collection_from_json(json::parse(text)).error() == errc::invalid_value);
}

TEST_CASE("a change comes back from its bytes", "[storage][change]") {
  auto c = sample_change(1);
  c.old_record = std::make_shared<const json>(json{{"id", "r1"}, {"deep", {{"list", {1, {2}}}}}});
  c.origin_socket_id = "1.2";
  c.origin_identity = "users/u1";
  c.origin_privileged = true;
  c.action = GENERATE(rules::action::created, rules::action::updated, rules::action::deleted);
  check_same(decode_change(encode(c).value()).value(), c);
}

TEST_CASE("a change comes back with how it is shown", "[storage][change]") {
  auto c = sample_change(1);
  CHECK(!decode_change(encode(c).value()).value().view);
  broadcast_view view;
  view.suppressed = GENERATE(true, false);
  if (GENERATE(true, false)) view.record = std::make_shared<const json>(json{{"id", "s"}});
  if (GENERATE(true, false)) view.old_record = std::make_shared<const json>(json{{"id", "o"}});
  c.view = std::make_shared<const broadcast_view>(view);
  const auto back = decode_change(encode(c).value()).value();
  check_same(back, c);
  REQUIRE(back.view);
  CHECK(back.suppressed() == view.suppressed);
  CHECK(*back.shown() == *c.shown());
  CHECK(bool(back.view->old_record) == bool(view.old_record));
}

TEST_CASE("a change keeps the ends of its numbers and empty records", "[storage][change]") {
  change c;
  c.sequence = GENERATE(0ULL, 1ULL, 1ULL << 63, std::numeric_limits<std::uint64_t>::max());
  c.committed_ms = GENERATE(std::numeric_limits<std::int64_t>::min(), -1LL, 0LL,
                            std::numeric_limits<std::int64_t>::max());
  const auto bytes = encode(c).value();
  check_same(decode_change(bytes).value(), c);
  CHECK(decode_committed_ms(bytes).value() == c.committed_ms);
}

TEST_CASE("random changes come back from their bytes", "[storage][change]") {
  random_source random(4);
  for (int i = 0; i < 200; ++i) {
    auto c = sample_change(random());
    c.record = std::make_shared<const json>(json{{"id", "x"}, {"v", random_json(random)}});
    c.old_record = std::make_shared<const json>(json{{"id", "x"}, {"v", random_json(random)}});
    c.origin_identity = random_text(random, 30);
    check_same(decode_change(encode(c).value()).value(), c);
  }
}

TEST_CASE("a change nested too deeply is refused", "[storage][change]") {
  auto c = sample_change(1);
  json deep;
  for (int i = 0; i < 1'000; ++i) deep = json::array({deep});
  c.record = std::make_shared<const json>(deep);
  CHECK(encode(c).error() == errc::invalid_value);
}

TEST_CASE("a connection comes back from its bytes", "[storage][connection]") {
  auto c = sample_connection(1);
  CHECK(decode_connection(c.uuid, encode(c).value()).value() == c);
  c = connection();
  c.uuid = sample_uuid(2);
  c.superuser = true;
  c.is_public = true;
  c.claims = {{"sub", "u1"}, {"role", "admin"}};
  c.last_seen_ms = -5;
  CHECK(decode_connection(c.uuid, encode(c).value()).value() == c);
}

TEST_CASE("last seen is replaced in place", "[storage][connection]") {
  auto c = sample_connection(1);
  auto bytes = encode(c).value();
  for (const std::int64_t seen : {0LL, -1LL, 1'800'000'000'000LL}) {
    replace_last_seen_ms(bytes, seen).value();
    c.last_seen_ms = seen;
    CHECK(decode_last_seen_ms(bytes).value() == seen);
    CHECK(decode_connection(c.uuid, bytes).value() == c);
  }
  std::string garbage = "garbage";
  CHECK(replace_last_seen_ms(garbage, 1).error() == errc::corrupt);
  CHECK(garbage == "garbage");
}

}  // namespace velo::storage
