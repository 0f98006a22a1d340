// What to measure, from the command line.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/velo_server.hpp"

namespace velo::bench {

/// One row of PERFORMANCE.md's table of workloads.
struct workload {
  std::string name;
  std::uint32_t connections = 0;
  std::uint32_t in_flight = 0;  ///< 0: idle, only the set-up is measured.
  filter_kind filter = filter_kind::own;

  bool operator==(const workload&) const = default;
};

struct fanout_options {
  std::vector<workload> workloads;
  std::size_t payload_bytes = 200;
  unsigned threads = 1;
  bool pin = true;
  bool durable_records = false;  ///< Publish by record writes instead of ingest.
  unsigned repeats = 5;
  std::chrono::milliseconds window{1000};
  std::chrono::seconds budget{100};
  std::string server;
  std::string data_parent;
  std::string history;
  bool mirror = false;
  std::string json_path;
  std::string plots_directory;  ///< Empty: none are drawn.
  std::vector<std::string> peers;

  // Found out, not asked for.
  std::size_t open_files = 0;
  std::vector<int> server_cores;
  std::vector<int> client_cores;
};

[[nodiscard]] const char* name_of(filter_kind kind);

/// Parses, prints help or a mistake, and exits in these two cases. Raises the
/// limit of open files and takes from the workloads what does not fit into it.
[[nodiscard]] fanout_options parse_options(int argc, char** argv);

}  // namespace velo::bench
