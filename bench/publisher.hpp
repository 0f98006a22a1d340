// Where events come from. A publisher has as many slots as events may be in
// flight; a slot is free again when its event has reached every subscriber (and,
// over HTTP, when the request was answered, as a keep-alive connection demands).

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/http.hpp"
#include "bench/payload.hpp"
#include "bench/poller.hpp"

namespace velo::bench {

class publisher {
 public:
  publisher() = default;
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;
  virtual ~publisher() = default;

  [[nodiscard]] virtual bool has_free_slot() const = 0;
  /// Nothing in flight, nothing unanswered.
  [[nodiscard]] virtual bool idle() const = 0;
  virtual void publish(unsigned event_class, const stamp& s) = 0;
  /// The event has reached its last subscriber.
  virtual void completed(std::uint32_t sequence) = 0;
  /// Sends what publish() gathered during this turn.
  virtual void flush() = 0;
};

/// How a record change is written as an HTTP request.
struct http_publication {
  std::string method = "POST";
  std::string target{};
  std::string token{};
  std::string before_record{};  ///< Body text in front of the record ...
  std::string after_record{};   ///< ... and behind it.
  std::size_t record_bytes = 200;
  std::uint64_t ids = 1000;  ///< Record ids repeat after so many; 0: never.
  char quote = '"';          ///< Of the record's texts.
  /// Makes the whole request of a body, where the body alone does not decide it.
  std::function<std::string(std::string_view body)> complete{};
};

/// Publishes over one keep-alive connection for each slot.
class http_publisher final : public publisher {
 public:
  http_publisher(poller& poll, std::uint16_t port, const http_publication& publication,
                 std::size_t slots);

  [[nodiscard]] bool has_free_slot() const override { return !free_.empty(); }
  [[nodiscard]] bool idle() const override { return free_.size() == slots_.size(); }
  void publish(unsigned event_class, const stamp& s) override;
  void completed(std::uint32_t sequence) override;
  void flush() override {}

 private:
  struct slot {
    std::unique_ptr<http_connection> connection;
    std::uint32_t sequence = 0;
    bool answered = true;
    bool complete = true;
  };
  void answered(std::size_t index, const http_response& response);
  void release(std::size_t index);

  record_template record_;
  std::uint64_t ids_;
  std::function<std::string(std::string_view body)> complete_;
  std::string request_;  // or its body; patched in place for every event
  std::size_t record_at_ = 0;
  std::size_t channel_at_ = 0;  // of the class_channel in front of the record; npos: there is none
  std::vector<slot> slots_;
  std::vector<std::size_t> free_;
};

}  // namespace velo::bench
