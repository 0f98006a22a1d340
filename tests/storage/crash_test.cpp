// The promise that matters: what was answered as committed is there after the
// process was killed at any moment.

#include "tests/storage/child_process.hpp"
#include "tests/storage/samples.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace velo::storage {

namespace {

/// Commits change after change with its record and reports each sequence once
/// it is committed, until killed.
int commit_and_report(const std::filesystem::path& directory, int pipe_end) {
  const auto db = database::open(directory).value();
  auto sequence = db->changes.last_sequence(db->begin_read().value(), "posts").value();
  for (;;) {
    const auto c = sample_change(++sequence);
    write(*db, [&](auto& txn) {
      db->changes.append(txn, c).value();
      db->records.put(txn, "posts", c.record_id, *c.record).value();
    });
    if (::write(pipe_end, &sequence, sizeof sequence) != sizeof sequence) return 1;
  }
}

}  // namespace

TEST_CASE("what was committed before a SIGKILL is there after it", "[storage][crash]") {
  temp_directory temp;
  random_source random(9);
  std::uint64_t reported = 0;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    {
      child_process writer([&] { return commit_and_report(temp.data(), ends[1]); });
      ::close(ends[1]);
      // Once it writes at all, at a random moment.
      REQUIRE(::read(ends[0], &reported, sizeof reported) == sizeof reported);
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
      writer.kill();
    }
    while (::read(ends[0], &reported, sizeof reported) == sizeof reported) {
    }
    ::close(ends[0]);

    const auto db = database::open(temp.data()).value();
    const auto txn = db->begin_read().value();
    const auto last = db->changes.last_sequence(txn, "posts").value();
    CHECK(last >= reported);
    CHECK(last <= reported + 1);  // committed, but not yet reported
    std::uint64_t next = 1;
    const auto visit = [&](change&& c) {
      CHECK(c.sequence == next++);
      CHECK(db->records.get(txn, "posts", c.record_id).value() == *c.record);
      return true;
    };
    db->changes.for_each(txn, "posts", 0, visit).value();
    CHECK(next == last + 1);
  }
}

}  // namespace velo::storage
