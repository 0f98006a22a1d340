// One subscriber: a socket that goes through the Pusher handshake and then
// counts events. Ten thousand of them share one buffer, one ledger and one
// histogram (see `audience`), so each is little more than a descriptor.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/greeting.hpp"
#include "bench/histogram.hpp"
#include "bench/ledger.hpp"
#include "bench/payload.hpp"
#include "bench/poller.hpp"
#include "bench/socket.hpp"
#include "bench/ws_frame.hpp"

namespace velo::bench {

/// What all subscribers of a fleet share.
struct audience {
  audience(std::uint32_t subscribers, std::uint32_t classes)
      : book(subscribers, classes), buffer(256U << 10U) {}

  std::uint16_t port = 0;
  greeting hello;

  ledger book;
  histogram latency;
  stamp_reader stamps;
  std::uint64_t deliveries = 0;
  std::uint64_t other_frames = 0;  ///< Pings and the like.
  std::size_t frame_bytes = 0;     ///< Of the last event.
  std::size_t live = 0;            ///< Subscribers that have come through.
  std::vector<char> buffer;
};

class subscriber final : public event_source {
 public:
  subscriber(audience& shared, std::uint32_t index, std::string channel)
      : shared_(&shared), index_(index), channel_(std::move(channel)) {}
  subscriber(subscriber&&) = default;
  ~subscriber() { reset_connection(fd_); }

  void connect(poller& poll);
  void ready(std::uint32_t events) override;

 private:
  enum class state : std::uint8_t { connecting, upgrading, greeting, subscribing, live };

  void greet();
  void read();
  /// Consumes what is complete and returns how much that was.
  std::size_t consume(std::string_view bytes, std::uint64_t now);
  std::size_t consume_upgrade(std::string_view bytes);
  /// Whether the frame brought events; counts them.
  bool count_events(const ws_frame& frame, std::uint64_t now);
  void count_event(const stamp& s, std::uint64_t now);
  void control(unsigned op, std::string_view payload);
  void message(std::string_view text);
  void stream_message(std::string_view bytes);
  void become_live();

  audience* shared_;
  std::uint32_t index_;
  state state_ = state::connecting;
  file_descriptor fd_;
  std::string channel_;
  std::string rest_;  // an unfinished frame
};

}  // namespace velo::bench
