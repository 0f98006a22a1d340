#include "bench/match_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace velo::bench {

namespace {

constexpr double width = 760, height = 460;
constexpr double left = 70, right = 120, top = 40, bottom = 50;
constexpr const char* colours[] = {"#1f77b4", "#ff7f0e", "#2ca02c", "#9467bd", "#8c564b",
                                   "#e377c2", "#17becf", "#bcbd22", "#7f7f7f", "#d62728"};

std::string label(double value) {
  if (value >= 1'000'000) return fmt::format("{:g}M", value / 1'000'000);
  if (value >= 1'000) return fmt::format("{:g}k", value / 1'000);
  return fmt::format("{:g}", value);
}

}  // namespace

std::string plot(const std::vector<plot_line>& lines) {
  double x_min = 1e300, x_max = 0, y_min = 1e300, y_max = 0;
  for (const auto& line : lines) {
    for (const auto& [x, y] : line.points) {
      x_min = std::min(x_min, x);
      x_max = std::max(x_max, x);
      y_min = std::min(y_min, y);
      y_max = std::max(y_max, y);
    }
  }
  if (x_max == 0) return "";
  const double y_from = std::floor(std::log10(y_min)), y_to = std::ceil(std::log10(y_max));
  const double x_from = std::log10(x_min), x_to = std::max(std::log10(x_max), x_from + 1);
  const auto x_at = [&](double x) {
    return left + (std::log10(x) - x_from) / (x_to - x_from) * (width - left - right);
  };
  const auto y_at = [&](double y) {
    return height - bottom - (std::log10(y) - y_from) / (y_to - y_from) * (height - top - bottom);
  };
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"22\" font-size=\"15\">Time to find the subscribers of one "
      "change</text>\n",
      width, height, left);
  for (double e = y_from; e <= y_to; ++e) {
    const double y = y_at(std::pow(10, e));
    out += fmt::format(
        "<line x1=\"{}\" y1=\"{:.1f}\" x2=\"{}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{} µs</text>\n",
        left, y, width - right, y, left - 6, y + 4, label(std::pow(10, e)));
  }
  for (double e = std::ceil(x_from); e <= x_to; ++e) {
    const double x = x_at(std::pow(10, e));
    out += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#ddd\"/>\n"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4}</text>\n",
        x, top, height - bottom, height - bottom + 18, label(std::pow(10, e)));
  }
  out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">subscribers</text>\n",
                     (left + width - right) / 2, height - 12);
  // Names beside the last points, moved apart where they would overlap.
  std::vector<std::pair<double, std::size_t>> places;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto* colour = colours[i % std::size(colours)];
    std::string points;
    for (const auto& [x, y] : lines[i].points)
      points += fmt::format("{:.1f},{:.1f} ", x_at(x), y_at(y));
    out += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>\n",
                       points, colour);
    for (const auto& [x, y] : lines[i].points) {
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x_at(x),
                         y_at(y), colour);
    }
    if (!lines[i].points.empty()) places.emplace_back(y_at(lines[i].points.back().second), i);
  }
  std::sort(places.begin(), places.end());
  double last = 0;
  for (const auto& [y, i] : places) {
    last = std::max(y + 4, last + 14);
    out += fmt::format("<text x=\"{}\" y=\"{:.1f}\" fill=\"{}\">{}</text>\n", width - right + 8,
                       last, colours[i % std::size(colours)], lines[i].name);
  }
  return out + "</svg>\n";
}

}  // namespace velo::bench
