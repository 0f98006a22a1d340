// How long one change takes to find its subscribers, and what that costs:
// ./dev bench match. See bench/README.md.

#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <numeric>
#include <optional>
#include <random>

#include "bench/clock.hpp"
#include "bench/match_baseline.hpp"
#include "bench/match_plot.hpp"
#include "bench/match_prototype.hpp"
#include "bench/match_workload.hpp"
#include "rules/predicate_index.hpp"

namespace velo::bench {

namespace {

using nlohmann::json;
using rules::subscriber_id;

constexpr const char* noon = "2026-01-31 12:00:00.000Z";

struct settings {
  std::vector<std::string> workloads{"feed",    "shared", "dash", "dasha",     "syn-z100",
                                     "syn-u10", "syn-u4", "mix",  "rule-bound"};
  std::vector<std::uint32_t> sizes{1'000, 10'000, 100'000, 1'000'000};
  std::uint64_t seed = 1;
  std::size_t events = 2'000;
  int rounds = 3;
  double seconds = 2;  ///< For each of the timed loops.
  std::string json_file, svg_file, prototype;
  bool no_sequential = false;
};

/// Microseconds.
struct figure {
  double median = 0;
  double p99 = 0;
  double p999 = 0;
  double max = 0;
};

figure figure_of(std::vector<std::uint64_t> nanoseconds) {
  if (nanoseconds.empty()) return {};
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double part) {
    const auto i = static_cast<std::size_t>(part * static_cast<double>(nanoseconds.size()));
    return static_cast<double>(nanoseconds[std::min(i, nanoseconds.size() - 1)]) / 1'000;
  };
  return {at(0.5), at(0.99), at(0.999), at(1)};
}

struct result {
  std::string workload;
  std::uint32_t subscribers = 0;
  figure match;      ///< Without reading the JSON; hashing is in it.
  figure with_json;  ///< From the parsed record on.
  double matches = 0;
  rules::index_effort effort;  ///< Of all records together, once.
  std::size_t records = 0;
  double inserts_per_second = 0;
  figure insert;
  figure remove;
  figure rebind;
  double bytes = 0;      ///< Per subscriber: growth of the heap.
  double own_bytes = 0;  ///< Per subscriber: what memory_bytes() says.
  std::optional<double> sequential;
  std::optional<double> prototype;
};

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

rules::index_effort since(const rules::index_effort& before, rules::index_effort after) {
  after.states -= before.states;
  after.nodes -= before.nodes;
  after.lookups -= before.lookups;
  after.blocks -= before.blocks;
  after.candidates -= before.candidates;
  after.codes -= before.codes;
  after.reviewed -= before.reviewed;
  after.moved -= before.moved;
  return after;
}

class measurement {
 public:
  measurement(const settings& how, const std::string& name, std::uint32_t subscribers)
      : how_(how), made_{} {
    made_.workload = name;
    made_.subscribers = subscribers;
  }

  result run() {
    subscribe();
    change();
    churn();
    if (!how_.no_sequential) compare();
    if (!how_.prototype.empty())
      made_.prototype = prototype_time(how_.prototype, made_.workload, made_.subscribers);
    return made_;
  }

 private:
  std::unique_ptr<match_workload> workload(std::uint64_t extra = 0) const {
    return make_match_workload(made_.workload, made_.subscribers, how_.seed + extra);
  }

  void subscribe() {
    constexpr std::size_t block = 500;
    const auto source = workload();
    malloc_trim(0);
    const auto before = heap_bytes();
    std::vector<rules::predicate> next;
    std::vector<std::uint64_t> times;
    next.reserve(block);
    times.reserve(made_.subscribers);
    std::uint64_t spent = 0;
    std::size_t counted = 0;
    for (std::uint32_t id = 0; id < made_.subscribers;) {
      next.clear();
      while (next.size() < block && id + next.size() < made_.subscribers) {
        next.push_back(source->subscriber(id + static_cast<std::uint32_t>(next.size())));
      }
      // Every other block is timed as a whole, the others one by one; by the thread's own time,
      // since the longest of a million insertions would else be another program's.
      const bool each = id / block % 2 != 0;
      auto from = thread_ns();
      const auto start = from;
      for (const auto& bound : next) {
        index_.put(id++, bound);
        if (!each) continue;
        const auto to = thread_ns();
        times.push_back(to - from);
        from = to;
      }
      if (!each) {
        spent += thread_ns() - start;
        counted += next.size();
      }
    }
    made_.inserts_per_second = static_cast<double>(counted) * 1e9 / static_cast<double>(spent);
    made_.insert = figure_of(std::move(times));
    next = std::vector<rules::predicate>();
    times = std::vector<std::uint64_t>();
    made_.bytes =
        (static_cast<double>(heap_bytes()) - static_cast<double>(before)) / made_.subscribers;
    made_.own_bytes = static_cast<double>(index_.memory_bytes()) / made_.subscribers;
  }

  void change() {
    const auto source = workload(1);
    for (std::size_t i = 0; i < how_.events; ++i) records_.push_back(source->record());
    const auto change_of = [](const json& record) {
      return rules::record_change{nullptr, &record, rules::action::updated, noon};
    };
    std::vector<rules::prepared_change> prepared(records_.size());
    for (std::size_t i = 0; i < records_.size(); ++i) {
      index_.prepare(change_of(records_[i]), prepared[i]);
    }
    const auto before = index_.effort();
    for (const auto& one : prepared) found_.push_back(index_.find(one).size());
    made_.effort = since(before, index_.effort());
    made_.records = records_.size();
    made_.matches =
        static_cast<double>(std::accumulate(found_.begin(), found_.end(), std::size_t{0})) /
        static_cast<double>(found_.size());
    const auto repeat = [&](auto&& once) {
      std::vector<std::uint64_t> times;
      const deadline stop(std::chrono::nanoseconds(static_cast<std::int64_t>(how_.seconds * 1e9)));
      for (int round = 0; round < how_.rounds && !stop.passed(); ++round) {
        for (std::size_t i = 0; i < records_.size() && !stop.passed(); ++i) {
          const auto from = now_ns();
          once(i);
          times.push_back(now_ns() - from);
        }
      }
      return figure_of(std::move(times));
    };
    std::size_t sum = 0;
    made_.match = repeat([&](std::size_t i) { sum += index_.find(prepared[i]).size(); });
    rules::prepared_change fresh;
    made_.with_json = repeat([&](std::size_t i) {
      index_.prepare(change_of(records_[i]), fresh);
      sum += index_.find(fresh).size();
    });
    if (sum == 1) std::puts("");  // Keeps the loops.
  }

  /// Some are bound to something else; then a tenth leaves, and comes again as it was.
  void churn() {
    const auto count = std::min<std::uint32_t>(made_.subscribers / 10, 100'000);
    std::vector<subscriber_id> chosen(made_.subscribers);
    std::iota(chosen.begin(), chosen.end(), 0U);
    std::mt19937_64 random(how_.seed);
    std::shuffle(chosen.begin(), chosen.end(), random);
    const auto other = workload(2);
    std::vector<rules::predicate> bound;
    for (std::uint32_t i = 0; i < std::min(count, 20'000U); ++i) {
      bound.push_back(other->subscriber(made_.subscribers + i));
    }
    std::vector<std::uint64_t> times;
    const auto timed = [&](std::uint32_t until, auto&& once) {
      times.clear();
      for (std::uint32_t i = 0; i < until; ++i) {
        const auto from = thread_ns();
        once(i);
        times.push_back(thread_ns() - from);
      }
      return figure_of(times);
    };
    made_.rebind = timed(static_cast<std::uint32_t>(bound.size()),
                         [&](std::uint32_t i) { index_.put(chosen[i], bound[i]); });
    made_.remove = timed(count, [&](std::uint32_t i) { index_.remove(chosen[i]); });
    std::vector<bool> gone(made_.subscribers);
    for (std::uint32_t i = 0; i < count; ++i) gone[chosen[i]] = true;
    const auto source = workload();
    for (subscriber_id id = 0; id < made_.subscribers; ++id) {
      const auto again = source->subscriber(id);
      if (gone[id]) index_.put(id, again);
    }
  }

  void compare() {
    match_baseline baseline;
    const auto source = workload();
    for (std::uint32_t id = 0; id < made_.subscribers; ++id) baseline.add(source->subscriber(id));
    std::vector<std::uint64_t> times;
    std::vector<std::uint32_t> found;
    rules::prepared_change fresh;
    const deadline stop(std::chrono::nanoseconds(static_cast<std::int64_t>(how_.seconds * 1e9)));
    for (std::size_t i = 0; i < records_.size() && (times.size() < 5 || !stop.passed()); ++i) {
      baseline.read(records_[i]);
      found.clear();
      const auto from = now_ns();
      baseline.match_read(found);
      times.push_back(now_ns() - from);
      index_.prepare({nullptr, &records_[i], rules::action::updated, noon}, fresh);
      const auto all = index_.find(fresh);
      std::vector<subscriber_id> sorted(all.begin(), all.end());
      std::sort(sorted.begin(), sorted.end());
      if (!std::equal(sorted.begin(), sorted.end(), found.begin(), found.end())) {
        throw std::runtime_error(
            fmt::format("{} with {} subscribers: the index finds {}, one by one {}", made_.workload,
                        made_.subscribers, sorted.size(), found.size()));
      }
    }
    made_.sequential = figure_of(std::move(times)).median;
  }

  const settings& how_;
  result made_;
  rules::predicate_index index_;
  std::vector<json> records_;
  std::vector<std::size_t> found_;
};

struct goal {
  const char* workload;
  double median, p99, bytes, inserts, ratio;
};
constexpr goal goals[] = {
    {"feed", 0.30, 1.5, 32, 5e6, 8'000},   {"shared", 0.35, 0, 13, 8e6, 6'500},
    {"dash", 6, 20, 64, 0.8e6, 2'000},     {"dasha", 0.4, 15, 64, 0.8e6, 30'000},
    {"syn-z100", 20, 60, 100, 0.7e6, 750}, {"syn-u10", 40, 90, 100, 0.7e6, 400},
    {"syn-u4", 220, 0, 90, 0.7e6, 85},     {"mix", 60, 0, 160, 0.5e6, 500}};

std::string optional_ratio(std::optional<double> of, double to) {
  return of ? fmt::format("{:.0f}", *of / to) : "-";
}

double per_record(std::uint64_t sum, const result& r) {
  return static_cast<double>(sum) / static_cast<double>(std::max<std::size_t>(1, r.records));
}

void print_header() {
  fmt::print(
      "{:<11}{:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} "
      "{:>7}\n",
      "workload", "subs", "us", "p99", "w. JSON", "matches", "tested", "x seq", "x proto",
      "ins M/s", "p99.9", "max us", "rm us", "rebind", "B/sub", "own");
}

void print(const result& r) {
  fmt::print(
      "{:<11}{:>9} {:>9.2f} {:>9.2f} {:>9.2f} {:>9.1f} {:>9.1f} {:>8} {:>9} {:>8.2f} {:>8.2f} "
      "{:>8.0f} {:>8.2f} {:>8.2f} {:>7.1f} {:>7.1f}\n",
      r.workload, r.subscribers, r.match.median, r.match.p99, r.with_json.median, r.matches,
      per_record(r.effort.candidates + r.effort.codes, r),
      optional_ratio(r.sequential, r.match.median),
      r.prototype ? fmt::format("{:.2f}", *r.prototype / r.match.median) : "-",
      r.inserts_per_second / 1e6, r.insert.p999, r.insert.max, r.remove.median, r.rebind.median,
      r.bytes, r.own_bytes);
  std::fflush(stdout);
}

void print_goals(const std::vector<result>& results) {
  bool any = false;
  for (const auto& r : results) {
    const auto* const g = std::find_if(std::begin(goals), std::end(goals),
                                       [&](const goal& one) { return r.workload == one.workload; });
    if (r.subscribers != 1'000'000 || g == std::end(goals)) continue;
    if (!any) {
      fmt::print("\nGoals at 1,000,000: reached / goal\n{:<11}{:>18}{:>18}{:>18}{:>18}{:>20}\n",
                 "workload", "us", "p99 us", "B/sub", "inserts M/s", "x sequential");
      any = true;
    }
    const auto cell = [](double reached, double wanted, bool less) {
      if (wanted == 0) return fmt::format("{:.2f}", reached);
      const bool met = less ? reached <= wanted : reached >= wanted;
      return fmt::format("{}{:.2f} / {:.2f}", met ? "" : "! ", reached, wanted);
    };
    fmt::print("{:<11}{:>18}{:>18}{:>18}{:>18}{:>20}\n", r.workload,
               cell(r.match.median, g->median, true), cell(r.match.p99, g->p99, true),
               cell(r.bytes, g->bytes, true),
               cell(r.inserts_per_second / 1e6, g->inserts / 1e6, false),
               r.sequential ? cell(*r.sequential / r.match.median, g->ratio, false) : "-");
  }
}

json to_json(const figure& f) {
  return {{"median_us", f.median}, {"p99_us", f.p99}, {"p99_9_us", f.p999}, {"max_us", f.max}};
}

json to_json(const result& r) {
  json made{{"workload", r.workload},
            {"subscribers", r.subscribers},
            {"match", to_json(r.match)},
            {"match_with_json", to_json(r.with_json)},
            {"matches", r.matches},
            {"nodes", per_record(r.effort.nodes, r)},
            {"lookups", per_record(r.effort.lookups, r)},
            {"blocks", per_record(r.effort.blocks, r)},
            {"candidates", per_record(r.effort.candidates, r)},
            {"codes", per_record(r.effort.codes, r)},
            {"inserts_per_second", r.inserts_per_second},
            {"insert", to_json(r.insert)},
            {"remove", to_json(r.remove)},
            {"rebind", to_json(r.rebind)},
            {"bytes_per_subscriber", r.bytes},
            {"own_bytes_per_subscriber", r.own_bytes}};
  if (r.sequential) made["sequential_median_us"] = *r.sequential;
  if (r.prototype) made["prototype_median_us"] = *r.prototype;
  return made;
}

/// Makes the folder as well; throws if that or writing fails.
void write_file(const std::string& name, const std::string& text) {
  const auto folder = std::filesystem::path(name).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder);
  std::ofstream file(name);
  file << text;
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}", name));
}

int run(const settings& how) {
  std::vector<result> results;
  print_header();
  for (const auto& name : how.workloads) {
    for (const auto size : how.sizes) {
      if (make_match_workload(name, size, how.seed) == nullptr) {
        fmt::print(stderr, "match: no workload '{}'\n", name);
        return 1;
      }
      results.push_back(measurement(how, name, size).run());
      print(results.back());
    }
  }
  print_goals(results);
  if (!how.json_file.empty()) {
    auto all = json::array();
    for (const auto& r : results) all.push_back(to_json(r));
    write_file(how.json_file, all.dump(2) + '\n');
  }
  if (!how.svg_file.empty()) {
    std::vector<plot_line> lines;
    for (const auto& r : results) {
      if (lines.empty() || lines.back().name != r.workload) lines.push_back({r.workload, {}});
      lines.back().points.emplace_back(r.subscribers, r.match.median);
    }
    if (!how.no_sequential) {
      plot_line sequential{"one by one", {}};
      for (const auto& r : results) {
        if (r.workload == how.workloads.front() && r.sequential) {
          sequential.points.emplace_back(r.subscribers, *r.sequential);
        }
      }
      lines.push_back(std::move(sequential));
    }
    write_file(how.svg_file, plot(lines));
  }
  return 0;
}

}  // namespace

}  // namespace velo::bench

int main(int argc, char** argv) {
  velo::bench::settings how;
  CLI::App app{"Time of one change against the number of subscribers"};
  app.add_option("--workloads", how.workloads, "which, separated by commas")->delimiter(',');
  app.add_option("--sizes", how.sizes, "numbers of subscribers")->delimiter(',');
  app.add_option("--seed", how.seed, "of all random numbers");
  app.add_option("--events", how.events, "different records");
  app.add_option("--rounds", how.rounds, "over all records, as far as the time goes");
  app.add_option("--seconds", how.seconds, "for each timed loop, at most");
  app.add_option("--json", how.json_file, "write the results to this file");
  app.add_option("--svg", how.svg_file, "write a plot to this file");
  app.add_option("--prototype", how.prototype, "a folder with bench.cpp of the matching prototype");
  app.add_flag("--no-sequential", how.no_sequential, "leave out the comparison, one by one");
  CLI11_PARSE(app, argc, argv);
  try {
    return velo::bench::run(how);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "match: %s\n", e.what());
    return 1;
  }
}
