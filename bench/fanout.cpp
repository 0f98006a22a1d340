// bench/fanout: starts the real server as another process, subscribes thousands
// of clients, publishes, and measures from outside; then lets the bare kernel do
// the same for comparison.
//
// A round goes through all workloads once, velo and limit next to each other, and
// starts everything afresh; rounds are repeated so that a disturbance of the
// machine hits both and shows as a range.

#include <fmt/chrono.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/fleet.hpp"
#include "bench/limit.hpp"
#include "bench/measure.hpp"
#include "bench/options.hpp"
#include "bench/peer.hpp"
#include "bench/plots.hpp"
#include "bench/report.hpp"
#include "bench/resources.hpp"
#include "bench/velo_server.hpp"

namespace velo::bench {
namespace {

// The series of workloads that share a fleet.
struct group {
  set_up_series set_up;
  std::vector<workload_series> workloads;
};

std::vector<group> group_by_fleet(const std::vector<workload>& workloads) {
  std::vector<group> groups;
  for (const auto& w : workloads) {
    auto at = std::ranges::find_if(groups, [&](const group& g) {
      return g.set_up.connections == w.connections && g.set_up.filter == w.filter;
    });
    if (at == groups.end()) {
      groups.push_back({.set_up = {w.connections, w.filter, {}}, .workloads = {}});
      at = groups.end() - 1;
    }
    if (w.in_flight != 0) at->workloads.push_back({.what = w});
  }
  return groups;
}

class session {
 public:
  explicit session(const fanout_options& options) : options_(options) {}

  void round(group& g, report& r) {
    run_velo(g, r);
    run_limit(g);
    for (const auto& name : options_.peers) run_peer(g, name, r);
  }

 private:
  [[nodiscard]] measure_options timing(pid_t server) const {
    return {.server = server, .warm_up = options_.window / 5, .window = options_.window};
  }

  // What was only needed for the handshakes may go back first.
  void settle() {
    for (const deadline end{300ms}; !end.passed();) poll_.turn(50ms);
  }

  void run_velo(group& g, report& r) {
    velo_server server(poll_, {.program = options_.server,
                               .data_parent = options_.data_parent,
                               .cores = options_.server_cores,
                               .threads = options_.threads,
                               .history = options_.history,
                               .mirror = options_.mirror});
    try {
      drive_velo(g, server);
    } catch (const bench_error& error) {
      // The server's own words are worth more than "connection closed".
      const bool alive = server.process().running();
      const auto tail = server.process().output_tail();
      fail("{}\n{}; the end of its output:\n{}", error.what(),
           alive ? "The server was still running" : "The server " + server.process().ending(),
           tail);
    }
    const auto end = server.stop();
    if (end != "ended with exit code 0") note(r, "after SIGTERM the server " + end);
  }

  void drive_velo(group& g, velo_server& server) {
    const auto pid = server.process().pid();
    const auto count = g.set_up.connections;
    const auto before = memory_of(pid);
    const auto start = now_ns();
    auto channels = server.subscribe(poll_, count, g.set_up.filter);
    const auto subscribe_s = static_cast<double>(now_ns() - start) / 1e9;

    fleet subscribers(poll_,
                      {.port = server.port(),
                       .hello = {protocol::pusher, velo_server::upgrade_target()},
                       .classes = classes_of(g.set_up.filter)},
                      std::move(channels));
    settle();
    const auto after = memory_of(pid);
    const std::chrono::duration<double> connect_s = subscribers.set_up_time();
    g.set_up.rounds.push_back({.subscribes_per_s = count / subscribe_s,
                               .connects_per_s = count / connect_s.count(),
                               .resident_bytes = (after.resident - before.resident) / count,
                               .anonymous_bytes = (after.anonymous - before.anonymous) / count});

    const auto publication = options_.durable_records ? velo_server::records(options_.payload_bytes)
                                                      : velo_server::ingest(options_.payload_bytes);
    for (auto& each : g.workloads) {
      http_publisher source(poll_, server.port(), publication, each.what.in_flight);
      auto how = timing(pid);
      how.sends = [&] { return server.sends(poll_); };
      each.velo.push_back(measure(poll_, subscribers, source, how));
      each.frame_bytes = subscribers.shared().frame_bytes;
    }
  }

  void run_limit(group& g) {
    if (g.workloads.empty()) return;
    const scratch_directory scratch(options_.data_parent);
    const auto classes = classes_of(g.set_up.filter);
    limit_process limit(scratch.path(), g.set_up.connections, classes, options_.server_cores);
    fleet subscribers(poll_, {.port = limit.port(), .classes = classes},
                      std::vector<std::string>(g.set_up.connections));
    const auto run = [&](const workload_series& each, limit_order how) {
      how.frame_bytes = static_cast<std::uint32_t>(each.frame_bytes);
      limit_publisher source(limit.process().input(), how, each.what.in_flight);
      return measure(poll_, subscribers, source, timing(limit.process().pid()));
    };
    try {
      for (auto& each : g.workloads) {
        each.limit.push_back(run(each, {}));
        if (limit.has_ring()) each.shared.push_back(run(each, {.sockets_max = shared_sockets_max}));
        // Events of different classes go to different sockets: nothing to gather.
        if (each.what.in_flight > 1 && classes == 1) {
          each.gathered.push_back(run(each, {.frames_max = gathered_frames_max}));
        }
      }
    } catch (const bench_error& error) {
      fail("limit program: {}\n{}", error.what(), limit.process().output_tail());
    }
  }

  // The same flow at another server, with a channel for each class in place of the filters.
  void run_peer(group& g, const std::string& name, report& r) {
    const auto classes = classes_of(g.set_up.filter);
    const auto count = g.set_up.connections;
    const auto server = start_peer({.name = name,
                                    .data_parent = options_.data_parent,
                                    .cores = options_.server_cores,
                                    .connections = count,
                                    .record_bytes = options_.payload_bytes});
    if (!r.peer_versions.contains(name)) r.peer_versions[name] = peer_version(name);
    try {
      const auto pid = server->process().pid();
      const auto before = memory_of(pid);
      std::vector<std::string> channels;
      for (std::uint32_t i = 0; i < count; ++i) channels.push_back(channel_of_class(i % classes));
      fleet subscribers(poll_,
                        {.port = server->port(), .hello = server->hello(), .classes = classes},
                        std::move(channels));
      settle();
      const auto after = memory_of(pid);
      const std::chrono::duration<double> connect_s = subscribers.set_up_time();
      g.set_up.peers[name].push_back(
          {.connects_per_s = count / connect_s.count(),
           .resident_bytes = (after.resident - before.resident) / count,
           .anonymous_bytes = (after.anonymous - before.anonymous) / count});
      for (auto& each : g.workloads) {
        const auto source = server->publish(poll_, each.what.in_flight);
        each.peers[name].push_back(measure(poll_, subscribers, *source, timing(pid)));
      }
    } catch (const bench_error& error) {
      fail("{}: {}\n{}", name, error.what(), server->process().output_tail());
    }
  }

  static void note(report& r, const std::string& text) {
    if (std::ranges::find(r.notes, text) == r.notes.end()) r.notes.push_back(text);
  }

  const fanout_options& options_;
  poller poll_;
};

std::string server_line(const std::string& program) {
  struct stat status {};
  ::stat(program.c_str(), &status);
  std::tm parts{};
  ::localtime_r(&status.st_mtime, &parts);
  return fmt::format("velo {} ({}, built {:%Y-%m-%d %H:%M})", VELO_VERSION, program, parts);
}

void run_fanout(const fanout_options& options) {
  report r{.machine = machine_line(), .server = server_line(options.server)};
  pin_to(options.client_cores);
  session s(options);
  auto groups = group_by_fleet(options.workloads);
  const auto start = now_ns();
  for (std::uint64_t longest = 0; r.rounds < options.repeats; ++r.rounds) {
    const auto begin = now_ns();
    const auto budget =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(options.budget).count());
    if (r.rounds > 0 && begin - start + longest > budget) {
      r.notes.push_back(fmt::format("{} of {} rounds fitted into {} s", r.rounds, options.repeats,
                                    options.budget.count()));
      break;
    }
    for (auto& g : groups) s.round(g, r);
    longest = std::max(longest, now_ns() - begin);
    fmt::print(stderr, "fanout: round {} took {:.1f} s\n", r.rounds + 1,
               static_cast<double>(now_ns() - begin) / 1e9);
  }
  for (auto& g : groups) {
    r.set_ups.push_back(std::move(g.set_up));
    for (auto& each : g.workloads) r.workloads.push_back(std::move(each));
  }
  print_table(r, options);
  if (!options.json_path.empty()) write_json(r, options);
  if (!options.plots_directory.empty()) write_plots(r, options.plots_directory);
}

int run(int argc, char** argv) {
  // The limit program is this program again, so that both are built alike.
  if (argc == 4 && std::string_view(argv[1]) == "limit-sender") {
    return run_limit_sender(static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10)),
                            static_cast<std::uint32_t>(std::strtoul(argv[3], nullptr, 10)));
  }
  catch_interrupts();
  run_fanout(parse_options(argc, argv));
  return 0;
}

}  // namespace
}  // namespace velo::bench

int main(int argc, char** argv) {
  try {
    return velo::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "fanout: {}\n", error.what());
    return 1;
  }
}
