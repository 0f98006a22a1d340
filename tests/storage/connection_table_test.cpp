#include "storage/connection_table.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <limits>
#include <map>
#include <string>
#include <vector>

namespace velo::storage {

namespace {

std::vector<std::string> seen_before(const connection_table& table, const transaction& txn,
                                     std::int64_t cutoff_ms, std::size_t limit = 1'000) {
  std::vector<std::string> uuids;
  table
      .for_each_seen_before(txn, cutoff_ms, limit,
                            [&](std::string_view uuid, std::int64_t seen) {
                              CHECK(seen < cutoff_ms);
                              uuids.emplace_back(uuid);
                              return true;
                            })
      .value();
  return uuids;
}

}  // namespace

TEST_CASE("a connection of an older layout is read without what it has not",
          "[storage][connection_table]") {
  const auto c = sample_connection(1);
  auto items = nlohmann::json::from_cbor(encode(c).value());
  REQUIRE(items.size() == 18);
  items.erase(items.begin() + 15, items.end());
  auto expected = c;
  expected.token = {};
  CHECK(decode_connection(c.uuid, to_cbor(items).value()).value() == expected);
  items.erase(items.begin() + 12, items.end());
  expected.number = expected.sequence = 0;
  expected.epoch.clear();
  CHECK(decode_connection(c.uuid, to_cbor(items).value()).value() == expected);
}

TEST_CASE("whose a connection is, is read without the rest, in every layout",
          "[storage][connection_table]") {
  auto c = sample_connection(1);
  // Texts and numbers of every width that CBOR has for them.
  const auto length = GENERATE(0, 1, 23, 24, 255, 256, 65'535, 65'536);
  const auto time = GENERATE(std::int64_t{0}, std::int64_t{-1}, std::int64_t{300},
                             std::numeric_limits<std::int64_t>::max());
  c.app_id = std::string(static_cast<std::size_t>(length), 'a');
  c.auth_record_id = std::string(static_cast<std::size_t>(length), 'u');
  c.created_ms = time;
  const auto bytes = encode(c).value();
  const auto whole = decode_owner(bytes).value();
  CHECK(whole.auth_collection_id == c.auth_collection_id);
  CHECK(whole.auth_record_id == c.auth_record_id);
  auto items = nlohmann::json::from_cbor(bytes);
  items.erase(items.begin() + 12, items.end());
  const auto old = to_cbor(items).value();
  CHECK(decode_owner(old).value().auth_record_id == c.auth_record_id);
  const auto end = static_cast<std::size_t>(whole.auth_record_id.data() - bytes.data()) +
                   whole.auth_record_id.size();
  for (const auto cut : {std::size_t{0}, std::size_t{1}, end / 2, end - 1})
    CHECK(decode_owner(std::string_view(bytes).substr(0, cut)).error() == errc::corrupt);
}

TEST_CASE("the owners of connections are told, those of damaged ones are not",
          "[storage][connection_table]") {
  sample_database sample;
  auto& table = sample.db->connections;
  auto txn = sample.db->begin_write().value();
  for (const unsigned n : {1u, 2u, 3u}) table.put(txn, sample_connection(n)).value();
  const auto raw = txn.open_table(connection_table::name).value();
  txn.put(raw, pack_uuid(sample_uuid(2)).value(), "damaged").value();
  std::vector<std::string> owners;
  table
      .for_each_owner(txn,
                      [&](const connection_owner& of) {
                        owners.push_back(std::string(of.auth_collection_id) + '/' +
                                         std::string(of.auth_record_id));
                      })
      .value();
  CHECK(owners == std::vector<std::string>{"users/u1", "users/u3"});
}

TEST_CASE("a connection is found by its uuid in either case", "[storage][connection_table]") {
  sample_database sample;
  const auto c = sample_connection(1);
  write(*sample.db, [&](auto& txn) { sample.db->connections.put(txn, c).value(); });
  sample.reopen();
  const auto txn = sample.db->begin_read().value();
  CHECK(sample.db->connections.get(txn, c.uuid).value() == c);
  CHECK(sample.db->connections.get(txn, "6F9619FF-8B86-4011-B42D-000000000001").value() == c);
  CHECK(!sample.db->connections.get(txn, sample_uuid(2)).value());
  CHECK(!sample.db->connections.get(txn, "posts").value());
}

TEST_CASE("a connection without a uuid is refused", "[storage][connection_table]") {
  sample_database sample;
  auto txn = sample.db->begin_write().value();
  auto c = sample_connection(1);
  c.uuid = "x";
  CHECK(sample.db->connections.put(txn, c).error() == errc::invalid_key);
  CHECK(!sample.db->connections.touch(txn, "x", 1).value());
  CHECK(!sample.db->connections.erase(txn, "x").value());
}

TEST_CASE("a touch moves the connection in the index", "[storage][connection_table]") {
  sample_database sample;
  auto& table = sample.db->connections;
  auto txn = sample.db->begin_write().value();
  using uuids = std::vector<std::string>;
  table.put(txn, sample_connection(1, 100)).value();
  table.put(txn, sample_connection(2, 200)).value();
  CHECK(table.touch(txn, sample_uuid(1), 300).value());
  CHECK(seen_before(table, txn, 1'000) == uuids{sample_uuid(2), sample_uuid(1)});
  CHECK(seen_before(table, txn, 300) == uuids{sample_uuid(2)});
  CHECK(table.get(txn, sample_uuid(1)).value()->last_seen_ms == 300);
  CHECK(table.touch(txn, sample_uuid(1), 300).value());
  CHECK(!table.touch(txn, sample_uuid(3), 300).value());
  CHECK(table.consistent(txn).value());
}

TEST_CASE("the longest unseen come first, up to the limit", "[storage][connection_table]") {
  sample_database sample;
  auto& table = sample.db->connections;
  auto txn = sample.db->begin_write().value();
  using uuids = std::vector<std::string>;
  const std::int64_t times[] = {0, -1, std::numeric_limits<std::int64_t>::min(),
                                std::numeric_limits<std::int64_t>::max(), 7};
  for (unsigned i = 0; i < std::size(times); ++i)
    table.put(txn, sample_connection(i, times[i])).value();
  CHECK(seen_before(table, txn, 8) ==
        uuids{sample_uuid(2), sample_uuid(1), sample_uuid(0), sample_uuid(4)});
  CHECK(seen_before(table, txn, 8, 2) == uuids{sample_uuid(2), sample_uuid(1)});
  CHECK(seen_before(table, txn, 8, 0).empty());
  CHECK(seen_before(table, txn, -1) == uuids{sample_uuid(2)});
}

TEST_CASE("connections are listed in pages", "[storage][connection_table]") {
  sample_database sample;
  auto& table = sample.db->connections;
  auto txn = sample.db->begin_write().value();
  for (const unsigned n : {5u, 3u, 1u, 4u, 2u}) table.put(txn, sample_connection(n)).value();
  const auto first = table.list(txn, "", 2).value();
  REQUIRE(first.size() == 2);
  CHECK(first[0] == sample_connection(1));
  const auto rest = table.list(txn, first[1].uuid, 10).value();
  REQUIRE(rest.size() == 3);
  CHECK(rest[0].uuid == sample_uuid(3));
  CHECK(table.list(txn, sample_uuid(5), 10).value().empty());
  CHECK(table.list(txn, "", 0).value().empty());
  CHECK(table.list(txn, "x", 1).error() == errc::invalid_key);
}

TEST_CASE("connections of one collection are erased", "[storage][connection_table]") {
  sample_database sample;
  auto& table = sample.db->connections;
  auto txn = sample.db->begin_write().value();
  for (unsigned n = 0; n < 10; ++n) {
    auto c = sample_connection(n);
    if (n % 2 == 0) c.collection_id = "other";
    table.put(txn, c).value();
  }
  CHECK(table.erase_of_collection(txn, "other", 2).value() == 2);
  std::vector<std::string> erased;
  const auto note = [&](const connection& c) { erased.push_back(c.auth_record_id); };
  CHECK(table.erase_of_collection(txn, "other", 10, note).value() == 3);
  CHECK(erased == std::vector<std::string>{"u4", "u6", "u8"});
  CHECK(table.count(txn).value() == 5);
  CHECK(table.consistent(txn).value());
}

TEST_CASE("both tables agree after any operations", "[storage][connection_table]") {
  sample_database sample;
  const auto seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  random_source random(seed);
  std::map<std::string, connection> model;
  for (int round = 0; round < 40; ++round) {
    auto& table = sample.db->connections;
    auto before = model;
    {
      auto txn = sample.db->begin_write().value();
      for (int i = 0; i < 50; ++i) {
        const auto n = static_cast<unsigned>(random() % 60);
        const auto seen = static_cast<std::int64_t>(random() % 20) - 10;
        const auto uuid = sample_uuid(n);
        switch (random() % 4) {
          case 0:
            table.put(txn, model[uuid] = sample_connection(n, seen)).value();
            break;
          case 1:
            CHECK(table.erase(txn, uuid).value() == (model.erase(uuid) == 1));
            break;
          default:
            CHECK(table.touch(txn, uuid, seen).value() == model.contains(uuid));
            if (model.contains(uuid)) model[uuid].last_seen_ms = seen;
        }
      }
      if (random() % 4 == 0)
        model = before;  // without commit
      else
        txn.commit().value();
    }
    const auto txn = sample.db->begin_read().value();
    CHECK(table.consistent(txn).value());
    const auto all = table.list(txn, "", 1'000).value();
    REQUIRE(all.size() == model.size());
    for (const auto& c : all) CHECK(c == model.at(c.uuid));
    CHECK(seen_before(table, txn, 100).size() == model.size());
  }
}

}  // namespace velo::storage
