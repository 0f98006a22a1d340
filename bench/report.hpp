// What came out: as a table for people, as JSON for programs.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/measure.hpp"
#include "bench/options.hpp"

namespace velo::bench {

/// How a fleet came up, once for each round.
struct set_up {
  double subscribes_per_s = 0;  ///< POST /api/realtime/subscribe, each a stored connection record.
  double connects_per_s = 0;    ///< Connect to subscription_succeeded.
  double resident_bytes = 0;    ///< RSS for each connection.
  double anonymous_bytes = 0;   ///< Of these, without mapped files.
};

/// All rounds of one number of connections with one filter.
struct set_up_series {
  std::uint32_t connections = 0;
  filter_kind filter = filter_kind::own;
  std::vector<set_up> rounds{};
  std::map<std::string, std::vector<set_up>> peers{};
};

/// All rounds of one workload. The vectors have one element for each round.
struct workload_series {
  workload what;
  std::size_t frame_bytes = 0;
  std::vector<measurement> velo{};
  std::vector<measurement> limit{};     ///< One send a frame.
  std::vector<measurement> shared{};    ///< To 64 sockets a system call.
  std::vector<measurement> gathered{};  ///< Up to 16 frames a send; empty when one is in flight.
  std::map<std::string, std::vector<measurement>> peers{};
};

struct report {
  std::string machine;
  std::string server;
  unsigned rounds = 0;
  std::vector<set_up_series> set_ups{};
  std::vector<workload_series> workloads{};
  std::vector<std::string> notes{};
  std::map<std::string, std::string> peer_versions{};
};

void print_table(const report& r, const fanout_options& options);
void write_json(const report& r, const fanout_options& options);

}  // namespace velo::bench
