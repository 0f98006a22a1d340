// The idempotency, tombstone, revocation, shown and meta tables.

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

namespace velo::storage {

namespace {

std::string hash(unsigned n) {
  return std::string(31, '\xff') + static_cast<char>(n);
}

}  // namespace

TEST_CASE("a first answer is found by its key, whatever its bytes", "[storage][idempotency]") {
  sample_database sample;
  const idempotency_table::entry e{std::string("\0\xff", 2), std::string("\xc3\x28\0", 3), -5};
  write(*sample.db, [&](auto& txn) { sample.db->idempotency.put(txn, hash(1), e).value(); });
  sample.reopen();
  const auto txn = sample.db->begin_read().value();
  CHECK(sample.db->idempotency.get(txn, hash(1)).value() == e);
  CHECK(!sample.db->idempotency.get(txn, hash(2)).value());
  CHECK(sample.db->idempotency.get(txn, "short").error() == errc::invalid_key);
}

TEST_CASE("old answers are trimmed, the oldest first, within the limit", "[storage][idempotency]") {
  sample_database sample;
  auto& table = sample.db->idempotency;
  auto txn = sample.db->begin_write().value();
  for (unsigned n = 0; n < 10; ++n) table.put(txn, hash(n), {"h", "a", 10 - int(n)}).value();
  // Written again it is younger, and its old age is forgotten.
  table.put(txn, hash(9), {"h", "b", 100}).value();
  CHECK(table.trim(txn, 5, 2).value() == 2);
  CHECK(table.get(txn, hash(9)).value()->answer == "b");
  CHECK(!table.get(txn, hash(8)).value());
  CHECK(!table.get(txn, hash(7)).value());
  CHECK(table.get(txn, hash(6)).value());
  CHECK(table.trim(txn, 5, 100).value() == 1);
  CHECK(table.trim(txn, 5, 100).value() == 0);
  CHECK(table.trim(txn, 1'000, 100).value() == 7);
}

TEST_CASE("a revocation is kept until its end, the later one counts", "[storage][revocation]") {
  sample_database sample;
  write(*sample.db, [&](auto& txn) {
    auto& table = sample.db->revocations;
    table.put(txn, hash(1), {10, 100}).value();
    table.put(txn, hash(1), {5, 300}).value();
    table.put(txn, hash(2), {20, 200}).value();
  });
  sample.reopen();
  auto& table = sample.db->revocations;
  auto txn = sample.db->begin_write().value();
  CHECK(table.get(txn, hash(1)).value() == revocation_table::entry{10, 300});
  CHECK(!table.get(txn, hash(3)).value());
  CHECK(table.get(txn, "short").error() == errc::invalid_key);
  CHECK(table.prune(txn, 199, 10).value() == 0);
  CHECK(table.prune(txn, 300, 1).value() == 1);
  CHECK(!table.get(txn, hash(2)).value());
  CHECK(table.count(txn).value() == 1);
  CHECK(table.prune(txn, 300, 10).value() == 1);
  CHECK(table.count(txn).value() == 0);
}

TEST_CASE("how a record is shown is kept until it is erased, of each collection alone",
          "[storage][shown]") {
  sample_database sample;
  CHECK(!sample.db->shown.any(sample.db->begin_read().value()).value());
  write(*sample.db, [&](auto& txn) {
    auto& shown = sample.db->shown;
    shown.put(txn, "posts", "a", {false, {{"id", "a"}, {"n", 1}}}).value();
    shown.put(txn, "posts", "b", {true, {}}).value();
  });
  sample.reopen();
  auto& shown = sample.db->shown;
  {
    const auto txn = sample.db->begin_read().value();
    CHECK(shown.any(txn).value());
    CHECK(shown.any(txn, "posts").value());
    CHECK(!shown.any(txn, "post").value());
    CHECK(shown.get(txn, "posts", "a").value()->record.at("n") == 1);
    CHECK(!shown.get(txn, "posts", "a").value()->suppressed);
    CHECK(shown.get(txn, "posts", "b").value()->suppressed);
    CHECK(!shown.get(txn, "posts", "c").value());
  }
  write(*sample.db, [&](auto& txn) {
    CHECK(shown.erase(txn, "posts", "a").value());
    CHECK(!shown.erase(txn, "posts", "a").value());
    CHECK(shown.erase_all(txn, "posts").value() == 1);
    CHECK(!shown.any(txn).value());
  });
}

TEST_CASE("a tombstone is remembered until forgotten", "[storage][tombstone]") {
  sample_database sample;
  write(*sample.db, [&](auto& txn) { sample.db->tombstones.remember(txn, "users", "u1").value(); });
  sample.reopen();
  auto& table = sample.db->tombstones;
  auto txn = sample.db->begin_write().value();
  CHECK(table.contains(txn, "users", "u1").value());
  CHECK(!table.contains(txn, "users", "u2").value());
  CHECK(!table.contains(txn, "user", "su1").value());
  CHECK(!table.contains(txn, "users", std::string(1'000, 'u')).value());
  CHECK(table.remember(txn, "users", std::string(65, 'u')).error() == errc::invalid_key);
  CHECK(table.forget(txn, "users", "u1").value());
  CHECK(!table.forget(txn, "users", "u1").value());
  CHECK(!table.contains(txn, "users", "u1").value());
}

TEST_CASE("what webhooks have yet to tell is kept by app, in the order of its numbers",
          "[storage][webhooks]") {
  sample_database sample;
  auto& table = sample.db->webhooks;
  const webhook_entry first{2, "http://a 0", "", R"({"name":"member_added"})"};
  const webhook_entry second{300, "", "presence-x", R"({"name":"channel_vacated"})"};
  write(*sample.db, [&](auto& txn) {
    table.put(txn, "app", second).value();
    table.put(txn, "app", first).value();
    table.put(txn, "app2", first).value();
    CHECK(table.put(txn, std::string(65, 'a'), first).error() == errc::invalid_key);
  });
  sample.reopen();
  const auto all = [&] {
    std::vector<webhook_entry> entries;
    const auto txn = sample.db->begin_read().value();
    sample.db->webhooks
        .for_each(txn, "app",
                  [&](webhook_entry&& e) {
                    entries.push_back(std::move(e));
                    return true;
                  })
        .value();
    return entries;
  };
  CHECK(all() == std::vector<webhook_entry>{first, second});
  write(*sample.db, [&](auto& txn) {
    CHECK(sample.db->webhooks.erase(txn, "app", 2).value());
    CHECK(!sample.db->webhooks.erase(txn, "app", 2).value());
  });
  CHECK(all() == std::vector<webhook_entry>{second});
}

TEST_CASE("facts about the database are kept by name", "[storage][meta]") {
  sample_database sample;
  const auto node_id = sample.db->meta.node_id(sample.db->begin_read().value()).value();
  CHECK(node_id.size() == 16);
  write(*sample.db, [&](auto& txn) {
    sample.db->meta.put(txn, "boot", {{"id", "x"}}).value();
    CHECK(sample.db->meta.put(txn, "", 1).error() == errc::invalid_key);
  });
  sample.reopen();
  auto txn = sample.db->begin_write().value();
  CHECK(sample.db->meta.node_id(txn).value() == node_id);
  CHECK(sample.db->meta.get(txn, "boot").value().value()["id"] == "x");
  CHECK(sample.db->meta.erase(txn, "boot").value());
  CHECK(!sample.db->meta.get(txn, "boot").value());
}

}  // namespace velo::storage
