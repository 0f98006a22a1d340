// Counts that one thread keeps and any other may read.

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace velo::net {

class counter {
 public:
  /// The owning thread only: neither a lock nor a locked instruction.
  void add(std::uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  /// Any thread.
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Counts by a code that comes from outside: beyond so many different ones they
/// are counted together, under 0.
class counters_by_code {
 public:
  void add(std::uint16_t code) {
    for (std::size_t i = 1; i < slots_.size(); ++i) {
      auto& s = slots_[i];
      const auto known = s.code.load(std::memory_order_relaxed);
      if (known == 0) s.code.store(code, std::memory_order_relaxed);
      if (known == 0 || known == code) return s.count.add();
    }
    slots_[0].count.add();
  }

  /// Calls each(code, count). Any thread.
  template <class Each>
  void for_each(Each&& each) const {
    for (const auto& s : slots_) {
      if (const auto count = s.count.value(); count > 0) {
        each(s.code.load(std::memory_order_relaxed), count);
      }
    }
  }

 private:
  struct slot {
    std::atomic<std::uint16_t> code{0};
    counter count;
  };
  std::array<slot, 32> slots_;
};

/// What a client can run into. The names of `/metrics` are in metrics.cpp.
enum class limit : std::uint8_t {
  connections,
  app_connections,
  connections_per_ip,
  http_connections,
  connects_per_second,
  subscriptions,
  subscriptions_per_user,
  requests_per_ip,
  requests_per_token,
  header_bytes,
  body_bytes,
  frame_bytes,
  header_timeout,
  body_timeout,
  handshake_timeout,
  send_timeout,
  first_subscription,
  outbox,
};
inline constexpr std::size_t limit_count = static_cast<std::size_t>(limit::outbox) + 1;

/// How often each of them was met.
class limit_counters {
 public:
  void add(limit met) { counts_[static_cast<std::size_t>(met)].add(); }
  /// Any thread.
  [[nodiscard]] std::uint64_t value(limit of) const {
    return counts_[static_cast<std::size_t>(of)].value();
  }

 private:
  std::array<counter, limit_count> counts_;
};

/// A level that one thread keeps and any other may read.
class gauge {
 public:
  /// The owning thread only.
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Of one loop's connections.
struct socket_counters {
  counter opened;
  counter closed;
  counter deliveries;  ///< Events queued, one for each socket.
  counter sends;       ///< System calls that send.
  counter sent_bytes;  ///< What it took.
  counter receives;    ///< System calls that receive.
  counter received_bytes;
  counters_by_code closes;  ///< Close frames sent, by their code.
  counter tls_handshakes;
  counter tls_failures;  ///< Handshakes that failed, or took too long.
  limit_counters limits;
  gauge queued_bytes;  ///< What waits to be sent, at the end of the loop's last turn.
  counter shed;        ///< Closed because too much waited in all outboxes together.
};

}  // namespace velo::net
