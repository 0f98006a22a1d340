// What waits to be sent to an outside server, and what of it may be sent now.
//
// Each channel belongs to a lane, by a hash of its name. A lane has one call under
// way at a time, so a channel's events keep their order whatever is tried again.
// A quiet driver sends an event to all its channels in one call, which then holds
// all their lanes; a busy one sends what waits in a lane as a batch.
//
// Plain data, of one actor.

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

struct driver_lanes_options {
  std::size_t lanes = 4;
  std::size_t events_max = 100'000;  ///< One for each channel of an event; under way or waiting.
  std::size_t bytes_max = std::size_t{64} << 20U;
  bool drop_oldest = true;
  std::size_t channels_per_call = 100;
  std::size_t events_per_batch = 10;
};

/// An event that some channels have yet to hear.
struct outgoing_event {
  std::string name;
  std::string data;       ///< Escaped as the inside of a JSON string.
  std::string socket_id;  ///< Left out by the outside server; empty: nobody is.

  std::uint64_t number = 0;   ///< In the order in which they came.
  std::size_t unsettled = 0;  ///< Channels that wait or are under way.
};

/// Channels of one lane that are to hear an event.
struct outgoing_part {
  std::shared_ptr<outgoing_event> event;
  std::vector<std::string> channels;
};

/// What goes out at once.
struct outgoing_call {
  std::vector<std::size_t> lanes;
  std::vector<outgoing_part> parts;

  /// One event to its channels; otherwise several events, as a batch.
  [[nodiscard]] bool is_one_event() const;
  [[nodiscard]] std::size_t deliveries() const;
};

class driver_lanes {
 public:
  explicit driver_lanes(driver_lanes_options options);

  /// Takes an event for these channels. Returns how many deliveries (an event to a
  /// channel) were dropped for want of room: of this event, or of older ones.
  std::size_t add(outgoing_event event, std::vector<std::string> channels);

  /// A call that may be sent now; its lanes are held until done().
  std::optional<outgoing_call> next();
  /// It was sent, or given up.
  void done(const outgoing_call& call);

  /// The number of the oldest event that is not settled; last() + 1 where all are.
  [[nodiscard]] std::uint64_t oldest_unsettled() const;
  [[nodiscard]] std::uint64_t last() const { return last_; }

  [[nodiscard]] std::size_t events() const { return events_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct lane {
    std::deque<outgoing_part> queue;
    bool held = false;
  };

  [[nodiscard]] std::size_t lane_of(std::string_view channel) const;
  [[nodiscard]] bool has_room(std::size_t events, std::size_t bytes) const;
  /// Drops what waits of the oldest event that has anything waiting; 0: nothing waits.
  std::size_t drop_oldest();
  void settle(const outgoing_part& part);
  outgoing_call take_batch(std::size_t from);
  outgoing_call take_event(std::size_t from);

  const driver_lanes_options options_;
  std::vector<lane> lanes_;
  std::map<std::uint64_t, std::shared_ptr<outgoing_event>> order_;  // those not settled
  std::uint64_t last_ = 0;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::size_t turn_ = 0;  // the lane that is looked at first
};

}  // namespace velo::net
