// What one client may take of the server: connections at once and requests a
// second, counted by its address and by its token.
//
// Connections of one client live on several I/O threads, so these counts are
// among the few things that threads share: tables in shards, each behind a lock
// that is held for a look-up. Where a limit is off, nothing is looked up.

#pragma once

#include "net/network_list.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace velo::net {

/// By what clients are told apart: 16 bytes. An IPv6 client is its /64, which one
/// machine has for itself; an IPv4 client is its address.
using client_key = std::array<unsigned char, 16>;

[[nodiscard]] client_key key_of(const boost::asio::ip::address& address);
/// By a digest: tokens themselves are not kept.
[[nodiscard]] client_key key_of_token(std::string_view token);

struct client_key_hash {
  std::size_t operator()(const client_key& key) const noexcept;
};

/// Connections at once, by client. Any thread.
class connection_counts {
 public:
  /// 0: no limit.
  explicit connection_counts(std::size_t max = 0) : max_(max) {}

  /// One connection, for as long as it lives; outlived by the counts.
  class place {
   public:
    place(connection_counts& counts, const client_key& key, std::size_t number)
        : counts_(counts), key_(key), number_(number) {}
    ~place() { counts_.leave(key_); }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    /// It was one too many when it came.
    [[nodiscard]] bool beyond() const { return number_ > counts_.max_; }
    /// So many came that they are not even worth an answer.
    [[nodiscard]] bool far_beyond() const { return number_ > 2 * counts_.max_; }

   private:
    connection_counts& counts_;
    client_key key_;
    std::size_t number_;
  };

  /// Null where there is no limit.
  [[nodiscard]] std::unique_ptr<place> enter(const client_source& client);
  [[nodiscard]] std::unique_ptr<place> enter(const client_key& key);

 private:
  static constexpr std::size_t shard_count = 16;
  struct shard {
    std::mutex mutex;
    std::unordered_map<client_key, std::size_t, client_key_hash> open;
  };

  void leave(const client_key& key);
  [[nodiscard]] shard& shard_of(const client_key& key);

  const std::size_t max_;
  std::array<shard, shard_count> shards_;
};

/// A token bucket for each client, of so many that memory stays bounded: where more
/// come, those that have been quiet are forgotten first. Any thread.
class rate_limiter {
 public:
  using clock = std::chrono::steady_clock;

  /// `per_second` requests, as many at once after a quiet second; 0: no limit.
  explicit rate_limiter(std::size_t per_second = 0, std::size_t clients_max = 1U << 16U);

  [[nodiscard]] bool is_on() const { return interval_ != clock::duration::zero(); }
  /// Takes one request off the client's bucket: zero where it may pass, else how long it
  /// has to wait. Who is refused loses nothing by having asked.
  [[nodiscard]] clock::duration take(const client_key& client, clock::time_point now);

  /// Clients that are remembered.
  [[nodiscard]] std::size_t size();

 private:
  static constexpr std::size_t shard_count = 16;
  struct shard {
    std::mutex mutex;
    // When the bucket is full again: what is past says as much as no entry.
    std::unordered_map<client_key, clock::time_point, client_key_hash> full_at;
    clock::time_point swept;
  };

  void make_room(shard& in, clock::time_point now) const;

  clock::duration interval_;
  std::size_t clients_max_;
  std::array<shard, shard_count> shards_;
};

/// All of it, for one server. Outlives every connection.
struct client_limits {
  client_limits() = default;
  client_limits(std::size_t connections_per_ip, std::size_t requests_per_second,
                std::size_t http_connections_max = 0)
      : connections(connections_per_ip),
        http_connections(http_connections_max),
        requests_by_address(requests_per_second),
        requests_by_token(requests_per_second) {}

  network_list trusted_proxies;  ///< Whose X-Forwarded-For counts.
  network_list exempt;           ///< Clients without limits.
  connection_counts connections;
  connection_counts http_connections;  ///< Of all clients together, under the key {}.
  rate_limiter requests_by_address;
  rate_limiter requests_by_token;
  /// Whether a token is without limits, and its address with it; empty: none is.
  std::function<bool(std::string_view token)> is_exempt_token;
};

}  // namespace velo::net
