// What the actors know of a client's socket. net/ implements it.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace velo::actors {

class acknowledgements;

/// A matched change, rendered once for all who hear of it. Immutable.
struct event {
  std::string name;  ///< The event's name on the channel: `created`.
  std::string data;  ///< The payload's JSON, already escaped as the inside of a JSON string.
  std::uint64_t sequence = 0;  ///< Of the change it tells; 0 where it tells none.
};

/// One event on its way to sessions of one loop that hear it under names with the
/// same beginning. Made anew for each event, and used for one session after
/// another without a pause: what the first prepares serves the others.
struct delivery {
  std::shared_ptr<const event> what;
  std::string_view channel_prefix;  ///< The whole name, where all have the same.

  /// The sessions' own mark: what they prepared, and for how long a rest of the name.
  static constexpr std::uint32_t unprepared = ~std::uint32_t{0};
  std::uint32_t prepared = unprepared;
  std::uint32_t channel_bytes = 0;
};

/// A whole text frame's payload, put together once for all who get it.
using text_ptr = std::shared_ptr<const std::string>;

/// Why a subscription was refused or ended: the fields of a
/// `pusher:subscription_error` (PUSHER_PROTOCOL.md 5.4).
struct subscription_failure {
  std::string type;     ///< AuthError | LimitReached | NotFound | ServerError
  std::string message;  ///< What was wrong, in a sentence.
  int status = 0;       ///< As in HTTP.
  std::string reason;   ///< Machine-readable where the server ended it: `rule_changed`.
};

/// One client's connection. Every call is made on its loop's thread; after the
/// socket is gone they do nothing. A channel's wire name comes in two parts
/// (prefix and UUID), so that none is stored per subscription.
class session {
 public:
  session() = default;
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  virtual ~session() = default;

  /// Queues `what` behind all that was queued before.
  virtual void deliver(const event& what, std::string_view channel_prefix,
                       std::string_view channel) = 0;
  /// The same for one of many. The hot path: one call per delivery.
  virtual void deliver(delivery& to_many, std::string_view channel) {
    deliver(*to_many.what, to_many.channel_prefix, channel);
  }

  /// Queues a frame that says the same to everybody: events of plain channels and
  /// answers of the protocol.
  virtual void deliver_text(const text_ptr& frame) = 0;

  virtual void subscription_succeeded(std::string_view channel) = 0;
  virtual void subscription_error(std::string_view channel, const subscription_failure& why) = 0;

  /// What the client has acknowledged; null where that is not followed.
  virtual acknowledgements* acknowledged() { return nullptr; }
  /// Queues a `pusher:ping` and notes it there.
  virtual void ask_for_acknowledgement() {}
  /// Whether what was queued is still on its way to the kernel.
  [[nodiscard]] virtual bool backlogged() const { return false; }

  /// Sends what is queued, then the close frame (PUSHER_PROTOCOL.md section 4).
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
};

}  // namespace velo::actors
