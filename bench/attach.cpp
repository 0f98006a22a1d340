// bench/attach: a million live subscriptions of one collection on a thousand
// sockets. One record changes that one of them hears of; then the rule changes
// while records go on changing.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bench/clock.hpp"
#include "bench/crowd.hpp"
#include "bench/error.hpp"
#include "bench/histogram.hpp"
#include "bench/http.hpp"
#include "bench/resources.hpp"
#include "bench/velo_server.hpp"

namespace velo::bench {
namespace {

using nlohmann::json;

struct attach_options {
  std::uint32_t subscriptions = 100'000;
  std::uint32_t sockets = 1'000;
  std::uint32_t shards = 1;
  std::uint32_t events = 300;
  unsigned threads = 2;
  unsigned patience_s = 600;
  std::string server;
  std::string data_parent = "/dev/shm";
  std::string json_path;
};

struct figures {
  double subscribes_per_s = 0;
  double attaches_per_s = 0;
  double resident_each = 0, anonymous_each = 0;  ///< Bytes per live subscription.
  double stored_each = 0;    ///< Anonymous bytes per stored subscription before it is live.
  histogram crowded, alone;  ///< From the request to the event, in ns.
  double rule_change_s = 0;
  histogram quiet_writer, changing_writer;  ///< From the request to its answer, in ns.
  histogram changing_event;
};

double us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

class run {
 public:
  explicit run(const attach_options& o)
      : options_(o),
        server_(poll_, {.program = o.server,
                        .data_parent = o.data_parent,
                        .cores = {},
                        .threads = o.threads,
                        .history = "none",
                        .mirror = false}),
        token_(velo_server::ingest(0).token) {}

  figures all() {
    figures f;
    make_collection("crowd", options_.shards);
    make_collection("alone", 1);
    const auto pid = server_.process().pid();
    const auto before = memory_of(pid);
    auto start = now_ns();
    // The last one listens alone on a collection of its own: the same way without the crowd.
    auto channels = subscribe();
    f.subscribes_per_s = options_.subscriptions / seconds_since(start);
    const auto stored = memory_of(pid);
    f.stored_each = (stored.anonymous - before.anonymous) / options_.subscriptions;
    note("subscribed");

    crowd clients(poll_, server_.port(), std::string(velo_server::app_key), std::move(channels),
                  options_.sockets);
    const auto connected = memory_of(pid);
    const std::chrono::duration<double> took =
        clients.attach(poll_, std::chrono::seconds(options_.patience_s));
    f.attaches_per_s = options_.subscriptions / took.count();
    for (const deadline end{500ms}; !end.passed();) poll_.turn(50ms);
    const auto live = memory_of(pid);
    f.resident_each = (live.resident - connected.resident) / options_.subscriptions;
    f.anonymous_each = (live.anonymous - connected.anonymous) / options_.subscriptions;
    note("attached");

    // In turns, and each as often first, so that a disturbance of the machine hits both.
    const auto hear_alone = [&](std::uint32_t i) {
      hear_one(clients, "alone", 0, i < warm_up ? nullptr : &f.alone);
    };
    for (std::uint32_t i = 0; i < options_.events; ++i) {
      if (i % 2 == 0) hear_alone(i);
      hear_one(clients, "crowd", pick(i), i < warm_up ? nullptr : &f.crowded, &f.quiet_writer);
      if (i % 2 != 0) hear_alone(i);
    }
    note("measured changes");
    change_rule(clients, f);
    note("changed the rule");
    return f;
  }

 private:
  static constexpr std::uint32_t warm_up = 20;

  static double seconds_since(std::uint64_t start) {
    return static_cast<double>(now_ns() - start) / 1e9;
  }
  void note(const char* what) const {
    fmt::print(stderr, "attach: {} ({:.0f} s)\n", what, seconds_since(begun_));
  }
  [[nodiscard]] std::uint32_t pick(std::uint32_t i) const {
    return static_cast<std::uint32_t>(i * 2654435761ULL % options_.subscriptions);
  }

  void make_collection(const std::string& name, std::uint32_t shards) {
    const json c = {{"name", name},      {"type", "base"},  {"rules", {{"list", ""}}},
                    {"history", "none"}, {"mirror", false}, {"shards", shards}};
    http_call(poll_, server_.port(), http_request("POST", "/api/collections", token_, c.dump()),
              10s);
  }

  std::vector<std::string> subscribe() {
    const std::size_t count = options_.subscriptions + 1;
    std::vector<std::string> channels(count);
    http_run(poll_, server_.port(),
             {.count = count,
              .patience = std::chrono::seconds(options_.patience_s),
              .request =
                  [&](std::size_t i) {
                    const bool alone = i == options_.subscriptions;
                    const json body = {{"collection", alone ? "alone" : "crowd"},
                                       {"filter", fmt::format("owner = 'u{}'", alone ? 0 : i)}};
                    return http_request("POST", "/api/realtime/subscribe", {}, body.dump());
                  },
              .on_response =
                  [&](std::size_t i, const http_response& r) {
                    const auto body = json::parse(r.body, nullptr, false);
                    if (r.status != 200 || !body.contains("channel_name"))
                      fail("subscribe call {} was answered with {}: {}", i, r.status, r.body);
                    channels[i] = body["channel_name"].get<std::string>();
                  }});
    return channels;
  }

  [[nodiscard]] std::string change(const std::string& collection, std::uint32_t owner,
                                   std::uint64_t sequence) const {
    const json body = {{"collection", collection},
                       {"action", "updated"},
                       {"record",
                        {{"id", fmt::format("r{}", sequence)},
                         {"owner", fmt::format("u{}", owner)},
                         {"mark", fmt::format("mark-{}-", sequence)}}}};
    return http_request("POST", "/api/realtime/changes", token_, body.dump());
  }

  http_connection& publisher() {
    if (!publisher_)
      publisher_.emplace(poll_, server_.port(), [this](const http_response& r) {
        if (r.status / 100 != 2) fail("a change was answered with {}: {}", r.status, r.body);
        answered_ns_ = now_ns();
      });
    return *publisher_;
  }

  // One change, its answer, and the one event of it.
  void hear_one(crowd& clients, const std::string& collection, std::uint32_t owner,
                histogram* latency, histogram* writer = nullptr) {
    auto& state = clients.state();
    const auto expected = state.events + 1;
    const auto sequence = ++sequence_;
    const auto request = change(collection, owner, sequence);
    answered_ns_ = 0;
    const auto sent = now_ns();
    publisher().send(request);
    const deadline end{20s};
    while (state.events < expected || answered_ns_ == 0) {
      if (end.passed()) fail("change {} of {} was not heard within 20 s", sequence, collection);
      poll_.turn(100ms);
    }
    if (state.events != expected ||
        state.last_event.find(fmt::format("mark-{}-", sequence)) == std::string::npos)
      fail("change {} reached somebody else: {}", sequence, state.last_event);
    if (latency != nullptr) latency->record(state.last_event_ns - sent);
    if (writer != nullptr) writer->record(answered_ns_ - sent);
  }

  void change_rule(crowd& clients, figures& f) {
    bool done = false;
    http_connection admin(poll_, server_.port(), [&](const http_response& r) {
      if (r.status != 200) fail("the rule change was answered with {}: {}", r.status, r.body);
      done = true;
    });
    const auto start = now_ns();
    admin.send(http_request("PATCH", "/api/collections/crowd", token_,
                            R"({"rules":{"list":"owner != 'u0'"}})"));
    const deadline end{std::chrono::seconds(options_.patience_s)};
    for (std::uint32_t i = 0; !done; ++i) {
      if (end.passed()) fail("the rule change was not answered");
      // Never the one whom the new rule excludes.
      hear_one(clients, "crowd", 1 + pick(i) % (options_.subscriptions - 1), &f.changing_event,
               &f.changing_writer);
    }
    f.rule_change_s = seconds_since(start);
    // In force: the excluded one hears nothing, its neighbour does.
    const auto heard = clients.state().events;
    answered_ns_ = 0;
    publisher().send(change("crowd", 0, ++sequence_));
    hear_one(clients, "crowd", 1, nullptr);
    if (clients.state().events != heard + 1) fail("a change was heard that the new rule forbids");
  }

  const attach_options& options_;
  std::uint64_t begun_ = now_ns();
  poller poll_;
  velo_server server_;
  std::string token_;
  std::optional<http_connection> publisher_;
  std::uint64_t answered_ns_ = 0;
  std::uint64_t sequence_ = 0;
};

json to_json(const histogram& h) {
  return {{"count", h.total()},
          {"p50_us", us(h.percentile(0.5))},
          {"p99_us", us(h.percentile(0.99))},
          {"max_us", us(h.max())}};
}

void print(const attach_options& o, const figures& f) {
  const auto row = [](const char* what, const histogram& h) {
    fmt::print("{:<44} p50 {:>10.1f}  p99 {:>10.1f}  max {:>10.1f} us  ({} changes)\n", what,
               us(h.percentile(0.5)), us(h.percentile(0.99)), us(h.max()), h.total());
  };
  fmt::print("{}\n{} subscriptions on {} sockets, {} shard(s), {} server threads\n", machine_line(),
             o.subscriptions, o.sockets, o.shards, o.threads);
  fmt::print("subscribe calls/s {:.0f}, attaches/s {:.0f}\n", f.subscribes_per_s, f.attaches_per_s);
  fmt::print(
      "bytes per live subscription: RSS {:.0f}, of it heap {:.0f} (while only stored {:.0f})\n",
      f.resident_each, f.anonymous_each, f.stored_each);
  row("change to event, a collection with one", f.alone);
  row("change to event, among all of them", f.crowded);
  fmt::print("{:<44} p50 {:>10.1f} us\n", "added by matching among all of them",
             us(f.crowded.percentile(0.5)) - us(f.alone.percentile(0.5)));
  row("writer's wait for its answer", f.quiet_writer);
  fmt::print("rule change, from request to answer: {:.2f} s\n", f.rule_change_s);
  row("writer's wait during the rule change", f.changing_writer);
  row("change to event during the rule change", f.changing_event);
}

void write_json(const attach_options& o, const figures& f) {
  const json all = {{"machine", machine_line()},
                    {"subscriptions", o.subscriptions},
                    {"sockets", o.sockets},
                    {"shards", o.shards},
                    {"threads", o.threads},
                    {"subscribes_per_s", f.subscribes_per_s},
                    {"attaches_per_s", f.attaches_per_s},
                    {"resident_bytes_each", f.resident_each},
                    {"anonymous_bytes_each", f.anonymous_each},
                    {"stored_bytes_each", f.stored_each},
                    {"alone", to_json(f.alone)},
                    {"crowded", to_json(f.crowded)},
                    {"writer", to_json(f.quiet_writer)},
                    {"rule_change_s", f.rule_change_s},
                    {"writer_during_rule_change", to_json(f.changing_writer)},
                    {"event_during_rule_change", to_json(f.changing_event)}};
  auto* file = std::fopen(o.json_path.c_str(), "w");
  if (file == nullptr) fail("{} cannot be written", o.json_path);
  fmt::print(file, "{}\n", all.dump(2));
  std::fclose(file);
}

int run_attach(int argc, char** argv) {
  attach_options o;
  CLI::App app{"Attaches many subscriptions of one collection and measures a change among them."};
  app.add_option("--subscriptions", o.subscriptions, "live subscriptions")
      ->capture_default_str()
      ->check(CLI::Range(1'000U, 4'000'000U));
  app.add_option("--sockets", o.sockets, "sockets that share them (1,000 channels each at most)")
      ->capture_default_str()
      ->check(CLI::Range(1U, 10'000U));
  app.add_option("--shards", o.shards, "actors of the collection")->capture_default_str();
  app.add_option("--events", o.events, "changes to measure")->capture_default_str();
  app.add_option("--threads", o.threads, "of the server")->capture_default_str();
  app.add_option("--patience", o.patience_s, "seconds for each part")->capture_default_str();
  app.add_option("--server", o.server, "the server's program");
  app.add_option("--data", o.data_parent, "parent of the data directory")->capture_default_str();
  app.add_option("--json", o.json_path, "also write the figures to this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  if (o.server.empty())
    o.server = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "velo";
  const auto files = raise_open_files();
  if (o.sockets + 300 > files) fail("{} sockets do not fit into {} open files", o.sockets, files);
  // A socket may have so many channels; the last channel is the one of the other collection.
  if ((o.subscriptions + o.sockets) / o.sockets > 1'000) {
    o.sockets = o.subscriptions / 999 + 1;
    fmt::print(stderr, "attach: {} sockets, since each may have 1,000 channels\n", o.sockets);
  }
  catch_interrupts();
  run r(o);
  const auto f = r.all();
  print(o, f);
  if (!o.json_path.empty()) write_json(o, f);
  return 0;
}

}  // namespace
}  // namespace velo::bench

int main(int argc, char** argv) {
  try {
    return velo::bench::run_attach(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "attach: {}\n", error.what());
    return 1;
  }
}
