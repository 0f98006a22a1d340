#include "bench/plots.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>
#include <vector>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

using points = std::vector<std::pair<double, double>>;
using lines = std::map<std::string, points>;

constexpr double width = 720;
constexpr double height = 420;
constexpr double left = 90;
constexpr double right = 150;  // for the names
constexpr double top = 40;
constexpr double bottom = 50;
constexpr std::array colours{"#0b6e4f", "#b23a48", "#33658a", "#f26419", "#6b4e71", "#55606e"};

struct axis {
  double low = 0;
  double high = 1;
  bool logarithmic = false;

  [[nodiscard]] double part(double value) const {
    if (!logarithmic) return (value - low) / (high - low);
    return std::log(value / low) / std::log(high / low);
  }
  [[nodiscard]] std::vector<double> ticks() const {
    std::vector<double> all;
    if (logarithmic) {
      for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high;
           decade *= 10) {
        for (const double m : {1.0, 2.0, 5.0}) {
          if (decade * m >= low && decade * m <= high) all.push_back(decade * m);
        }
      }
      return all;
    }
    const auto rough = (high - low) / 5;
    const auto decade = std::pow(10, std::floor(std::log10(rough)));
    const auto step = rough > 5 * decade   ? 10 * decade
                      : rough > 2 * decade ? 5 * decade
                                           : 2 * decade;
    for (double at = low; at <= high; at += step) all.push_back(at);
    return all;
  }
};

double x_of(const axis& x, double value) {
  return left + (width - left - right) * x.part(value);
}
double y_of(const axis& y, double value) {
  return height - bottom - (height - top - bottom) * y.part(value);
}

std::string short_number(double value) {
  if (value >= 1e6) return fmt::format("{:g}M", value / 1e6);
  if (value >= 1e3) return fmt::format("{:g}k", value / 1e3);
  return fmt::format("{:.3g}", value);
}

std::string frame(const std::string& title, const std::string& x_name, const axis& x,
                  const std::string& y_name, const axis& y) {
  auto out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{}\" y=\"22\" font-size=\"15\">{}</text>\n",
      width, height, left, title);
  for (const auto at : x.ticks()) {
    out += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#e4e4e4\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        x_of(x, at), top, height - bottom, height - bottom + 16, short_number(at));
  }
  for (const auto at : y.ticks()) {
    out += fmt::format(
        "<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" stroke=\"#e4e4e4\"/>"
        "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5}</text>\n",
        y_of(y, at), left, width - right, left - 6, y_of(y, at) + 4, short_number(at));
  }
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                     (left + width - right) / 2, height - 12, x_name);
  out += fmt::format(
      "<text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">{}"
      "</text>\n",
      (top + height - bottom) / 2, y_name);
  return out;
}

void save(const std::string& path, const std::string& svg) {
  std::ofstream file(path);
  file << svg << "</svg>\n";
  if (!file.flush()) fail("cannot write {}", path);
}

std::string polyline(const points& of, const axis& x, const axis& y, const char* colour) {
  std::string text;
  for (const auto& [at, value] : of)
    text += fmt::format("{:.1f},{:.1f} ", x_of(x, at), y_of(y, value));
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                     text, colour);
}

// Values against numbers of connections, a line for each server.
void draw_lines(const std::string& path, const std::string& title, const std::string& y_name,
                const lines& all) {
  axis x{1e300, 0, true};
  axis y{0, 0, false};
  for (const auto& [name, line] : all) {
    for (const auto& [at, value] : line) {
      x.low = std::min(x.low, at);
      x.high = std::max(x.high, at);
      y.high = std::max(y.high, value * 1.05);
    }
  }
  if (x.high <= x.low || y.high <= 0) return;
  auto svg = frame(title, "connections", x, y_name, y);
  std::size_t index = 0;
  for (const auto& [name, line] : all) {
    const auto* colour = colours[index % colours.size()];
    svg += polyline(line, x, y, colour);
    for (const auto& [at, value] : line) {
      svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_of(x, at),
                         y_of(y, value), colour);
    }
    svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text>\n", width - right + 12,
                       top + 16 * static_cast<double>(++index), colour, name);
  }
  save(path, svg);
}

double median(const std::vector<measurement>& rounds, double measurement::*member) {
  std::vector<double> values;
  for (const auto& each : rounds) values.push_back(each.*member);
  std::ranges::sort(values);
  return values[values.size() / 2];
}

template <class Visit>
void for_each_server(const workload_series& series, Visit&& visit) {
  if (!series.velo.empty()) visit("velo", series.velo);
  if (!series.limit.empty()) visit("limit", series.limit);
  if (!series.shared.empty()) visit("limit, shared", series.shared);
  if (!series.gathered.empty()) visit("limit, gathered", series.gathered);
  for (const auto& [name, rounds] : series.peers) visit(name, rounds);
}

// The share of deliveries that took so long; of the last round.
void draw_histogram(const std::string& path, const workload_series& series) {
  lines all;
  axis x{1e300, 0, true};
  axis y{0, 0, false};
  for_each_server(series, [&](const std::string& name, const std::vector<measurement>& rounds) {
    const auto& latency = *rounds.back().latency;
    // The histogram's own buckets are too fine to see: sixteen for each power of two.
    std::map<int, std::uint64_t> coarse;
    latency.for_each([&](std::uint64_t ns, std::uint64_t count) {
      coarse[static_cast<int>(std::floor(16 * std::log2(static_cast<double>(ns) + 1)))] += count;
    });
    for (const auto& [bucket, count] : coarse) {
      const auto ms = std::exp2((bucket + 0.5) / 16) / 1e6;
      const auto share = 100 * static_cast<double>(count) / static_cast<double>(latency.total());
      all[name].emplace_back(ms, share);
      x.low = std::min(x.low, ms / 1.05);
      x.high = std::max(x.high, ms * 1.05);
      y.high = std::max(y.high, share * 1.05);
    }
  });
  if (x.high <= x.low || y.high <= 0) return;
  auto svg = frame(fmt::format("{}: {} connections, {} in flight", series.what.name,
                               series.what.connections, series.what.in_flight),
                   "latency, ms", x, "% of deliveries", y);
  std::size_t index = 0;
  for (const auto& [name, line] : all) {
    const auto* colour = colours[index % colours.size()];
    svg += polyline(line, x, y, colour);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"{}\">{}</text>\n", width - right + 12,
                       top + 16 * static_cast<double>(++index), colour, name);
  }
  save(path, svg);
}

}  // namespace

void write_plots(const report& r, const std::string& directory) {
  std::filesystem::create_directories(directory);
  lines rates;
  lines tails;
  for (const auto& series : r.workloads) {
    draw_histogram(fmt::format("{}/latency-{}-{}-{}.svg", directory, series.what.name,
                               series.what.connections, name_of(series.what.filter)),
                   series);
    if (series.what.in_flight != 1 || series.what.filter == filter_kind::one_percent) continue;
    for_each_server(series, [&](const std::string& name, const std::vector<measurement>& rounds) {
      const double at = series.what.connections;
      rates[name].emplace_back(at, median(rounds, &measurement::deliveries_per_s));
      tails[name].emplace_back(at, median(rounds, &measurement::p99_ms));
    });
  }
  for (auto* all : {&rates, &tails}) {
    for (auto& [name, line] : *all) std::ranges::sort(line);
  }
  draw_lines(directory + "/throughput.svg", "One change at a time", "deliveries/s", rates);
  draw_lines(directory + "/p99.svg", "One change at a time", "p99 latency, ms", tails);
}

}  // namespace velo::bench
