// What one client is known to have handled. Stock Pusher clients answer a
// `pusher:ping` after all that came before it, so the n-th pong acknowledges
// everything that was queued before the n-th ping.

#pragma once

#include "actors/interfaces.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace velo::actors {

/// Of one socket; its loop's thread only.
class acknowledgements {
 public:
  /// So many events of records may follow a ping.
  static constexpr std::uint32_t events_max = 128;
  /// Pings that a client has not answered; more are of no use.
  static constexpr std::uint32_t unanswered_max = 64;

  std::string_view socket_id;  ///< Kept by the session.

  /// The ping that will acknowledge what is queued now.
  [[nodiscard]] std::uint32_t next_ping() const { return sent_ + 1; }
  /// The last ping that was answered.
  [[nodiscard]] std::uint32_t heard() const { return heard_; }

  /// An event was queued; whether it is time for a ping.
  [[nodiscard]] bool delivered() { return ++events_ >= events_max && may_ping(); }
  [[nodiscard]] bool owes_ping() const { return events_ > 0 && may_ping(); }
  void pinged() {
    ++sent_;
    events_ = 0;
  }

  /// A pong has come. One that nobody asked for says nothing.
  void ponged() {
    heard_ = std::min(heard_ + 1, sent_);
    while (!parts_.empty() && parts_.front().ping <= heard_) part_heard();
  }

  /// What the replayer is to be told when it is the turn of this attachment.
  struct turn {
    attachment_id of;
    replayer_actor to;
    replay_request_ptr begin;  ///< Or:
    replay_on_ptr on;
  };

  /// A socket may listen on a thousand channels and its outbox is one: of its
  /// replays one part is under way at a time.
  void want_turn(turn t) {
    turns_.push_back(std::move(t));
    if (!holder_) pass_turn();
  }
  [[nodiscard]] bool holds_turn(attachment_id id) const { return holder_ == id; }
  /// A part of the holder's replay was sent, and the last ping behind it. When that is
  /// answered it is the turn of the others, then of `next` if there is more to come.
  void part_sent(std::optional<turn> next) {
    parts_.push_back({sent_, std::move(next)});
    if (heard_ == sent_) release();
  }
  [[nodiscard]] bool waits() const { return !parts_.empty(); }
  /// Does not wait any longer, for a client that does not answer.
  void release() {
    while (!parts_.empty()) part_heard();
  }
  /// It is gone.
  void forget(attachment_id id) {
    std::erase_if(turns_, [id](const turn& t) { return t.of == id; });
    for (auto& p : parts_)
      if (p.next && p.next->of == id) p.next.reset();
    if (holds_turn(id) && parts_.empty()) pass_turn();
  }

 private:
  struct part {
    std::uint32_t ping = 0;
    std::optional<turn> next;
  };

  [[nodiscard]] bool may_ping() const { return sent_ - heard_ < unanswered_max; }
  void part_heard() {
    auto heard = std::move(parts_.front());
    parts_.erase(parts_.begin());
    if (heard.next) turns_.push_back(std::move(*heard.next));
    pass_turn();
  }
  void pass_turn() {
    holder_.reset();
    if (turns_.empty()) return;
    auto t = std::move(turns_.front());
    turns_.erase(turns_.begin());
    holder_ = t.of;
    if (t.begin)
      caf::anon_send(t.to, std::move(t.begin));
    else
      caf::anon_send(t.to, std::move(t.on));
  }

  std::uint32_t sent_ = 0, heard_ = 0, events_ = 0;
  std::optional<attachment_id> holder_;
  // Vectors, because a deque takes half a kilobyte when it is empty; both are short.
  std::vector<turn> turns_;
  std::vector<part> parts_;
};

}  // namespace velo::actors
