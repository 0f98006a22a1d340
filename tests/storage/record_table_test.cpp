#include "storage/record_table.hpp"

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <string>
#include <vector>

namespace velo::storage {

using nlohmann::json;

namespace {

std::vector<std::string> ids(const record_table& records, const transaction& txn,
                             std::string_view collection_id, std::string_view after_id = "") {
  std::vector<std::string> seen;
  records
      .for_each(txn, collection_id, after_id,
                [&](std::string_view id, json&& record) {
                  CHECK(record["id"] == id);
                  seen.emplace_back(id);
                  return true;
                })
      .value();
  return seen;
}

}  // namespace

TEST_CASE("a record comes back as it was written, also after a restart",
          "[storage][record_table]") {
  sample_database sample;
  random_source random(5);
  std::map<std::string, json> written;
  for (int i = 0; i < 200; ++i) written["r" + std::to_string(i)] = random_json(random);
  write(*sample.db, [&](auto& txn) {
    for (const auto& [id, record] : written)
      sample.db->records.put(txn, "posts", id, record).value();
  });
  sample.reopen();
  const auto txn = sample.db->begin_read().value();
  for (const auto& [id, record] : written)
    CHECK(sample.db->records.get(txn, "posts", id).value().value() == record);
}

TEST_CASE("records of a collection come in order of ids and of no other collection",
          "[storage][record_table]") {
  sample_database sample;
  auto& records = sample.db->records;
  auto txn = sample.db->begin_write().value();
  for (const auto* collection_id : {"a", "ab", "b"})
    for (const auto* id : {"r2", "R", "r10", "r1"})
      records.put(txn, collection_id, id, {{"id", id}}).value();
  using list = std::vector<std::string>;
  CHECK(ids(records, txn, "a") == list{"R", "r1", "r10", "r2"});
  CHECK(ids(records, txn, "a", "r1") == list{"r10", "r2"});
  CHECK(ids(records, txn, "a", "r11") == list{"r2"});
  CHECK(ids(records, txn, "a", "r2").empty());
  CHECK(ids(records, txn, "none").empty());
  CHECK(ids(records, txn, "").empty());
}

TEST_CASE("a scan ends when its callback says so", "[storage][record_table]") {
  sample_database sample;
  auto& records = sample.db->records;
  auto txn = sample.db->begin_write().value();
  for (const auto* id : {"1", "2", "3"}) records.put(txn, "a", id, {{"id", id}}).value();
  int calls = 0;
  records.for_each(txn, "a", "", [&](std::string_view, json&&) { return ++calls < 2; }).value();
  CHECK(calls == 2);
}

TEST_CASE("erasing says whether there was something", "[storage][record_table]") {
  sample_database sample;
  auto& records = sample.db->records;
  auto txn = sample.db->begin_write().value();
  records.put(txn, "a", "1", 1).value();
  CHECK(records.erase(txn, "a", "1").value());
  CHECK(!records.erase(txn, "a", "1").value());
  CHECK(!records.get(txn, "a", "1").value());
}

TEST_CASE("erasing all records is bounded and stays in its collection", "[storage][record_table]") {
  sample_database sample;
  auto& records = sample.db->records;
  auto txn = sample.db->begin_write().value();
  for (int i = 0; i < 10; ++i)
    for (const auto* collection_id : {"a", "aa"})
      records.put(txn, collection_id, std::to_string(i), {{"id", std::to_string(i)}}).value();
  CHECK(records.erase_all(txn, "a", 4).value() == 4);
  CHECK(ids(records, txn, "a").size() == 6);
  CHECK(records.erase_all(txn, "a").value() == 6);
  CHECK(records.erase_all(txn, "a").value() == 0);
  CHECK(ids(records, txn, "aa").size() == 10);
}

TEST_CASE("ids that cannot be keys are refused in writing and absent in reading",
          "[storage][record_table]") {
  sample_database sample;
  auto& records = sample.db->records;
  auto txn = sample.db->begin_write().value();
  const std::string longest(64, 'x');
  records.put(txn, longest, longest, 1).value();
  CHECK(records.get(txn, longest, longest).value().value() == 1);
  CHECK(records.put(txn, "a", longest + "y", 1).error() == errc::invalid_key);
  CHECK(records.put(txn, "a", "", 1).error() == errc::invalid_key);
  CHECK(!records.get(txn, longest, longest + "y").value());
  CHECK(!records.erase(txn, longest, longest + "y").value());
  // A refused key does not doom the transaction.
  txn.commit().value();
}

TEST_CASE("a large record is stored whole", "[storage][record_table]") {
  sample_database sample;
  const json record = {{"id", "r"}, {"text", std::string(3'000'000, 'x')}};
  write(*sample.db, [&](auto& txn) { sample.db->records.put(txn, "a", "r", record).value(); });
  const auto txn = sample.db->begin_read().value();
  CHECK(sample.db->records.get(txn, "a", "r").value().value() == record);
}

}  // namespace velo::storage
