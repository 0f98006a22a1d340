// First answers of requests that carried an X-Idempotency-Key and left nothing
// on disk: events of the Pusher API. Kept in memory, bounded in count and age.

#pragma once

#include "net/http.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace velo::net {

/// Any thread: requests of one key may come on several loops.
class idempotency_cache {
 public:
  using clock = std::chrono::steady_clock;

  explicit idempotency_cache(std::size_t entries_max = 10'000,
                             std::chrono::seconds age_max = std::chrono::hours{1})
      : entries_max_(entries_max), age_max_(age_max) {}

  enum class verdict : std::uint8_t {
    first,     ///< Carry it out, then call finish().
    repeated,  ///< `answer` gets, or will get, what the first one got.
    conflict,  ///< The key was used with another body.
  };

  /// `scope` names key and whose it is; `answer` is kept where the first request
  /// with it is still under way.
  verdict begin(const std::string& scope, const std::string& body_hash, const respond& answer,
                clock::time_point now = clock::now());

  /// Remembers a success and tells it to those who repeated meanwhile; what failed
  /// is forgotten after they were told, so that it can be tried again.
  void finish(const std::string& scope, const response& answer);

 private:
  struct entry {
    std::string body_hash;
    clock::time_point created;
    bool done = false;
    response answer;
    std::vector<respond> waiting;
    std::list<std::string>::iterator age;
  };

  /// Forgets what is too old, and the oldest until fewer than `below` are left.
  void trim(clock::time_point now, std::size_t below);

  const std::size_t entries_max_;
  const std::chrono::seconds age_max_;
  std::mutex mutex_;
  std::unordered_map<std::string, entry> entries_;
  std::list<std::string> by_age_;  // the oldest first
};

}  // namespace velo::net
