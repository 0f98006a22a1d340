#include "bench/report.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

// A client that is this busy measures itself.
constexpr double client_share_max = 0.8;
// With more than this of a core taken by others, only CPU per delivery means anything.
constexpr double others_share_max = 0.15;

struct summary {
  double median = 0;
  double min = 0;
  double max = 0;
};

summary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  const auto middle = values.size() / 2;
  const auto median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {.median = median, .min = values.front(), .max = values.back()};
}

template <class Round>
std::vector<double> column(const std::vector<Round>& rounds, double Round::*member) {
  std::vector<double> values;
  for (const auto& each : rounds) values.push_back(each.*member);
  return values;
}

// Ratios are taken round by round: what disturbs a round disturbs both sides of it.
std::vector<double> ratios(const std::vector<measurement>& of, const std::vector<measurement>& to,
                           double measurement::*member) {
  std::vector<double> values;
  for (std::size_t i = 0; i < std::min(of.size(), to.size()); ++i) {
    values.push_back(of[i].*member / to[i].*member);
  }
  return values;
}

std::string range(const summary& s, int digits) {
  return fmt::format("{:.{}f} ({:.{}f}-{:.{}f})", s.median, digits, s.min, digits, s.max, digits);
}

std::string cores_text(const std::vector<int>& cores) {
  return cores.empty() ? "any" : fmt::format("{}", fmt::join(cores, ","));
}

void print_head(const report& r, const fanout_options& options) {
  fmt::print("{}\n{}; {} thread(s), server core {}, client core {}; {} open files\n", r.machine,
             r.server, options.threads, cores_text(options.server_cores),
             cores_text(options.client_cores), options.open_files);
  fmt::print(
      "record {} bytes, published by {}, history {}, mirror {}, data below {}\n"
      "{} round(s), {:.2f} s a workload; median (range)\n\n",
      options.payload_bytes, options.durable_records ? "durable record writes" : "ingest",
      options.history, options.mirror ? "on" : "off", options.data_parent, r.rounds,
      static_cast<double>(options.window.count()) / 1000);
  for (const auto& [name, version] : r.peer_versions) fmt::print("{}: {}\n", name, version);
}

void print_peer_set_ups(const set_up_series& each) {
  for (const auto& [name, rounds] : each.peers) {
    const auto text = [&](double set_up::*member) {
      return range(summarise(column(rounds, member)), 0);
    };
    fmt::print("{:<6}{:>12}  {:<24}{:<24}{:<24}{}\n", "", name, "", text(&set_up::connects_per_s),
               text(&set_up::resident_bytes), text(&set_up::anonymous_bytes));
  }
}

void print_set_ups(const report& r) {
  fmt::print("{:<6}{:>12}  {:<24}{:<24}{:<24}{}\n", "W4", "filter", "subscribe calls/s",
             "connects/s", "RSS bytes/connection", "of it heap and stacks");
  for (const auto& each : r.set_ups) {
    const auto text = [&](double set_up::*member) {
      return range(summarise(column(each.rounds, member)), 0);
    };
    fmt::print("{:<6}{:>12}  {:<24}{:<24}{:<24}{}\n", each.connections, name_of(each.filter),
               text(&set_up::subscribes_per_s), text(&set_up::connects_per_s),
               text(&set_up::resident_bytes), text(&set_up::anonymous_bytes));
    print_peer_set_ups(each);
  }
}

void print_series(const std::string& label, const std::vector<measurement>& rounds) {
  if (rounds.empty()) return;
  const auto median = [&](double measurement::*member) {
    return summarise(column(rounds, member)).median;
  };
  const auto sends = median(&measurement::sends);
  fmt::print("{:<24}{:<30}{:>8.2f}{:>8.2f}{:>8.2f}{:>8.2f}  {:<20}{:>8}{:>7.0f} %{:>8.0f} %\n",
             label, range(summarise(column(rounds, &measurement::deliveries_per_s)), 0),
             median(&measurement::p50_ms), median(&measurement::p90_ms),
             median(&measurement::p99_ms), median(&measurement::p999_ms),
             range(summarise(column(rounds, &measurement::server_cpu_us)), 2),
             sends > 0 ? fmt::format("{:.3f}", sends) : "",
             100 * median(&measurement::client_share), 100 * median(&measurement::others_share));
}

void print_ratio(const std::string& label, const std::vector<measurement>& velo,
                 const std::vector<measurement>& limit) {
  if (limit.empty()) return;
  const auto median = [&](double measurement::*member) {
    return summarise(ratios(velo, limit, member)).median;
  };
  fmt::print("{:<24}{:<30}{:>7.2f}x{:>7.2f}x{:>7.2f}x{:>7.2f}x  {}x\n", label,
             range(summarise(ratios(velo, limit, &measurement::deliveries_per_s)), 2) + "x",
             median(&measurement::p50_ms), median(&measurement::p90_ms),
             median(&measurement::p99_ms), median(&measurement::p999_ms),
             range(summarise(ratios(velo, limit, &measurement::server_cpu_us)), 2));
}

void print_workloads(const report& r) {
  fmt::print("\n{:<24}{:<30}{:>8}{:>8}{:>8}{:>8}  {:<20}{}\n", "", "deliveries/s", "p50 ms", "p90",
             "p99", "p99.9", "CPU us/delivery", "   sends    client    others");
  for (const auto& each : r.workloads) {
    fmt::print("{}: {} connections, {} in flight, filter {}, frame {} bytes\n", each.what.name,
               each.what.connections, each.what.in_flight, name_of(each.what.filter),
               each.frame_bytes);
    print_series("  velo", each.velo);
    print_series("  limit", each.limit);
    print_series("  limit, shared", each.shared);
    print_series("  limit, gathered", each.gathered);
    print_ratio("  velo : limit", each.velo, each.limit);
    print_ratio("  velo : shared", each.velo, each.shared);
    print_ratio("  velo : gathered", each.velo, each.gathered);
    for (const auto& [name, rounds] : each.peers) {
      print_series("  " + name, rounds);
      print_ratio("  velo : " + name, each.velo, rounds);
    }
  }
}

void print_warnings(const report& r) {
  for (const auto& each : r.workloads) {
    const auto share = summarise(column(each.velo, &measurement::client_share)).median;
    if (share > client_share_max) {
      fmt::print(
          "warning: {} with {} connections: the client used {:.0f} % of its core, so it may be the "
          "bottleneck; trust the CPU per delivery more than the rate\n",
          each.what.name, each.what.connections, 100 * share);
    }
  }
  double others = 0;
  for (const auto& each : r.workloads) {
    for (const auto* rounds : {&each.velo, &each.limit, &each.shared, &each.gathered}) {
      others = std::max(others, summarise(column(*rounds, &measurement::others_share)).median);
    }
  }
  if (others > others_share_max) {
    fmt::print(
        "warning: other processes used up to {:.0f} % of a core meanwhile: rates and latencies are "
        "too bad, and CPU per delivery somewhat; repeat on a quiet machine\n",
        100 * others);
  }
  for (const auto& note : r.notes) fmt::print("note: {}\n", note);
}

using json = nlohmann::ordered_json;

json to_json(const std::vector<double>& values) {
  const auto s = summarise(values);
  return {{"median", s.median}, {"min", s.min}, {"max", s.max}, {"samples", values}};
}

json to_json(const std::vector<measurement>& rounds) {
  constexpr std::array columns{
      std::pair{"deliveries_per_s", &measurement::deliveries_per_s},
      std::pair{"p50_ms", &measurement::p50_ms},
      std::pair{"p90_ms", &measurement::p90_ms},
      std::pair{"p99_ms", &measurement::p99_ms},
      std::pair{"p999_ms", &measurement::p999_ms},
      std::pair{"max_ms", &measurement::max_ms},
      std::pair{"server_cpu_us_per_delivery", &measurement::server_cpu_us},
      std::pair{"client_cpu_share", &measurement::client_share},
      std::pair{"others_cpu_share", &measurement::others_share},
      std::pair{"sends_per_delivery", &measurement::sends},
  };
  json object = json::object();
  for (const auto& [name, member] : columns) object[name] = to_json(column(rounds, member));
  return object;
}

json ratio_json(const std::vector<measurement>& velo, const std::vector<measurement>& limit) {
  return {
      {"deliveries_per_s", to_json(ratios(velo, limit, &measurement::deliveries_per_s))},
      {"p99_ms", to_json(ratios(velo, limit, &measurement::p99_ms))},
      {"server_cpu_us_per_delivery", to_json(ratios(velo, limit, &measurement::server_cpu_us))}};
}

json to_json(const workload_series& series) {
  json object = {{"name", series.what.name},
                 {"connections", series.what.connections},
                 {"in_flight", series.what.in_flight},
                 {"filter", name_of(series.what.filter)},
                 {"frame_bytes", series.frame_bytes},
                 {"velo", to_json(series.velo)},
                 {"limit", to_json(series.limit)},
                 {"ratio_to_limit", ratio_json(series.velo, series.limit)}};
  if (!series.shared.empty()) {
    object["shared"] = to_json(series.shared);
    object["ratio_to_shared"] = ratio_json(series.velo, series.shared);
  }
  if (!series.gathered.empty()) {
    object["gathered"] = to_json(series.gathered);
    object["ratio_to_gathered"] = ratio_json(series.velo, series.gathered);
  }
  for (const auto& [name, rounds] : series.peers) {
    object["peers"][name] = to_json(rounds);
    object["peers"][name]["velo_to_it"] = ratio_json(series.velo, rounds);
  }
  return object;
}

json to_json(const set_up_series& series) {
  const auto values = [&](double set_up::*member) {
    return to_json(column(series.rounds, member));
  };
  return {{"connections", series.connections},
          {"filter", name_of(series.filter)},
          {"subscribes_per_s", values(&set_up::subscribes_per_s)},
          {"connects_per_s", values(&set_up::connects_per_s)},
          {"resident_bytes_per_connection", values(&set_up::resident_bytes)},
          {"anonymous_bytes_per_connection", values(&set_up::anonymous_bytes)}};
}

}  // namespace

void print_table(const report& r, const fanout_options& options) {
  print_head(r, options);
  print_set_ups(r);
  if (!r.workloads.empty()) print_workloads(r);
  print_warnings(r);
}

void write_json(const report& r, const fanout_options& options) {
  json object = {{"machine", r.machine},
                 {"server", r.server},
                 {"rounds", r.rounds},
                 {"record_bytes", options.payload_bytes},
                 {"publish", options.durable_records ? "records" : "ingest"},
                 {"history", options.history},
                 {"mirror", options.mirror},
                 {"server_threads", options.threads},
                 {"server_cores", options.server_cores},
                 {"client_cores", options.client_cores},
                 {"open_files", options.open_files},
                 {"window_ms", options.window.count()},
                 {"set_ups", json::array()},
                 {"workloads", json::array()},
                 {"peers", r.peer_versions},
                 {"notes", r.notes}};
  for (const auto& each : r.set_ups) object["set_ups"].push_back(to_json(each));
  for (const auto& each : r.workloads) object["workloads"].push_back(to_json(each));
  std::ofstream file(options.json_path);
  file << object.dump(2) << '\n';
  if (!file.flush()) fail("cannot write {}", options.json_path);
}

}  // namespace velo::bench
