// A plot of lines over two logarithmic axes, as SVG.

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace velo::bench {

struct plot_line {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< Subscribers, microseconds.
};

[[nodiscard]] std::string plot(const std::vector<plot_line>& lines);

}  // namespace velo::bench
