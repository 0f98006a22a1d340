// What commits that do not wait for the disk (sync = interval) may lose.

#include "storage/database.hpp"

#include "tests/storage/child_process.hpp"
#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

namespace velo::storage {

namespace {

std::string epoch_of(const database& db) {
  return db.changes.epoch(db.begin_read().value(), "posts").value();
}

std::string first_epoch(const std::filesystem::path& directory) {
  const auto db = database::open(directory, {.durable = false, .boot = "first"}).value();
  collection c;
  c.id = c.name = "posts";
  write(*db, [&](auto& txn) { db->put_collection(txn, c).value(); });
  return epoch_of(*db);
}

void end_uncleanly(const std::filesystem::path& directory, const database_options& options) {
  child_process killed([&] {
    const auto db = database::open(directory, options).value();
    write(*db, [&](auto& txn) { db->changes.append(txn, sample_change(1)).value(); });
    ::_exit(0);
    return 0;
  });
  CHECK(killed.wait() == 0);
}

}  // namespace

TEST_CASE("a clean end keeps the epochs, in whatever boot the next start is", "[storage][sync]") {
  temp_directory temp;
  const auto epoch = first_epoch(temp.data());
  const auto db = database::open(temp.data(), {.durable = false, .boot = "second"}).value();
  CHECK_FALSE(db->renewed_epochs());
  CHECK(epoch_of(*db) == epoch);
}

TEST_CASE("a killed process loses nothing that was committed", "[storage][sync]") {
  temp_directory temp;
  const auto epoch = first_epoch(temp.data());
  end_uncleanly(temp.data(), {.durable = false, .boot = "first"});
  const auto db = database::open(temp.data(), {.durable = false, .boot = "first"}).value();
  CHECK_FALSE(db->renewed_epochs());
  CHECK(epoch_of(*db) == epoch);
  CHECK(db->changes.last_sequence(db->begin_read().value(), "posts").value() == 1);
}

TEST_CASE("a machine that went down without a sync begins new epochs, once", "[storage][sync]") {
  temp_directory temp;
  const auto epoch = first_epoch(temp.data());
  end_uncleanly(temp.data(), {.durable = false, .boot = "first"});
  std::string renewed;
  {
    // Also where the next start waits for the disk again.
    const auto db = database::open(temp.data(), {.boot = "second"}).value();
    CHECK(db->renewed_epochs());
    renewed = epoch_of(*db);
    CHECK(renewed != epoch);
  }
  const auto db = database::open(temp.data(), {.boot = "third"}).value();
  CHECK_FALSE(db->renewed_epochs());
  CHECK(epoch_of(*db) == renewed);
}

TEST_CASE("commits that wait for the disk need no new epoch after a power loss",
          "[storage][sync]") {
  temp_directory temp;
  const auto epoch = first_epoch(temp.data());
  end_uncleanly(temp.data(), {.boot = "first"});
  const auto db = database::open(temp.data(), {.durable = false, .boot = "second"}).value();
  CHECK_FALSE(db->renewed_epochs());
  CHECK(epoch_of(*db) == epoch);
}

}  // namespace velo::storage
