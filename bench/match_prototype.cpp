#include "bench/match_prototype.hpp"

#include <fmt/format.h>

#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace velo::bench {

namespace {

/// A program that exists until the process ends.
class program {
 public:
  explicit program(const std::string& folder)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("velo-prototype-{}", ::getpid())) {
    const auto source = std::filesystem::path(folder) / "bench.cpp";
    // The flags of the product, its warnings left out.
    const auto command = fmt::format("{} -O2 -g1 -std=c++20 -w '{}' -o '{}'", VELO_CXX_COMPILER,
                                     source.string(), path_.string());
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("cannot build " + source.string());
  }
  ~program() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  [[nodiscard]] std::string output(const std::string& arguments) const {
    const auto command = fmt::format("'{}' {}", path_.string(), arguments);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    if (!pipe) throw std::runtime_error("cannot run " + command);
    std::string all;
    char buffer[4'096];
    while (const auto n = std::fread(buffer, 1, sizeof buffer, pipe.get())) all.append(buffer, n);
    return all;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

std::optional<double> prototype_time(const std::string& folder, const std::string& workload,
                                     std::uint32_t subscribers) {
  if (workload == "rule-bound") return std::nullopt;
  static const program sketch(folder);
  const auto text = sketch.output(fmt::format("{} {} 64 1", workload, subscribers));
  constexpr std::string_view before = "index: median ";
  const auto at = text.find(before);
  if (at == std::string::npos)
    throw std::runtime_error("the prototype says no time for " + workload);
  return std::strtod(text.c_str() + at + before.size(), nullptr);
}

}  // namespace velo::bench
