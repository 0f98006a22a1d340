#include "storage/environment.hpp"

#include "tests/storage/child_process.hpp"
#include "tests/storage/samples.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

// Which needs terabytes of address space itself.
#if defined(__SANITIZE_ADDRESS__)
#define VELO_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VELO_ADDRESS_SANITIZER
#endif
#endif

namespace velo::storage {

namespace {

constexpr environment_options quick = {.durable = false};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
}

/// An environment with one table.
struct sample_environment {
  explicit sample_environment(const std::filesystem::path& directory,
                              const environment_options& options = quick)
      : env(environment::open(directory, options).value()) {
    env->write([this](write_transaction& txn) -> result<void> {
         const auto created = txn.create_table("t");
         if (!created) return fail(created.error());
         t = *created;
         return {};
       })
        .value();
  }

  std::unique_ptr<environment> env;
  table t;
};

std::string numbered(int n) {
  return "key" + std::to_string(1'000'000 + n);
}

}  // namespace

TEST_CASE("a new directory and its files are for their owner only", "[storage][environment]") {
  temp_directory temp;
  const auto directory = temp.path() / "a" / "b";
  const auto env = environment::open(directory, quick).value();
  CHECK(mode_of(directory) == 0700);
  for (const auto* file : {"data.mdb", "lock.mdb", "velo.lock"})
    CHECK(mode_of(directory / file) == 0600);
  CHECK(env->map_bytes() >= std::size_t{1} << 30);
}

TEST_CASE("what cannot be a directory is refused", "[storage][environment]") {
  CHECK(environment::open("/dev/null", quick).error() == boost::system::errc::not_a_directory);
  CHECK(environment::open("/dev/null/x", quick).has_error());
}

TEST_CASE("a second server on one directory is refused", "[storage][environment]") {
  temp_directory temp;
  auto first = environment::open(temp.data(), quick).value();
  CHECK(environment::open(temp.data(), quick).error() == errc::locked_by_other_process);
  child_process other([&] {
    const auto second = environment::open(temp.data(), quick);
    return !second && second.error() == errc::locked_by_other_process ? 0 : 1;
  });
  CHECK(other.wait() == 0);
  CHECK(first->begin_read().has_value());
  first.reset();
  CHECK(environment::open(temp.data(), quick).has_value());
}

TEST_CASE("an aborted transaction leaves nothing", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data());
  s.env->begin_write().value().put(s.t, "a", "1").value();
  {
    auto txn = s.env->begin_write().value();
    txn.put(s.t, "b", "1").value();
    const auto moved = std::move(txn);
  }
  const auto failed = s.env->write([&](write_transaction& txn) -> result<void> {
    txn.put(s.t, "c", "1").value();
    return errc::io;
  });
  CHECK(failed.error() == errc::io);
  CHECK(s.env->begin_read().value().count(s.t).value() == 0);
}

TEST_CASE("a reader keeps its state while others write", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data());
  const auto before = s.env->begin_read().value();
  auto txn = s.env->begin_write().value();
  txn.put(s.t, "a", "1").value();
  CHECK(txn.get(s.t, "a").value() == "1");
  CHECK(!s.env->begin_read().value().get(s.t, "a").value());
  txn.commit().value();
  CHECK(!before.get(s.t, "a").value());
  CHECK(s.env->begin_read().value().get(s.t, "a").value() == "1");
}

TEST_CASE("a cursor goes both ways", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data());
  auto txn = s.env->begin_write().value();
  for (const auto* key : {"b", "d", "f"}) txn.put(s.t, key, key).value();
  auto at = txn.open_cursor(s.t).value();
  CHECK(at.seek("").value());
  CHECK(at.key() == "b");
  CHECK(at.seek("c").value());
  CHECK(at.key() == "d");
  CHECK(at.previous().value());
  CHECK(at.key() == "b");
  CHECK(!at.previous().value());
  CHECK(at.last().value());
  CHECK(at.value() == "f");
  CHECK(!at.next().value());
  CHECK(!at.seek("g").value());
}

TEST_CASE("a bad key is refused and dooms nothing", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data());
  auto txn = s.env->begin_write().value();
  CHECK(txn.put(s.t, "", "x").error() == errc::invalid_key);
  CHECK(txn.put(s.t, std::string(512, 'k'), "x").error() == errc::invalid_key);
  txn.put(s.t, std::string(511, 'k'), "").value();
  txn.commit().value();
  CHECK(s.env->begin_read().value().count(s.t).value() == 1);
}

TEST_CASE("too many readers are an error, and room again when they end", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data(), {.durable = false, .max_readers = 8});
  std::vector<read_transaction> readers;
  auto next = s.env->begin_read();
  for (; next && readers.size() < 10'000; next = s.env->begin_read())
    readers.push_back(std::move(*next));
  REQUIRE(next.has_error());
  CHECK(next.error() == errc::too_many_readers);
  CHECK(readers.size() >= 8);
  readers.clear();
  CHECK(s.env->begin_read().has_value());
}

TEST_CASE("readers on many threads see whole transactions", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data());
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::vector<std::thread> readers;
  readers.reserve(4);
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      while (!done) {
        const auto txn = s.env->begin_read().value();
        const auto a = txn.get(s.t, "a").value();
        const auto b = txn.get(s.t, "b").value();
        if (a != b) ++torn;
      }
    });
  for (int i = 0; i < 300; ++i) {
    auto txn = s.env->begin_write().value();
    for (const auto* key : {"a", "b"}) txn.put(s.t, key, std::to_string(i)).value();
    txn.commit().value();
  }
  done = true;
  for (auto& reader : readers) reader.join();
  CHECK(torn == 0);
}

TEST_CASE("a small map grows while records are written, and nothing is lost",
          "[storage][environment]") {
  temp_directory temp;
  const environment_options tiny = {.map_bytes = 64 << 10, .durable = false};
  {
    sample_environment s(temp.data(), tiny);
    CHECK(s.env->map_bytes() == 64 << 10);
    for (int i = 0; i < 2'000; ++i)
      s.env
          ->write([&](write_transaction& txn) {
            return txn.put(s.t, numbered(i), std::string(1'000, 'x'));
          })
          .value();
    CHECK(s.env->map_bytes() > 2'000'000);
    CHECK(s.env->used_bytes() <= s.env->map_bytes());
  }
  // And again from a file that is larger than the map asked for.
  sample_environment s(temp.data(), tiny);
  const auto txn = s.env->begin_read().value();
  CHECK(txn.count(s.t).value() == 2'000);
  for (int i = 0; i < 2'000; ++i) CHECK(txn.get(s.t, numbered(i)).value()->size() == 1'000);
}

TEST_CASE("a full map dooms the transaction; grown, it can be repeated", "[storage][environment]") {
  temp_directory temp;
  sample_environment s(temp.data(), {.map_bytes = 64 << 10, .durable = false});
  const std::string large(100'000, 'x');
  {
    auto txn = s.env->begin_write().value();
    txn.put(s.t, "a", "1").value();
    CHECK(txn.put(s.t, "b", large).error() == errc::map_full);
    CHECK(txn.put(s.t, "c", "1").error() == errc::map_full);
    CHECK(txn.commit().error() == errc::map_full);
  }
  CHECK(s.env->begin_read().value().count(s.t).value() == 0);
  s.env->grow().value();
  s.env->grow().value();
  auto txn = s.env->begin_write().value();
  txn.put(s.t, "b", large).value();
  txn.commit().value();
  CHECK(s.env->begin_read().value().get(s.t, "b").value() == large);
}

TEST_CASE("growing waits for readers, and readers go on", "[storage][environment]") {
  using namespace std::chrono_literals;
  temp_directory temp;
  sample_environment s(temp.data(), {.map_bytes = 64 << 10, .durable = false});
  s.env->write([&](write_transaction& txn) { return txn.put(s.t, "a", "1"); }).value();
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const auto outer = s.env->begin_read().value();
        std::this_thread::sleep_for(1ms);
        // A read inside a read must not wait for itself.
        const auto inner = s.env->begin_read().value();
        if (outer.get(s.t, "a").value() != "1" || inner.get(s.t, "a").value() != "1") ++wrong;
      }
    });
  for (int i = 0; i < 200; ++i)
    s.env
        ->write([&](write_transaction& txn) {
          return txn.put(s.t, numbered(i), std::string(5'000, 'x'));
        })
        .value();
  stop = true;
  for (auto& reader : readers) reader.join();
  CHECK(wrong == 0);
  CHECK(s.env->begin_read().value().count(s.t).value() == 201);
}

#if !defined(VELO_ADDRESS_SANITIZER)
TEST_CASE("without address space the map is small and grows", "[storage][environment]") {
  temp_directory temp;
  child_process limited([&] {
    const rlimit limit = {1U << 30, 1U << 30};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    sample_environment s(temp.data());
    const auto map_bytes = s.env->map_bytes();
    if (map_bytes >= 1U << 30) return 2;
    // More than the map; part by part, for what a transaction changes is in memory.
    const std::string value(1 << 20, 'x');
    const auto values = static_cast<int>(map_bytes / value.size()) + 16;
    for (int i = 0; i < values; ++i)
      if (!s.env->write([&](write_transaction& txn) { return txn.put(s.t, numbered(i), value); }))
        return 3;
    if (s.env->map_bytes() <= map_bytes) return 4;
    const auto txn = s.env->begin_read().value();
    for (int i = 0; i < values; ++i)
      if (txn.get(s.t, numbered(i)).value() != value) return 5;
    return 0;
  });
  CHECK(limited.wait() == 0);
}
#endif

TEST_CASE("on a full disk nothing is lost, readers go on, and writing resumes",
          "[storage][environment]") {
  temp_directory temp;
  child_process limited([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    sample_environment s(temp.data());
    rlimit limit = {1 << 20, RLIM_INFINITY};  // no file may grow beyond this
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
    const auto put = [&](int i) {
      return s.env->write([&](write_transaction& txn) {
        return txn.put(s.t, numbered(i), std::string(10'000, 'x'));
      });
    };
    int written = 0;
    auto done = put(written);
    while (done && written < 1'000) done = put(++written);
    if (done || done.error() != errc::disk_full) return 2;
    if (put(written).error() != errc::disk_full) return 3;  // and said again
    {
      const auto txn = s.env->begin_read().value();
      if (txn.count(s.t).value() != static_cast<std::uint64_t>(written)) return 4;
    }
    limit.rlim_cur = RLIM_INFINITY;
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 5;
    for (int i = written; i < written + 100; ++i)
      if (!put(i)) return 6;
    const auto txn = s.env->begin_read().value();
    for (int i = 0; i < written + 100; ++i)
      if (txn.get(s.t, numbered(i)).value()->size() != 10'000) return 7;
    return 0;
  });
  CHECK(limited.wait() == 0);
}

TEST_CASE("a directory that cannot be written is refused", "[storage][environment]") {
  namespace fs = std::filesystem;
  temp_directory temp;
  fs::permissions(temp.path(), fs::perms{0755});
  fs::create_directory(temp.data());
  fs::permissions(temp.data(), fs::perms{0555});
  child_process nobody([&] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) return 1;
    return environment::open(temp.data(), quick).error() == errc::read_only ? 0 : 2;
  });
  CHECK(nobody.wait() == 0);
}

}  // namespace velo::storage
