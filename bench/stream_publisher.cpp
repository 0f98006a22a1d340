#include "bench/stream_publisher.hpp"

#include <sys/socket.h>

#include <array>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

std::string mqtt_text(std::string_view text) {
  std::string out{static_cast<char>(text.size() >> 8U), static_cast<char>(text.size() & 0xffU)};
  return out.append(text);
}

std::string mqtt_head(unsigned type, std::size_t rest) {
  std::string out{static_cast<char>(type)};
  do {
    const auto more = rest > 127 ? 0x80U : 0U;
    out += static_cast<char>((rest & 0x7fU) | more);
    rest >>= 7U;
  } while (rest > 0);
  return out;
}

}  // namespace

stream_publisher::stream_publisher(poller& poll, std::uint16_t port, stream_publication how,
                                   std::size_t slots)
    : how_(std::move(how)),
      record_(how_.record_bytes, '\''),
      slots_(slots),
      fd_(start_connect(port)) {
  poll.add(fd_.get(), *this);
}

void stream_publisher::ready(std::uint32_t /*events*/) {
  if (!connected_) {
    check_connected(fd_.get());
    send_all(fd_.get(), how_.greeting);
    connected_ = true;
  }
  // Greetings and acknowledgements: of no interest.
  std::array<char, 4096> ignored{};
  while (::recv(fd_.get(), ignored.data(), ignored.size(), 0) > 0) {
  }
}

void stream_publisher::publish(unsigned event_class, const stamp& s) {
  ++in_flight_;
  const auto channel = out_.size() + how_.before_record.find(class_channel);
  out_ += how_.before_record;
  write_class(out_.data() + channel, event_class);
  const auto at = out_.size();
  out_ += record_.text();
  record_.fill(out_.data() + at, s.sequence, event_class, s);
  out_ += how_.after_record;
}

void stream_publisher::flush() {
  if (out_.empty()) return;
  send_all(fd_.get(), out_);
  out_.clear();
}

std::string mqtt_connect() {
  using namespace std::string_literals;
  // Clean session, no keep-alive, an id of the server's choice.
  const auto body = mqtt_text("MQTT") + "\x04\x02\0\0\0\0"s;
  return mqtt_head(0x10, body.size()) + body;
}

std::string mqtt_subscribe(std::string_view topic) {
  using namespace std::string_literals;
  const auto body = "\0\x01"s + mqtt_text(topic) + "\0"s;
  return mqtt_head(0x82, body.size()) + body;
}

std::string mqtt_publish_head(std::string_view topic, std::size_t payload_bytes) {
  const auto name = mqtt_text(topic);
  return mqtt_head(0x30, name.size() + payload_bytes) + name;
}

}  // namespace velo::bench
