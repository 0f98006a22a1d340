// A `[[driver]]`: a way out for matched events (docs/drivers.md).

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace velo::net {

enum class driver_kind : std::uint8_t { embedded, reverb, pusher, log, null };

struct driver_config {
  driver_kind kind = driver_kind::embedded;
  std::string name;                      ///< The kind's, unless it says otherwise.
  std::vector<std::string> collections;  ///< By name; empty: all.

  // Of an outside server.
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;
  std::string path;  ///< Mount prefix there: empty, or `/...` without a slash at its end.
  std::string app_id, key, secret;
  std::string
      channel_prefix;  ///< Of its channels; realtime.channel_prefix unless it says otherwise.

  std::size_t connections = 4;                   ///< As many calls are under way at once.
  std::chrono::milliseconds timeout{5'000};      ///< Of one call.
  std::chrono::milliseconds retry_first{200};    ///< Doubled with each further try.
  std::chrono::milliseconds retry_max{10'000};   ///< No pause is longer.
  std::chrono::milliseconds retry_time{60'000};  ///< Then a call is given up.
  std::size_t queue_events = 100'000;            ///< One for each channel of an event.
  std::size_t queue_bytes = std::size_t{64} << 20U;
  bool drop_oldest = true;          ///< Where the queue is full; otherwise the newest.
  std::size_t event_bytes = 10240;  ///< A longer payload is told by its id alone.

  [[nodiscard]] bool is_outside() const {
    return kind == driver_kind::reverb || kind == driver_kind::pusher;
  }
  [[nodiscard]] bool serves(const std::string& collection) const {
    if (collections.empty()) return true;
    for (const auto& c : collections)
      if (c == collection) return true;
    return false;
  }

  bool operator==(const driver_config&) const = default;
};

/// `reverb`
[[nodiscard]] const char* to_string(driver_kind kind);

/// The driver through whose channels clients of a collection listen: null where that is
/// this server's own WebSocket, as it is where no outside server serves the collection or
/// where `embedded` is said to as well.
[[nodiscard]] const driver_config* primary_driver(const std::vector<driver_config>& drivers,
                                                  const std::string& collection);

}  // namespace velo::net
