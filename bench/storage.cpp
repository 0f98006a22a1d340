// What durability costs: writes with group commit at the store actor, subscribes,
// replays, snapshots, and a start with a million subscriptions or changes.

#include "actors/engine.hpp"
#include "actors/random.hpp"
#include "actors/replayer.hpp"
#include "storage/database.hpp"

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace {

using namespace velo::actors;
using velo::storage::database;
using clock_type = std::chrono::steady_clock;
using nlohmann::json;

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// Removed when it goes out of scope.
struct scratch {
  explicit scratch(const std::string& parent)
      : path(std::filesystem::path(parent) / ("velo-bench-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
  }
  ~scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::unique_ptr<engine> start(caf::actor_system& system, const std::filesystem::path& data) {
  engine_options options;
  options.apps = {"app"};
  auto started = engine::start(system, data, options, nullptr);
  if (!started) throw std::runtime_error(started.error().message());
  return std::move(*started);
}

collection_ptr declare(engine& e) {
  const json everybody{{"list", ""}, {"view", ""}, {"create", ""}, {"update", ""}, {"delete", ""}};
  return e.declare({{"name", "posts"}, {"rules", everybody}}).value();
}

json record(std::uint64_t n) {
  return {{"id", "r" + std::to_string(n)}, {"n", n}, {"body", std::string(150, 'x')}};
}

/// Has `writers` actors ask one after another, each as soon as it is answered;
/// returns answers per second.
template <class Answer, class Handle, class Make>
double rate(caf::actor_system& system, const Handle& to, unsigned writers, double seconds,
            Make make) {
  std::atomic<std::uint64_t> answered = 0;
  std::atomic<bool> done = false;
  std::atomic<unsigned> running = writers;
  const auto begin = clock_type::now();
  for (unsigned i = 0; i < writers; ++i) {
    system.spawn([&, to, make](caf::event_based_actor* self) {
      // The answer that is waited for keeps it alive.
      auto next = std::make_shared<std::function<void()>>();
      *next = [&, self, to, make, weak = std::weak_ptr(next)] {
        if (done) {
          --running;
          self->quit();
          return;
        }
        self->request(to, caf::infinite, make())
            .then(
                [&, strong = weak.lock()](const Answer&) {
                  ++answered;
                  (*strong)();
                },
                [&](const caf::error&) { --running; });
      };
      (*next)();
    });
  }
  while (seconds_since(begin) < seconds) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  done = true;
  const auto count = answered.load();
  const auto elapsed = seconds_since(begin);
  while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return static_cast<double>(count) / elapsed;
}

void writes(const std::filesystem::path& data, double seconds) {
  caf::actor_system_config config;
  caf::actor_system system(config);
  const auto e = start(system, data);
  const auto posts = declare(*e);
  std::atomic<std::uint64_t> serial = 0;
  const identity superuser{identity_kind::superuser, {}, {}, nullptr};
  const auto write = [&] {
    write_operation o;
    o.kind = write_kind::create;
    o.collection_id = posts->id;
    const auto n = ++serial;
    o.record_id = "r" + std::to_string(n);
    o.fields = record(n);
    o.fields.erase("id");
    return write_request_ptr{std::make_shared<const write_request>(
        write_request{superuser, {std::move(o)}, false, std::nullopt})};
  };
  double one = 0;
  for (const unsigned writers : {1U, 16U, 256U}) {
    const auto per_second = rate<write_answer_ptr>(system, e->store(), writers, seconds, write);
    if (writers == 1) one = per_second;
    fmt::print("durable writes/s, {:3} writers at the store   {:10.0f}   {:6.1f}x\n", writers,
               per_second, per_second / one);
  }
  const auto subscribe = [&] {
    auto c = std::make_shared<velo::storage::connection>();
    c->uuid = random_uuid_v4();
    c->collection_id = posts->id;
    c->app_id = "app";
    c->filter = "n > 3";
    return connection_ptr{std::move(c)};
  };
  for (const unsigned clients : {1U, 256U})
    fmt::print("subscribes/s, {:3} at once                    {:10.0f}\n", clients,
               rate<subscribe_answer>(system, e->store(), clients, seconds, subscribe));
}

/// Commits `count` things, so many a transaction.
template <class Put>
void fill(database& db, std::uint64_t count, Put put) {
  constexpr std::uint64_t batch = 20'000;
  for (std::uint64_t done = 0; done < count; done += batch) {
    const auto written =
        db.env().write([&](velo::storage::write_transaction& txn) -> velo::storage::result<void> {
          for (auto n = done + 1; n <= std::min(done + batch, count); ++n)
            if (auto r = put(txn, n); !r) return r;
          return {};
        });
    if (!written) throw std::runtime_error(written.error().message());
  }
}

std::unique_ptr<database> open(const std::filesystem::path& data, bool durable) {
  auto opened = database::open(data, {.durable = durable});
  if (!opened) throw std::runtime_error(opened.error().message());
  return std::move(*opened);
}

velo::storage::collection posts_definition() {
  velo::storage::collection c;
  c.id = c.name = "posts";
  c.rules = {"", "", "", "", ""};
  return c;
}

void replays(const std::filesystem::path& data, std::uint64_t count) {
  const auto db = open(data, false);
  const auto definition = posts_definition();
  fill(*db, 1, [&](auto& txn, auto) { return db->put_collection(txn, definition); });
  fill(*db, count, [&](auto& txn, std::uint64_t n) -> velo::storage::result<void> {
    velo::storage::change c;
    c.sequence = n;
    c.collection_id = "posts";
    c.record_id = "r" + std::to_string(n);
    c.record = std::make_shared<const json>(record(n));
    c.committed_ms = 1'700'000'000'000;
    if (auto r = db->records.put(txn, "posts", c.record_id, *c.record); !r) return r;
    return db->changes.append(txn, c);
  });
  const engine_options options;
  for (const bool snapshot : {false, true}) {
    replay wanted;
    wanted.definition = std::make_shared<const velo::storage::collection>(definition);
    wanted.epoch = db->changes.epoch(db->begin_read().value(), "posts").value();
    wanted.bound = std::make_shared<const velo::rules::predicate>(
        velo::rules::bind(velo::rules::expression(true), {}));
    wanted.actions = 0b111;
    wanted.snapshot = snapshot;
    wanted.through = count;
    replay_reader reader(wanted, options);
    subscriber_view everything(nullptr);
    const auto begin = clock_type::now();
    std::size_t parts = 0;
    while (!reader.next(*db, everything).done) ++parts;
    fmt::print("{:<45} {:10.0f}   in {} parts\n",
               snapshot ? "snapshot records/s" : "replay events/s",
               static_cast<double>(count) / seconds_since(begin), parts);
  }
}

/// A data directory with so many subscriptions, or changes in one log.
void fill_directory(const std::filesystem::path& data, std::uint64_t count, bool subscriptions) {
  const auto db = open(data, false);
  const auto definition = posts_definition();
  fill(*db, 1, [&](auto& txn, auto) { return db->put_collection(txn, definition); });
  fill(*db, count, [&](auto& txn, std::uint64_t n) -> velo::storage::result<void> {
    if (subscriptions) {
      velo::storage::connection c;
      c.uuid = random_uuid_v4();
      c.collection_id = "posts";
      c.app_id = "app";
      // A user of its own each: a start counts those of all.
      c.auth_collection_id = "users";
      c.auth_record_id = std::to_string(n);
      c.filter = "n > " + std::to_string(n);
      c.last_seen_ms = c.created_ms = 1'700'000'000'000;
      c.number = n;
      return db->connections.put(txn, c);
    }
    velo::storage::change c;
    c.sequence = n;
    c.collection_id = "posts";
    c.record_id = "r" + std::to_string(n);
    c.record = std::make_shared<const json>(record(n));
    c.committed_ms = 1'700'000'000'000;
    return db->changes.append(txn, c);
  });
}

void restart(const std::filesystem::path& data, std::uint64_t count, bool subscriptions) {
  fill_directory(data, count, subscriptions);
  const auto before = resident_mib();
  const auto begin = clock_type::now();
  caf::actor_system_config config;
  caf::actor_system system(config);
  const auto e = start(system, data);
  fmt::print("start with {} stored {:<20}      {:7.3f} s   {:.0f} MiB more resident\n", count,
             subscriptions ? "subscriptions" : "changes", seconds_since(begin),
             resident_mib() - before);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Durable writes, subscribes, replays, snapshots, restarts.", "storage");
  std::string directory = ".";
  double seconds = 3;
  std::uint64_t count = 1'000'000;
  app.add_option("--directory", directory, "on the disk to be measured [.]");
  app.add_option("--seconds", seconds, "for each rate [3]");
  app.add_option("--count", count, "stored subscriptions, and changes, at a restart [1000000]");
  std::string filled;
  std::string with = "subscriptions";
  app.add_option("--fill", filled, "only make this data directory with so many, for bench/restart");
  app.add_option("--with", with, "subscriptions or changes [subscriptions]")
      ->check(CLI::IsMember({"subscriptions", "changes"}));
  CLI11_PARSE(app, argc, argv);
  try {
    if (!filled.empty()) {
      fill_directory(filled, count, with == "subscriptions");
      return 0;
    }
    const auto run = [&](const auto& measure) {
      const scratch place(directory);
      measure(place.path);
    };
    run([&](const auto& data) { writes(data, seconds); });
    run([&](const auto& data) { replays(data, std::min<std::uint64_t>(count, 200'000)); });
    run([&](const auto& data) { restart(data, count, true); });
    run([&](const auto& data) { restart(data, count, false); });
  } catch (const std::exception& failed) {
    fmt::print(stderr, "storage: {}\n", failed.what());
    return 1;
  }
  return 0;
}
