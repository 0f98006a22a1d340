#include "storage/collection_table.hpp"

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace velo::storage {

namespace {

collection named(std::string id, std::string name) {
  collection c;
  c.id = std::move(id);
  c.name = std::move(name);
  return c;
}

}  // namespace

TEST_CASE("a collection is found by name and by id", "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  const auto posts = named("abc", "posts");
  write(db, [&](auto& txn) { db.collections.put(txn, posts).value(); });
  const auto txn = db.begin_read().value();
  CHECK(db.collections.get(txn, "abc").value() == posts);
  CHECK(db.collections.find(txn, "abc").value() == posts);
  CHECK(db.collections.find(txn, "posts").value() == posts);
  CHECK(!db.collections.get(txn, "posts").value());
  CHECK(!db.collections.find(txn, "").value());
  CHECK(!db.collections.find(txn, std::string(600, 'x')).value());
}

TEST_CASE("a renamed collection is no longer found by its old name",
          "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  write(db, [&](auto& txn) {
    db.collections.put(txn, named("abc", "posts")).value();
    db.collections.put(txn, named("abc", "articles")).value();
  });
  auto txn = db.begin_write().value();
  CHECK(!db.collections.find(txn, "posts").value());
  CHECK(db.collections.find(txn, "articles").value()->id == "abc");
  // The name is free again.
  db.collections.put(txn, named("def", "posts")).value();
  CHECK(db.collections.find(txn, "posts").value()->id == "def");
}

TEST_CASE("a name belongs to one collection", "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  auto txn = db.begin_write().value();
  db.collections.put(txn, named("abc", "posts")).value();
  CHECK(db.collections.put(txn, named("def", "posts")).error() == errc::name_taken);
  // Another's id as a name, or another's name as an id, would be ambiguous.
  CHECK(db.collections.put(txn, named("def", "abc")).error() == errc::name_taken);
  CHECK(db.collections.put(txn, named("posts", "def")).error() == errc::name_taken);
  db.collections.put(txn, named("def", "def")).value();
  db.collections.put(txn, named("abc", "posts")).value();
}

TEST_CASE("an erased collection leaves neither entry nor name", "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  auto txn = db.begin_write().value();
  db.collections.put(txn, named("abc", "posts")).value();
  CHECK(db.collections.erase(txn, "abc").value());
  CHECK(!db.collections.erase(txn, "abc").value());
  CHECK(!db.collections.find(txn, "posts").value());
  db.collections.put(txn, named("def", "posts")).value();
}

TEST_CASE("collections are listed in order of ids", "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  auto txn = db.begin_write().value();
  for (const auto* id : {"c", "a", "b"}) db.collections.put(txn, named(id, id)).value();
  std::string seen;
  const auto visit = [&](collection&& c) {
    seen += c.id;
    return seen != "ab";
  };
  db.collections.for_each(txn, visit).value();
  CHECK(seen == "ab");
}

TEST_CASE("a collection without id or name is refused", "[storage][collection_table]") {
  sample_database sample;
  auto& db = *sample.db;
  auto txn = db.begin_write().value();
  CHECK(db.collections.put(txn, named("", "x")).error() == errc::invalid_key);
  CHECK(db.collections.put(txn, named("x", "")).error() == errc::invalid_key);
  CHECK(db.collections.put(txn, named(std::string(65, 'x'), "x")).error() == errc::invalid_key);
  CHECK(db.collections.put(txn, named("x", std::string(300, 'x'))).error() == errc::invalid_key);
}

TEST_CASE("a dropped collection leaves nothing of itself", "[storage][database]") {
  sample_database sample;
  auto& db = *sample.db;
  write(db, [&](auto& txn) {
    for (const auto* id : {"posts", "postsx"}) {
      db.put_collection(txn, named(id, id)).value();
      db.records.put(txn, id, "r1", {{"id", "r1"}}).value();
      db.changes.append(txn, sample_change(1, id)).value();
      db.tombstones.remember(txn, id, "u1").value();
    }
    db.connections.put(txn, sample_connection(1)).value();
    CHECK(db.drop_collection(txn, "posts").value());
    CHECK(!db.drop_collection(txn, "posts").value());
  });
  const auto txn = db.begin_read().value();
  CHECK(!db.collections.find(txn, "posts").value());
  CHECK(!db.records.get(txn, "posts", "r1").value());
  CHECK(!db.changes.state(txn, "posts").value());
  CHECK(!db.tombstones.contains(txn, "posts", "u1").value());
  CHECK(db.connections.count(txn).value() == 0);
  CHECK(db.records.get(txn, "postsx", "r1").value());
  CHECK(db.changes.last_sequence(txn, "postsx").value() == 1);
  CHECK(db.tombstones.contains(txn, "postsx", "u1").value());
}

}  // namespace velo::storage
