#include "bench/measure.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/resources.hpp"

namespace velo::bench {
namespace {

double ms(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e6;
}

// Counters at one moment; a measurement is the difference of two.
struct reading {
  std::uint64_t at_ns;
  std::uint64_t deliveries;
  std::uint64_t events;
  std::chrono::nanoseconds server_cpu;
  std::chrono::nanoseconds client_cpu;
  std::chrono::nanoseconds machine_cpu;
};

class run {
 public:
  run(poller& poll, fleet& subscribers, publisher& source, const measure_options& options)
      : poll_(poll), shared_(subscribers.shared()), source_(source), options_(options) {}

  measurement operator()() {
    publish_for(options_.warm_up);
    const auto sends_before = count_sends();
    shared_.latency.clear();
    const auto first = take_reading();
    publish_for(options_.window);
    const auto last = take_reading();
    if (first.deliveries == last.deliveries) {
      drain();  // which says so if something is lost
      fail("no event arrived within {} ms; give it more --seconds", options_.window.count());
    }
    auto result = difference(first, last);
    result.latency = std::make_shared<const histogram>(shared_.latency);
    drain();
    const auto sends_after = count_sends();
    if (sends_after.deliveries > sends_before.deliveries) {
      result.sends = (sends_after.sends - sends_before.sends) /
                     (sends_after.deliveries - sends_before.deliveries);
    }
    return result;
  }

 private:
  [[nodiscard]] send_count count_sends() const {
    return options_.sends ? options_.sends() : send_count{};
  }

  void publish_for(std::chrono::milliseconds span) {
    for (const deadline end{span}; !end.passed();) {
      while (source_.has_free_slot()) {
        const auto sequence = shared_.book.publish();
        source_.publish(sequence % shared_.book.classes(),
                        {.sequence = sequence, .published_ns = now_ns()});
      }
      turn(10ms);
    }
  }

  void drain() {
    while (!source_.idle()) turn(10ms);
    // A double of the last event would come right behind it.
    for (const deadline end{20ms}; !end.passed();) poll_.turn(5ms);
  }

  void turn(std::chrono::milliseconds patience) {
    source_.flush();
    poll_.turn(patience);
    shared_.book.take_completed(completed_);
    for (const auto sequence : completed_) source_.completed(sequence);
    events_ += completed_.size();
    watch();
  }

  void watch() {
    const auto now = now_ns();
    if (shared_.deliveries != seen_deliveries_ || source_.idle()) {
      seen_deliveries_ = shared_.deliveries;
      progress_ns_ = now;
    } else if (now - progress_ns_ >
               static_cast<std::uint64_t>(std::chrono::nanoseconds(options_.patience).count())) {
      fail("the server lost an event: {}, and for {} s nothing else came", shared_.book.missing(),
           options_.patience.count());
    }
  }

  [[nodiscard]] reading take_reading() const {
    return {.at_ns = now_ns(),
            .deliveries = shared_.deliveries,
            .events = events_,
            .server_cpu = cpu_time(options_.server),
            .client_cpu = cpu_time(::getpid()),
            .machine_cpu = machine_cpu_time()};
  }

  [[nodiscard]] measurement difference(const reading& first, const reading& last) const {
    measurement m;
    m.events = last.events - first.events;
    m.deliveries = last.deliveries - first.deliveries;
    const auto wall_ns = static_cast<double>(last.at_ns - first.at_ns);
    const auto deliveries = static_cast<double>(m.deliveries);
    const auto cpu_ns = [](auto from, auto to) { return static_cast<double>((to - from).count()); };
    m.seconds = wall_ns / 1e9;
    m.deliveries_per_s = deliveries / m.seconds;
    m.client_share = cpu_ns(first.client_cpu, last.client_cpu) / wall_ns;
    m.others_share =
        std::max(0.0, cpu_ns(first.machine_cpu, last.machine_cpu) / wall_ns -
                          cpu_ns(first.server_cpu, last.server_cpu) / wall_ns - m.client_share);
    m.server_cpu_us = cpu_ns(first.server_cpu, last.server_cpu) / 1e3 / deliveries;
    const auto& latency = shared_.latency;
    m.p50_ms = ms(latency.percentile(0.5));
    m.p90_ms = ms(latency.percentile(0.9));
    m.p99_ms = ms(latency.percentile(0.99));
    m.p999_ms = ms(latency.percentile(0.999));
    m.max_ms = ms(latency.max());
    return m;
  }

  poller& poll_;
  audience& shared_;
  publisher& source_;
  const measure_options& options_;
  std::vector<std::uint32_t> completed_;
  std::uint64_t events_ = 0;
  std::uint64_t seen_deliveries_ = 0;
  std::uint64_t progress_ns_ = now_ns();
};

}  // namespace

measurement measure(poller& poll, fleet& subscribers, publisher& source,
                    const measure_options& options) {
  return run(poll, subscribers, source, options)();
}

}  // namespace velo::bench
