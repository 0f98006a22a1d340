// A `velo serve` process with one public collection, as its user would start it.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/http.hpp"
#include "bench/measure.hpp"
#include "bench/poller.hpp"
#include "bench/process.hpp"
#include "bench/publisher.hpp"

namespace velo::bench {

struct velo_options {
  std::string program;
  std::string data_parent;  ///< The data directory is made below it and removed.
  std::vector<int> cores;
  unsigned threads = 1;
  std::string history;  ///< Of the collection: durable, memory or none.
  bool mirror = false;
};

enum class filter_kind { none, own, one_percent };

/// Returns the filter of subscriber `index`. Each is different and takes part
/// in the match, also where all of them match.
[[nodiscard]] std::string filter_of(filter_kind kind, std::uint32_t index);

/// How many classes of subscribers a filter makes (see ledger.hpp).
[[nodiscard]] constexpr std::uint32_t classes_of(filter_kind kind) {
  return kind == filter_kind::one_percent ? 100 : 1;
}

class velo_server {
 public:
  static constexpr std::string_view app_key = "bench-key";
  [[nodiscard]] static std::string upgrade_target() {
    return "/app/" + std::string(app_key) + "?protocol=7&client=velo-bench&version=1";
  }

  /// Starts the server, waits until it is ready and creates the collection.
  velo_server(poller& poll, const velo_options& options);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] child_process& process() { return process_; }

  /// Makes `count` subscriptions and returns their channel names.
  [[nodiscard]] std::vector<std::string> subscribe(poller& poll, std::uint32_t count,
                                                   filter_kind kind) const;

  /// How changes are published: ingest, or a durable write of a new record.
  [[nodiscard]] static http_publication ingest(std::size_t record_bytes);
  [[nodiscard]] static http_publication records(std::size_t record_bytes);

  /// What its /metrics say.
  [[nodiscard]] send_count sends(poller& poll) const;

  /// Stops it and returns how it ended.
  std::string stop();

 private:
  scratch_directory scratch_;
  child_process process_;
  std::uint16_t port_;
};

}  // namespace velo::bench
