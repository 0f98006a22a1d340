#include "net/metrics.hpp"

#include "actors/stages.hpp"
#include "net/counters.hpp"
#include "net/driver_counters.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string_view>

namespace velo::net {

namespace {

using actors::stage;

struct total {
  std::string_view name;
  std::string_view help;
  counter socket_counters::*member;
};

constexpr std::array<total, 8> totals{{
    {"velo_connections_opened_total", "WebSockets opened.", &socket_counters::opened},
    {"velo_deliveries_total", "Events queued, one for each socket.", &socket_counters::deliveries},
    {"velo_sends_total", "System calls that send to WebSockets.", &socket_counters::sends},
    {"velo_sent_bytes_total", "Bytes that the kernel took for WebSockets.",
     &socket_counters::sent_bytes},
    {"velo_receives_total", "System calls that receive from WebSockets.",
     &socket_counters::receives},
    {"velo_received_bytes_total", "Bytes received from WebSockets.",
     &socket_counters::received_bytes},
    {"velo_sockets_shed_total",
     "Connections closed because too much waited to be sent in all of them together.",
     &socket_counters::shed},
    {"velo_connections_closed_total", "WebSockets whose connection has ended.",
     &socket_counters::closed},
}};

constexpr std::array<total, 2> tls_totals{{
    {"velo_tls_handshakes_total", "TLS handshakes done.", &socket_counters::tls_handshakes},
    {"velo_tls_failures_total", "TLS handshakes that failed, or took too long.",
     &socket_counters::tls_failures},
}};

// As enum limit has them.
constexpr std::array<std::string_view, limit_count> limit_names{
    "connections",
    "app_connections",
    "connections_per_ip",
    "http_connections",
    "connects_per_second",
    "subscriptions",
    "subscriptions_per_user",
    "requests_per_ip",
    "requests_per_token",
    "header_bytes",
    "body_bytes",
    "frame_bytes",
    "header_timeout",
    "body_timeout",
    "handshake_timeout",
    "send_timeout",
    "first_subscription",
    "outbox",
};

constexpr std::array<std::string_view, actors::stage_count> stage_names{"parse", "commit", "match",
                                                                        "hand_over", "write"};

class writer {
 public:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  template <class... Parts>
  void line(fmt::format_string<Parts...> format, Parts&&... parts) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Parts>(parts)...);
    text_ += '\n';
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_connections(writer& out, const metrics_sources& from) {
  out.head("velo_connections", "gauge", "Open WebSockets, by I/O thread.");
  for (std::size_t i = 0; i < from.loops.size(); ++i) {
    // The end first: what ends meanwhile has begun.
    const auto closed = from.loops[i]->closed.value();
    out.line("velo_connections{{loop=\"{}\"}} {}", i, from.loops[i]->opened.value() - closed);
  }
}

void write_closes(writer& out, const metrics_sources& from) {
  std::map<std::uint16_t, std::uint64_t> closes;
  for (const auto* loop : from.loops) {
    loop->closes.for_each([&](std::uint16_t code, std::uint64_t count) { closes[code] += count; });
  }
  out.head("velo_closes_total", "counter", "Close frames sent, by code; 0: without one.");
  for (const auto& [code, count] : closes) {
    out.line("velo_closes_total{{code=\"{}\"}} {}", code, count);
  }
}

void write_total(writer& out, const metrics_sources& from, const total& t) {
  std::uint64_t sum = 0;
  for (const auto* loop : from.loops) sum += (loop->*t.member).value();
  out.head(t.name, "counter", t.help);
  out.line("{} {}", t.name, sum);
}

void write_limits(writer& out, const metrics_sources& from) {
  out.head("velo_limits_met_total", "counter",
           "Clients that ran into a limit, and for connects_per_second those that waited.");
  for (std::size_t i = 0; i < limit_count; ++i) {
    std::uint64_t sum = 0;
    for (const auto* loop : from.loops) sum += loop->limits.value(static_cast<limit>(i));
    out.line("velo_limits_met_total{{limit=\"{}\"}} {}", limit_names[i], sum);
  }
}

void write_stage(writer& out, std::string_view name, const actors::duration_histogram& h) {
  constexpr std::string_view metric = "velo_change_stage_seconds";
  std::uint64_t count = 0;
  for (std::size_t i = 0; i + 1 < actors::duration_histogram::bucket_count; ++i) {
    count += h.bucket(i);
    const auto seconds = static_cast<double>(std::uint64_t{1} << i) / 1e6;
    out.line("{}_bucket{{stage=\"{}\",le=\"{}\"}} {}", metric, name, seconds, count);
  }
  count += h.bucket(actors::duration_histogram::bucket_count - 1);
  out.line("{}_bucket{{stage=\"{}\",le=\"+Inf\"}} {}", metric, name, count);
  out.line("{}_sum{{stage=\"{}\"}} {}", metric, name, static_cast<double>(h.sum().count()) / 1e9);
  out.line("{}_count{{stage=\"{}\"}} {}", metric, name, count);
}

struct driver_metric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::atomic<std::uint64_t> driver_counters::*member;
};

constexpr std::array<driver_metric, 11> driver_metrics{{
    {"velo_driver_events_total", "counter", "Matched events taken, one for each change.",
     &driver_counters::events},
    {"velo_driver_deliveries_total", "counter", "The same, one for each channel.",
     &driver_counters::deliveries},
    {"velo_driver_sent_total", "counter", "Deliveries that the outside server accepted.",
     &driver_counters::sent},
    {"velo_driver_calls_total", "counter", "Requests to it, repeated ones included.",
     &driver_counters::calls},
    {"velo_driver_retries_total", "counter", "Requests that were repeated.",
     &driver_counters::retries},
    {"velo_driver_overflow_total", "counter", "Deliveries dropped because the queue was full.",
     &driver_counters::overflowed},
    {"velo_driver_refused_total", "counter", "Deliveries that it refused.",
     &driver_counters::refused},
    {"velo_driver_given_up_total", "counter", "Deliveries that were tried for too long.",
     &driver_counters::given_up},
    {"velo_driver_truncated_total", "counter", "Events told by their id alone.",
     &driver_counters::truncated},
    {"velo_driver_queue", "gauge", "Deliveries that wait or are under way.",
     &driver_counters::waiting},
    {"velo_driver_queue_bytes", "gauge", "Their bytes.", &driver_counters::waiting_bytes},
}};

void write_drivers(writer& out, const metrics_sources& from) {
  if (from.drivers.empty()) return;
  for (const auto& m : driver_metrics) {
    out.head(m.name, m.type, m.help);
    for (const auto& [driver, counters] : from.drivers)
      out.line("{}{{driver=\"{}\"}} {}", m.name, driver, (counters->*m.member).load());
  }
}

}  // namespace

std::string render_metrics(const metrics_sources& from) {
  writer out;
  write_connections(out, from);
  for (const auto& t : totals) write_total(out, from, t);
  for (const auto& t : tls_totals) write_total(out, from, t);
  out.head("velo_queued_bytes", "gauge", "Bytes that wait to be sent to WebSockets.");
  std::uint64_t queued = 0;
  for (const auto* loop : from.loops) queued += loop->queued_bytes.value();
  out.line("velo_queued_bytes {}", queued);
  write_closes(out, from);
  write_drivers(out, from);
  write_limits(out, from);
  if (from.stages != nullptr) {
    out.head(
        "velo_change_stage_seconds", "histogram",
        "How long changes take: parse, commit, match, hand_over to the sockets' thread, write.");
    for (std::size_t i = 0; i < actors::stage_count; ++i) {
      write_stage(out, stage_names[i], from.stages->of(static_cast<stage>(i)));
    }
  }
  return out.take();
}

}  // namespace velo::net
