// Publishes over one TCP connection, each event as a fixed text around its
// record: what NATS and MQTT take.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "bench/payload.hpp"
#include "bench/poller.hpp"
#include "bench/publisher.hpp"
#include "bench/socket.hpp"

namespace velo::bench {

struct stream_publication {
  std::string greeting;       ///< Sent first.
  std::string before_record;  ///< Names the class_channel.
  std::string after_record;
  std::size_t record_bytes = 200;
};

class stream_publisher final : public publisher, public event_source {
 public:
  stream_publisher(poller& poll, std::uint16_t port, stream_publication how, std::size_t slots);
  ~stream_publisher() override { reset_connection(fd_); }

  [[nodiscard]] bool has_free_slot() const override { return connected_ && in_flight_ < slots_; }
  [[nodiscard]] bool idle() const override { return in_flight_ == 0; }
  void publish(unsigned event_class, const stamp& s) override;
  void completed(std::uint32_t /*sequence*/) override { --in_flight_; }
  void flush() override;

  void ready(std::uint32_t events) override;

 private:
  stream_publication how_;
  record_template record_;
  std::size_t slots_;
  std::size_t in_flight_ = 0;
  bool connected_ = false;
  std::string out_;
  file_descriptor fd_;
};

/// MQTT 3.1.1 packets.
[[nodiscard]] std::string mqtt_connect();
[[nodiscard]] std::string mqtt_subscribe(std::string_view topic);
[[nodiscard]] std::string mqtt_publish_head(std::string_view topic, std::size_t payload_bytes);

}  // namespace velo::bench
