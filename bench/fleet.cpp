#include "bench/fleet.hpp"

#include "bench/clock.hpp"
#include "bench/error.hpp"

namespace velo::bench {

fleet::fleet(poller& poll, const fleet_options& options, std::vector<std::string> channels)
    : shared_(static_cast<std::uint32_t>(channels.size()), options.classes) {
  shared_.port = options.port;
  shared_.hello = options.hello;
  subscribers_.reserve(channels.size());
  for (auto& channel : channels) {
    subscribers_.emplace_back(shared_, static_cast<std::uint32_t>(subscribers_.size()),
                              std::move(channel));
  }
  open(poll, options);
}

void fleet::open(poller& poll, const fleet_options& options) {
  const auto start = now_ns();
  const deadline end{options.patience};
  std::size_t started = 0;
  while (shared_.live < subscribers_.size()) {
    while (started < subscribers_.size() && started - shared_.live < options.opening) {
      subscribers_[started++].connect(poll);
    }
    if (end.passed()) {
      fail("{} of {} connections were subscribed within {} s", shared_.live, subscribers_.size(),
           options.patience.count());
    }
    poll.turn(100ms);
  }
  set_up_time_ = std::chrono::nanoseconds(now_ns() - start);
}

}  // namespace velo::bench
