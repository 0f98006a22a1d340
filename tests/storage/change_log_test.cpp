#include "storage/change_log.hpp"

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <limits>
#include <vector>

namespace velo::storage {

namespace {

using sequences = std::vector<std::uint64_t>;
constexpr auto no_count_limit = std::numeric_limits<std::uint64_t>::max();

sequences held(const change_log& log, const transaction& txn, std::uint64_t after = 0,
               std::string_view collection_id = "posts") {
  sequences seen;
  log.for_each(txn, collection_id, after,
               [&](change&& c) {
                 CHECK(c.collection_id == collection_id);
                 seen.push_back(c.sequence);
                 return true;
               })
      .value();
  return seen;
}

void append(const change_log& log, write_transaction& txn, std::uint64_t first,
            std::uint64_t last) {
  for (auto sequence = first; sequence <= last; ++sequence)
    log.append(txn, sample_change(sequence)).value();
}

}  // namespace

TEST_CASE("changes come in order of sequences, of one collection", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 300);
  log.append(txn, sample_change(1, "post")).value();
  log.append(txn, sample_change(1, "postsx")).value();
  const auto all = held(log, txn);
  CHECK(all.size() == 300);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(held(log, txn, 298) == sequences{299, 300});
  CHECK(held(log, txn, 300).empty());
  CHECK(held(log, txn, no_count_limit).empty());
  CHECK(held(log, txn, 0, "post") == sequences{1});
  CHECK(log.last_sequence(txn, "posts").value() == 300);
  CHECK(log.last_sequence(txn, "none").value() == 0);
}

TEST_CASE("sequences reach to the largest", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  const sequences largest = {1, 255, 256, 1ULL << 32, (1ULL << 63) - 1, 1ULL << 63, no_count_limit};
  for (const auto sequence : largest) log.append(txn, sample_change(sequence)).value();
  CHECK(held(log, txn) == largest);
  CHECK(held(log, txn, 1ULL << 63) == sequences{no_count_limit});
  CHECK(log.last_sequence(txn, "posts").value() == no_count_limit);
}

TEST_CASE("a sequence is given out once", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  CHECK(log.append(txn, sample_change(0)).error() == errc::out_of_order);
  append(log, txn, 1, 2);
  CHECK(log.append(txn, sample_change(2)).error() == errc::out_of_order);
  CHECK(log.append(txn, sample_change(1)).error() == errc::out_of_order);
  CHECK(log.advance(txn, "posts", 2).error() == errc::out_of_order);
  CHECK(held(log, txn) == sequences{1, 2});
}

TEST_CASE("the last sequence survives trimming of every entry and a restart",
          "[storage][change_log]") {
  sample_database sample;
  write(*sample.db, [&](auto& txn) {
    append(sample.db->changes, txn, 1, 50);
    CHECK(sample.db->changes.erase_all(txn, "posts").value() == 50);
  });
  sample.reopen();
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  CHECK(held(log, txn).empty());
  CHECK(log.last_sequence(txn, "posts").value() == 50);
  CHECK(log.append(txn, sample_change(50)).error() == errc::out_of_order);
  append(log, txn, 51, 51);
  CHECK(held(log, txn) == sequences{51});
}

TEST_CASE("trimming by count keeps the newest", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 10);
  CHECK(log.trim(txn, "posts", {.count_max = 10}, 100).value() == 0);
  CHECK(log.trim(txn, "posts", {.count_max = 3}, 100).value() == 7);
  CHECK(held(log, txn) == sequences{8, 9, 10});
  CHECK(log.trim(txn, "none", {.count_max = 0}, 100).value() == 0);
}

TEST_CASE("trimming by age keeps the younger", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 10);  // committed at 1,000 ms a sequence
  CHECK(log.trim(txn, "posts", {.older_than_ms = 4'000}, 100).value() == 3);
  CHECK(held(log, txn).front() == 4);
}

TEST_CASE("trimming by bytes keeps what fits", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 10);
  const auto all = log.state(txn, "posts").value()->bytes;
  CHECK_FALSE(log.exceeds(txn, "posts", {.bytes_max = all}).value());
  CHECK(log.exceeds(txn, "posts", {.bytes_max = all - 1}).value());
  CHECK(log.trim(txn, "posts", {.bytes_max = all}, 100).value() == 0);
  CHECK(log.trim(txn, "posts", {.bytes_max = all * 11 / 20}, 100).value() == 5);
  CHECK(held(log, txn) == sequences{6, 7, 8, 9, 10});
  CHECK(log.state(txn, "posts").value()->bytes <= all * 11 / 20);
}

TEST_CASE("whether a log exceeds what it keeps is known without trimming",
          "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  CHECK_FALSE(log.exceeds(txn, "posts", {.count_max = 0}).value());
  append(log, txn, 1, 4);
  CHECK_FALSE(log.exceeds(txn, "posts", {}).value());
  CHECK_FALSE(log.exceeds(txn, "posts", {.count_max = 4, .older_than_ms = 1'000}).value());
  CHECK(log.exceeds(txn, "posts", {.count_max = 3}).value());
  CHECK(log.exceeds(txn, "posts", {.older_than_ms = 1'001}).value());
  CHECK(log.state(txn, "posts").value()->count == 4);
}

TEST_CASE("a call of trim erases no more than its limit", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 100);
  std::size_t calls = 0;
  for (std::uint64_t left = 100; left > 0; ++calls) {
    const auto erased = log.trim(txn, "posts", {.count_max = 0}, 7).value();
    CHECK(erased == std::min<std::uint64_t>(left, 7));
    left -= erased;
    CHECK(log.state(txn, "posts").value()->count == left);
    CHECK(log.last_sequence(txn, "posts").value() == 100);
  }
  CHECK(calls == 15);
  CHECK(log.trim(txn, "posts", {.count_max = 0}, 0).value() == 0);
}

TEST_CASE("the state knows what a log holds and what it has lost", "[storage][change_log]") {
  sample_database sample;
  auto& log = sample.db->changes;
  auto txn = sample.db->begin_write().value();
  append(log, txn, 1, 4);
  auto state = log.state(txn, "posts").value().value();
  CHECK(state.count == 4);
  CHECK(state.bytes > 200);
  CHECK(state.lost_through == 0);
  log.trim(txn, "posts", {.count_max = 1}, 100).value();
  state = log.state(txn, "posts").value().value();
  CHECK(state.count == 1);
  CHECK(state.lost_through == 3);
  log.advance(txn, "posts", 9).value();
  state = log.state(txn, "posts").value().value();
  CHECK(state.lost_through == 9);
  CHECK(state.last_sequence == 9);
  log.erase_all(txn, "posts").value();
  state = log.state(txn, "posts").value().value();
  CHECK(state.count == 0);
  CHECK(state.bytes == 0);
}

TEST_CASE("a log has an epoch from its creation to its end", "[storage][change_log]") {
  sample_database sample;
  auto& db = *sample.db;
  std::string first;
  write(db, [&](auto& txn) {
    CHECK(db.changes.epoch(txn, "posts").value().empty());
    db.changes.create(txn, "posts").value();
    first = db.changes.epoch(txn, "posts").value();
    CHECK(first.size() == 16);
    append(db.changes, txn, 1, 3);
    db.changes.create(txn, "posts").value();
    db.changes.erase_all(txn, "posts").value();
  });
  sample.reopen();
  auto txn = sample.db->begin_write().value();
  auto& log = sample.db->changes;
  CHECK(log.epoch(txn, "posts").value() == first);
  log.renew_epoch(txn, "posts").value();
  CHECK(log.epoch(txn, "posts").value() != first);
  CHECK(log.last_sequence(txn, "posts").value() == 3);
  log.drop(txn, "posts").value();
  append(log, txn, 1, 1);
  CHECK(log.epoch(txn, "posts").value() != first);
  CHECK(held(log, txn) == sequences{1});
}

}  // namespace velo::storage
