// What database::open refuses, and that it leaves what it refuses alone.

#include "storage/database.hpp"

#include "storage/data_file.hpp"
#include "storage/key.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace velo::storage {

namespace fs = std::filesystem;

namespace {

const database_options quick = {.durable = false};

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& file, std::string_view content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

/// Every file with its time and content.
auto snapshot_of(const fs::path& directory) {
  std::map<std::string, std::pair<fs::file_time_type, std::string>> files;
  for (const auto& file : fs::directory_iterator(directory))
    files[file.path().filename()] = {file.last_write_time(), content_of(file)};
  return files;
}

void check_refused(const fs::path& directory, errc expected) {
  const auto before = snapshot_of(directory);
  CHECK(database::open(directory, quick).error() == expected);
  CHECK(snapshot_of(directory) == before);
}

/// A sound data file with records, some of them large, and freed pages.
std::string sample_file() {
  temp_directory temp;
  const auto db = database::open(temp.data(), quick).value();
  random_source random(6);
  for (int round = 0; round < 10; ++round)
    write(*db, [&](auto& txn) {
      for (int i = 0; i < 20; ++i) {
        const nlohmann::json record = std::string(random() % 9'000, 'x');
        db->records.put(txn, "posts", std::to_string(random() % 100), record).value();
        db->records.erase(txn, "posts", std::to_string(random() % 100)).value();
      }
    });
  return content_of(temp.data() / "data.mdb");
}

}  // namespace

TEST_CASE("a database opens empty, and again with what was in it", "[storage][database]") {
  sample_database sample(database_options{});
  write(*sample.db, [&](auto& txn) { sample.db->records.put(txn, "a", "1", "x").value(); });
  sample.reopen({});
  const auto txn = sample.db->begin_read().value();
  CHECK(sample.db->records.get(txn, "a", "1").value().value() == "x");
}

TEST_CASE("a second database on one directory is refused", "[storage][database]") {
  sample_database sample;
  CHECK(database::open(sample.directory.data()).error() == errc::locked_by_other_process);
}

TEST_CASE("a file that is no LMDB file is refused and left alone", "[storage][database]") {
  temp_directory temp;
  random_source random(7);
  const auto content =
      GENERATE_REF(std::string("hello"), std::string(8'192, '\0'), std::string(100'000, 'x'),
                   random_bytes(random, 60'000) + std::string(10'000, '\1'));
  write_file(temp.data() / "data.mdb", content);
  check_refused(temp.data(), errc::corrupt);
}

TEST_CASE("a data file that is a directory is refused", "[storage][database]") {
  temp_directory temp;
  fs::create_directories(temp.data() / "data.mdb");
  CHECK(database::open(temp.data(), quick).error() == errc::corrupt);
}

TEST_CASE("a start that was cut off before its first write is taken up", "[storage][database]") {
  temp_directory temp;
  write_file(temp.data() / "data.mdb", "");
  CHECK(database::open(temp.data(), quick).has_value());
  fs::remove_all(temp.data());
  // LMDB has made its file, but none of our tables is in it.
  CHECK(environment::open(temp.data(), {.durable = false}).has_value());
  const auto db = database::open(temp.data(), quick).value();
  CHECK(db->meta.check(db->begin_read().value()).has_value());
}

TEST_CASE("a damaged header is refused", "[storage][database]") {
  temp_directory temp;
  auto content = sample_file();
  const std::size_t page = GENERATE(0, 4'096);
  const std::size_t at = GENERATE(10, 16, 20);  // flags, magic, version
  content[page + at] = static_cast<char>(~content[page + at]);
  write_file(temp.data() / "data.mdb", content);
  check_refused(temp.data(), errc::corrupt);
}

TEST_CASE("a truncated file is refused, or else readable to its end", "[storage][database]") {
  const auto content = sample_file();
  int refused = 0;
  for (std::size_t bytes = 1'000; bytes < content.size(); bytes += 4'096 * 3 + 1'000) {
    temp_directory temp;
    write_file(temp.data() / "data.mdb", std::string_view(content).substr(0, bytes));
    const auto opened = database::open(temp.data(), quick);
    if (!opened) {
      CHECK(opened.error() == errc::corrupt);
      ++refused;
      continue;
    }
    const auto txn = (*opened)->begin_read().value();
    const auto all = [](std::string_view, nlohmann::json&&) { return true; };
    CHECK((*opened)->records.for_each(txn, "posts", "", all).has_value());
  }
  CHECK(refused > 0);
}

TEST_CASE("a sound file is never taken for a damaged one", "[storage][database]") {
  sample_database sample;
  const auto file = sample.directory.data() / "data.mdb";
  random_source random(8);
  for (int round = 0; round < 100; ++round) {
    write(*sample.db, [&](auto& txn) {
      // Values come and go within one transaction: pages at the end of the
      // file are used, freed and never written.
      for (int i = 0; i < 10; ++i) {
        const auto id = std::to_string(random() % 30);
        const nlohmann::json record = std::string(random() % 20'000, 'x');
        sample.db->records.put(txn, "posts", id, record).value();
        if (random() % 2 == 0) sample.db->records.erase(txn, "posts", id).value();
      }
    });
    CHECK(check_data_file(file).value() == data_file_state::sound);
    if (round % 10 == 0) sample.reopen();
  }
}

TEST_CASE("the database of another application is refused and left alone", "[storage][database]") {
  temp_directory temp;
  const auto* table_name = GENERATE("other", "meta");
  {
    const auto env = environment::open(temp.data(), {.durable = false}).value();
    env->write([&](write_transaction& txn) -> result<void> {
         const auto t = txn.create_table(table_name).value();
         return txn.put(t, "schema", "1");
       })
        .value();
  }
  check_refused(temp.data(), errc::foreign_schema);
  // As the other application has it, without our lock file: nothing is added.
  fs::remove(temp.data() / "velo.lock");
  fs::remove(temp.data() / "lock.mdb");
  check_refused(temp.data(), errc::foreign_schema);
}

TEST_CASE("a schema version of the future is refused and left alone", "[storage][database]") {
  sample_database sample;
  write(*sample.db,
        [&](auto& txn) { sample.db->meta.put(txn, "schema", schema_version + 1).value(); });
  sample.db.reset();
  check_refused(sample.directory.data(), errc::newer_schema);
}

TEST_CASE("a restored copy without lock files opens", "[storage][database]") {
  sample_database sample;
  sample.db.reset();
  fs::remove(sample.directory.data() / "velo.lock");
  fs::remove(sample.directory.data() / "lock.mdb");
  sample.reopen();
}

TEST_CASE("an aborted transaction leaves no trace in any table", "[storage][database]") {
  sample_database sample;
  auto& db = *sample.db;
  {
    auto txn = db.begin_write().value();
    collection c;
    c.id = "posts";
    c.name = "posts";
    db.put_collection(txn, c).value();
    db.records.put(txn, "posts", "1", 1).value();
    db.changes.append(txn, sample_change(1)).value();
    db.connections.put(txn, sample_connection(1)).value();
    db.idempotency.put(txn, std::string(32, 'k'), {"h", "a", 1}).value();
    db.tombstones.remember(txn, "posts", "1").value();
  }
  const auto txn = db.begin_read().value();
  CHECK(!db.collections.find(txn, "posts").value());
  CHECK(!db.records.get(txn, "posts", "1").value());
  CHECK(!db.changes.state(txn, "posts").value());
  CHECK(db.connections.count(txn).value() == 0);
  CHECK(!db.idempotency.get(txn, std::string(32, 'k')).value());
  CHECK(!db.tombstones.contains(txn, "posts", "1").value());
}

TEST_CASE("a database in a tiny map grows with all its tables", "[storage][database]") {
  const database_options tiny = {.map_bytes = 256 << 10, .durable = false};
  sample_database sample(tiny);
  for (std::uint64_t i = 1; i <= 1'000; ++i)
    sample.db->env()
        .write([&](write_transaction& txn) -> result<void> {
          const auto c = sample_change(i);
          if (auto done = sample.db->changes.append(txn, c); !done) return done;
          return sample.db->records.put(txn, "posts", c.record_id, *c.record);
        })
        .value();
  sample.reopen(tiny);
  const auto txn = sample.db->begin_read().value();
  CHECK(sample.db->changes.state(txn, "posts").value()->count == 1'000);
  for (std::uint64_t i = 1; i <= 1'000; ++i)
    CHECK(sample.db->records.get(txn, "posts", "r" + std::to_string(i)).value());
}

TEST_CASE("a database of schema 1 is taken over with what it holds", "[storage][database]") {
  temp_directory temp;
  connection c;
  c.uuid = "8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11";
  c.collection_id = "posts";
  c.app_id = "velo";
  c.filter = "n > 1";
  c.is_public = true;
  c.last_seen_ms = 1'000;
  c.created_ms = 900;
  {
    const auto db = database::open(temp.data(), quick).value();
    auto txn = db->begin_write().value();
    db->connections.put(txn, c).value();
    // What that version wrote: six items less, and its number.
    const auto by_uuid = txn.open_table(connection_table::name).value();
    const auto key = pack_uuid(c.uuid).value();
    std::string bytes(*txn.get(by_uuid, key).value());
    REQUIRE(static_cast<unsigned char>(bytes[0]) == 0x92);  // an array of 18
    bytes[0] = static_cast<char>(0x8c);                     // of 12
    bytes.resize(bytes.size() - 6);                         // zeros and empty texts
    txn.put(by_uuid, key, bytes).value();
    db->meta.put(txn, "schema", 1).value();
    txn.commit().value();
  }
  for (int open = 0; open < 2; ++open) {
    const auto db = database::open(temp.data(), quick).value();
    auto txn = db->begin_write().value();
    CHECK(db->meta.get(txn, "schema").value().value() == schema_version);
    const auto found = db->connections.get(txn, c.uuid).value();
    REQUIRE(found);
    CHECK(*found == c);
    CHECK(db->connections.consistent(txn).value());
    // And goes on like any other.
    CHECK(db->connections.touch(txn, c.uuid, 1'000).value());
    db->connections.put(txn, *found).value();
    txn.commit().value();
  }
}

}  // namespace velo::storage
