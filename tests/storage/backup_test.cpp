#include "storage/backup.hpp"

#include "tests/storage/child_process.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <atomic>
#include <fstream>
#include <thread>

namespace velo::storage {

namespace {

collection posts() {
  collection c;
  c.id = c.name = "posts";
  return c;
}

/// Change, record and log agree: whole transactions only.
void check_whole(const database& db, std::uint64_t at_least) {
  const auto txn = db.begin_read().value();
  std::uint64_t next = 1;
  db.changes
      .for_each(txn, "posts", 0,
                [&](change&& c) {
                  CHECK(c.sequence == next++);
                  CHECK(db.records.get(txn, "posts", c.record_id).value() == *c.record);
                  return true;
                })
      .value();
  CHECK(next == db.changes.last_sequence(txn, "posts").value() + 1);
  CHECK(next > at_least);
}

}  // namespace

TEST_CASE("a backup taken while others write is one state of the database", "[storage][backup]") {
  sample_database sample;
  auto& db = *sample.db;
  write(db, [&](auto& txn) { db.put_collection(txn, posts()).value(); });
  const auto epoch = db.changes.epoch(db.begin_read().value(), "posts").value();
  std::ofstream(sample.directory.data() / "secrets.json") << "{}";

  std::atomic<std::uint64_t> written = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::uint64_t sequence = 1; !done && sequence < 200'000; ++sequence) {
      const auto c = sample_change(sequence);
      write(db, [&](auto& txn) {
        db.changes.append(txn, c).value();
        db.records.put(txn, "posts", c.record_id, *c.record).value();
      });
      written = sequence;
    }
  });
  while (written < 500) std::this_thread::yield();
  const auto before = written.load();
  // From another process, as `velo backup` does it.
  const auto target = sample.directory.path() / "copies" / "first";
  child_process copier([&] { return back_up(sample.directory.data(), target) ? 0 : 1; });
  CHECK(copier.wait() == 0);
  done = true;
  writer.join();

  const auto restored = sample.directory.path() / "restored";
  restore(target, restored).value();
  CHECK(std::filesystem::exists(restored / "secrets.json"));
  const auto copy = database::open(restored).value();
  check_whole(*copy, before);
  check_whole(db, before);
  const auto state = copy->changes.state(copy->begin_read().value(), "posts").value().value();
  CHECK(state.epoch != epoch);
  CHECK(db.changes.epoch(db.begin_read().value(), "posts").value() == epoch);
}

TEST_CASE("backup and restore write over nothing", "[storage][backup]") {
  sample_database sample;
  write(*sample.db, [&](auto& txn) { sample.db->put_collection(txn, posts()).value(); });
  const auto target = sample.directory.path() / "copy";
  back_up(sample.directory.data(), target).value();
  CHECK(back_up(sample.directory.data(), target).error() == errc::not_empty);
  CHECK(restore(target, sample.directory.data()).error() == errc::locked_by_other_process);
  sample.db.reset();
  CHECK(restore(target, sample.directory.data()).error() == errc::not_empty);
  CHECK(back_up(sample.directory.path() / "none", sample.directory.path() / "x").error() ==
        errc::not_found);
  CHECK(restore(sample.directory.path() / "none", sample.directory.path() / "y").error() ==
        errc::not_found);
}

TEST_CASE("what is no backup is not restored", "[storage][backup]") {
  temp_directory temp;
  const auto backup = temp.path() / "copy";
  std::filesystem::create_directory(backup);
  std::ofstream(backup / "data.mdb") << "something else altogether";
  CHECK(restore(backup, temp.data()).error() == errc::corrupt);
  CHECK_FALSE(std::filesystem::exists(temp.data() / "data.mdb"));
}

}  // namespace velo::storage
