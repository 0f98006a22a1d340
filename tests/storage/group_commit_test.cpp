// Group commit pays because a commit waits for the disk once, however much is
// in it. The rates are printed, not judged: they are the disk's.

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <chrono>
#include <iostream>

namespace velo::storage {

TEST_CASE("durable changes per second, alone and in groups", "[storage][rate]") {
  sample_database sample({.durable = true});
  auto& db = *sample.db;
  std::uint64_t sequence = 0;
  for (const int group : {1, 16, 256}) {
    const auto began = std::chrono::steady_clock::now();
    const auto first = sequence;
    while (std::chrono::steady_clock::now() - began < std::chrono::milliseconds(200))
      write(db, [&](auto& txn) {
        for (int i = 0; i < group; ++i) {
          const auto c = sample_change(++sequence);
          db.changes.append(txn, c).value();
          db.records.put(txn, "posts", c.record_id, *c.record).value();
        }
      });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::cout << "durable changes/s in groups of " << group << ": "
              << static_cast<long>(static_cast<double>(sequence - first) / took.count()) << '\n';
  }
  CHECK(db.changes.last_sequence(db.begin_read().value(), "posts").value() == sequence);
}

}  // namespace velo::storage
