#include "bench/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "bench/error.hpp"
#include "bench/payload.hpp"
#include "bench/peer.hpp"
#include "bench/resources.hpp"

namespace velo::bench {
namespace {

// Descriptors that are no subscribers: publishers, logs, the database, epoll.
constexpr std::size_t spare_files = 300;
constexpr std::uint32_t stream_in_flight = 64;

struct raw_options {
  std::vector<std::string> workloads{"W1", "W2", "W3", "W4", "W5"};
  std::vector<std::uint32_t> connections;
  std::uint32_t in_flight = stream_in_flight;
  std::string filter = "own";
  std::string publish = "ingest";
  double seconds = 1;
  unsigned budget_seconds = 100;
};

// W1 and W2 differ in their number of connections only; with numbers of one's
// own the name follows the number.
std::string single_name(std::uint32_t connections) {
  return connections < 10000 ? "W1" : "W2";
}

filter_kind filter_named(const std::string& name) {
  if (name == "none") return filter_kind::none;
  return name == "own" ? filter_kind::own : filter_kind::one_percent;
}

void add_workload(const std::string& name, const raw_options& raw, std::vector<workload>& to) {
  const auto counts = [&](std::vector<std::uint32_t> usual) {
    return raw.connections.empty() ? usual : raw.connections;
  };
  const auto filter = filter_named(raw.filter);
  const auto add = [&](workload w) {
    if (std::ranges::find(to, w) == to.end()) to.push_back(std::move(w));
  };
  if (name == "W1" || name == "W2") {
    for (const auto n : counts({name == "W1" ? 1000U : 10000U})) {
      add({single_name(n), n, 1, filter});
    }
  } else if (name == "W3") {
    for (const auto n : counts({1000})) add({name, n, raw.in_flight, filter});
  } else if (name == "W4") {
    for (const auto n : counts({1000, 5000, 10000, 19000})) add({name, n, 0, filter});
  } else {
    for (const auto n : counts({10000})) add({name, n, 100, filter_kind::one_percent});
  }
}

void fit_into_open_files(fanout_options& options) {
  options.open_files = raise_open_files();
  const auto most = options.open_files > spare_files ? options.open_files - spare_files : 1;
  for (auto& w : options.workloads) {
    if (w.connections <= most) continue;
    fmt::print(stderr, "fanout: {} connections do not fit into {} open files; measuring {}\n",
               w.connections, options.open_files, most);
    w.connections = static_cast<std::uint32_t>(most);
  }
}

// The client keeps a core to itself, whatever the server gets.
void choose_cores(fanout_options& options) {
  const auto cores = allowed_cores();
  if (!options.pin || cores.size() < 2) return;
  const auto count = std::min<std::size_t>(options.threads, cores.size() - 1);
  options.server_cores.assign(cores.begin(), cores.begin() + static_cast<std::ptrdiff_t>(count));
  options.client_cores = {cores.back()};
}

void choose_defaults(fanout_options& options) {
  namespace fs = std::filesystem;
  if (options.server.empty()) {
    options.server = fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "velo";
  }
  if (::access(options.server.c_str(), X_OK) != 0) {
    fail("there is no server at {}: build it, or name it with --server", options.server);
  }
  if (options.history.empty()) options.history = options.durable_records ? "durable" : "none";
  if (options.data_parent.empty()) {
    // A fan-out benchmark must not measure a disk, a durable write must.
    const bool memory = !options.durable_records && ::access("/dev/shm", W_OK) == 0;
    options.data_parent = memory ? "/dev/shm" : fs::temp_directory_path().string();
  }
}

}  // namespace

const char* name_of(filter_kind kind) {
  switch (kind) {
    case filter_kind::none:
      return "none";
    case filter_kind::own:
      return "own";
    case filter_kind::one_percent:
      return "one-percent";
  }
  return "?";
}

fanout_options parse_options(int argc, char** argv) {
  fanout_options options;
  raw_options raw;
  CLI::App app{"Measures how fast `velo serve` takes a change to many WebSocket subscribers."};

  app.add_option("--workloads", raw.workloads, "W1,W2,W3,W4,W5 (PERFORMANCE.md)")
      ->delimiter(',')
      ->check(CLI::IsMember({"W1", "W2", "W3", "W4", "W5"}))
      ->capture_default_str();
  app.add_option("--connections", raw.connections, "Numbers to use in place of the workloads' own")
      ->delimiter(',')
      ->check(CLI::Range(1, 1000000));
  app.add_option("--payload", options.payload_bytes, "Bytes of a published record")
      ->check(CLI::Range(record_template::bytes_min(), std::size_t{60000}))
      ->capture_default_str();
  app.add_option("--in-flight", raw.in_flight, "Events in flight in W3, and HTTP connections")
      ->check(CLI::Range(1, 200))
      ->capture_default_str();
  app.add_option("--filter", raw.filter, "own: each its own and all match; none; one-percent")
      ->check(CLI::IsMember({"own", "none", "one-percent"}))
      ->capture_default_str();
  app.add_option("--publish", raw.publish, "ingest, or records: durable writes")
      ->check(CLI::IsMember({"ingest", "records"}))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "I/O threads of the server")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_flag("--pin,!--no-pin", options.pin, "Server and client on cores of their own (default)");
  app.add_option("--repeat", options.repeats, "Rounds, each with a fresh server")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seconds", raw.seconds, "Measured time of a workload in a round")
      ->check(CLI::Range(0.05, 60.0))
      ->capture_default_str();
  app.add_option("--budget", raw.budget_seconds, "No round starts that would end after so long")
      ->check(CLI::Range(1, 86400))
      ->capture_default_str();
  app.add_option("--server", options.server, "The velo program (default: beside this build)");
  app.add_option("--data", options.data_parent, "Where data directories are made and removed");
  app.add_option("--history", options.history, "Of the collection")
      ->check(CLI::IsMember({"durable", "memory", "none"}));
  app.add_flag("--mirror,!--no-mirror", options.mirror, "Mirror ingested changes (default: no)");
  app.add_option("--peer", options.peers, "Also measure other servers (bench/README.md)")
      ->delimiter(',')
      ->check(CLI::IsMember(peer_names()));
  app.add_option("--plots", options.plots_directory, "Also draw SVG plots into this directory");
  app.add_option("--json", options.json_path, "Also write all samples to this file");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& mistake) {
    std::exit(app.exit(mistake));
  }

  options.durable_records = raw.publish == "records";
  options.window = std::chrono::milliseconds(static_cast<long>(raw.seconds * 1000));
  options.budget = std::chrono::seconds(raw.budget_seconds);
  for (const auto& name : raw.workloads) add_workload(name, raw, options.workloads);
  choose_defaults(options);
  for (const auto& name : options.peers) {
    if (std::string how; !peer_installed(name, how)) {
      fail("the peer {} is not installed: {}", name, how);
    }
  }
  choose_cores(options);
  fit_into_open_files(options);
  return options;
}

}  // namespace velo::bench
