// How a subscriber gets from a connection to its first event, by server.

#pragma once

#include <cstdint>
#include <string>

namespace velo::bench {

enum class protocol : std::uint8_t {
  limit,   ///< The limit program's own: tells its index, then reads frames.
  bare,    ///< A WebSocket that is subscribed by its query.
  pusher,  ///< Pusher Channels.
  nats,    ///< NATS over WebSocket.
  mqtt,    ///< MQTT 3.1.1 over WebSocket.
};

struct greeting {
  protocol speaks = protocol::limit;
  std::string target{};  ///< Of the upgrade request; of a bare one the channel follows.
};

}  // namespace velo::bench
