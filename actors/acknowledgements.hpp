// What one client is known to have handled. Stock Pusher clients answer a
// `pusher:ping` after all that came before it, so the n-th pong acknowledges
// everything that was queued before the n-th ping.
//
// A client that answers none of them is pinged by the WebSocket protocol as well.
// Every library answers that, after it has read what came before: less than a pong
// of the application's, more than the kernel's word, and it comes through a proxy
// only where the client does.

#pragma once

#include "actors/interfaces.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
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
  /// So many unanswered, and none answered ever: it is not going to.
  static constexpr std::uint32_t silent_after = 3;

  std::string_view socket_id;  ///< Kept by the session.
  /// What sockets of one client have in common as far as can be seen from here; 0: nothing.
  std::uint64_t client = 0;
  /// What may wait here for acknowledgements, of all the socket's channels.
  std::uint32_t held_events_max = 4096;
  std::uint32_t held_bytes_max = 1U << 20U;

  /// The ping that will acknowledge what is queued now.
  [[nodiscard]] std::uint32_t next_ping() const { return sent_ + 1; }
  /// The last ping that was answered.
  [[nodiscard]] std::uint32_t heard() const { return std::max(ponged_, echoed_); }
  /// Whether a ping of the protocol should go with the last one.
  [[nodiscard]] bool wants_echo() const { return ponged_ == 0 && sent_ >= silent_after; }

  /// An event was queued; whether it is time for a ping.
  [[nodiscard]] bool delivered() { return ++events_ >= events_max && may_ping(); }
  [[nodiscard]] bool owes_ping() const { return (events_ > 0 || held_) && may_ping(); }
  void pinged() {
    ++sent_;
    events_ = 0;
  }

  /// A pong has come. One that nobody asked for says nothing.
  void ponged() {
    ponged_ = std::min(ponged_ + 1, sent_);
    on_heard();
  }
  /// The protocol's pong that went with this ping.
  void echoed(std::uint32_t ping) {
    if (ping > sent_) return;
    echoed_ = std::max(echoed_, ping);
    on_heard();
  }

  // -- events that wait until earlier ones are acknowledged

  /// Who holds them back, and is told when some more may go.
  class holder {
   public:
    virtual void release(const std::vector<attachment_id>& waiting) = 0;
    /// None of it is going to be sent.
    virtual void drop(const std::vector<attachment_id>& waiting) = 0;

   protected:
    ~holder() = default;
  };
  /// One more of this attachment waits. False where that is too much; one always may.
  [[nodiscard]] bool hold(holder& by, attachment_id id, std::size_t bytes) {
    if (given_up_) return false;
    if (!held_) held_ = std::make_unique<held_events>();
    const bool full = held_->events >= held_events_max || held_->bytes + bytes > held_bytes_max;
    if (full && held_->events > 0) return false;
    ++held_->events;
    held_->bytes += bytes;
    held_->by = &by;
    if (std::find(held_->of.begin(), held_->of.end(), id) == held_->of.end())
      held_->of.push_back(id);
    return true;
  }
  /// One waits no more.
  void let_go(std::size_t bytes) {
    held_->bytes -= bytes;
    if (--held_->events == 0) held_.reset();
  }
  /// Some of it still wait, for more acknowledgements; or none do.
  void still_held(attachment_id id) {
    if (held_) held_->of.push_back(id);
  }
  void no_longer_held(attachment_id id) {
    if (held_) std::erase(held_->of, id);
  }
  [[nodiscard]] std::size_t held_bytes() const { return held_ ? held_->bytes : 0; }
  /// The socket gets nothing more: what waits is dropped, and nothing waits from now on.
  void give_up() {
    given_up_ = true;
    if (held_) held_->by->drop(std::exchange(held_->of, {}));
  }
  [[nodiscard]] bool given_up() const { return given_up_; }

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
    if (heard() == sent_) release();
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

  struct held_events {
    holder* by = nullptr;
    std::vector<attachment_id> of;
    std::size_t events = 0, bytes = 0;
  };

  [[nodiscard]] bool may_ping() const { return sent_ - heard() < unanswered_max; }
  void on_heard() {
    while (!parts_.empty() && parts_.front().ping <= heard()) part_heard();
    if (held_) held_->by->release(std::exchange(held_->of, {}));
  }
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

  std::uint32_t sent_ = 0, ponged_ = 0, echoed_ = 0, events_ = 0;
  bool given_up_ = false;
  std::unique_ptr<held_events> held_;
  std::optional<attachment_id> holder_;
  // Vectors, because a deque takes half a kilobyte when it is empty; both are short.
  std::vector<turn> turns_;
  std::vector<part> parts_;
};

}  // namespace velo::actors
