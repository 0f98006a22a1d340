// The tokens that subscriptions live by: who is told that one expires, who ends
// when it has, and when it is revoked.
//
// One timer for all of a collection, set for the first that is due, and looked at
// by the clock on the wall: it may be set while the timer runs.

#include "actors/collection.hpp"
#include "actors/event_shape.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace velo::actors {

namespace {

using std::chrono::steady_clock;

constexpr std::int64_t look_interval_max_ms = 30'000;

}  // namespace

void collection_behavior::watch_token(subscriber s, const storage::token_facts& token) {
  live_.tokens().set(s, token, now_ms(), options_.expiry_notice.count());
  schedule_token_look();
}

void collection_behavior::schedule_token_look() {
  const auto next = live_.tokens().next();
  if (next == token_watch::never) return;
  const std::chrono::milliseconds wait(
      std::clamp<std::int64_t>(next - now_ms(), 0, look_interval_max_ms));
  const auto at = steady_clock::now() + wait;
  if (token_look_at_ <= at) return;
  token_look_at_ = at;
  caf::delayed_anon_send(caf::actor_cast<collection_actor>(this), wait, look_at_tokens{});
}

void collection_behavior::on_token_look() {
  // One that an earlier look has overtaken is not counted on, and begets none.
  if (steady_clock::now() >= token_look_at_) token_look_at_ = steady_clock::time_point::max();
  look_after_tokens();
  schedule_token_look();
}

void collection_behavior::look_after_tokens() {
  if (doom_expired(now_ms(), sequence_)) end_slice();
}

bool collection_behavior::doom_expired(std::int64_t now_ms, std::uint64_t heard) {
  const auto due = live_.tokens().take_due(now_ms);
  if (due.empty()) return false;
  std::vector<subscriber> expired;
  auto transaction = database_.env().begin_read();
  for (const auto& d : due) {
    if (is_over(d.who)) continue;
    if (!d.expired) {
      announce_expiry(d.who, d.expires_ms);
      continue;
    }
    const auto newer = transaction ? newer_token(*transaction, live_.channel(d.who), now_ms)
                                   : std::optional<storage::token_facts>();
    if (newer)
      watch_token(d.who, *newer);
    else
      expired.push_back(d.who);
  }
  doom_all(expired, {live_subscriptions::cause::token_expired, heard});
  schedule_token_look();
  return !expired.empty();
}

// It may be durable, and its client know of it, before the store's word is here.
std::optional<storage::token_facts> collection_behavior::newer_token(
    const storage::transaction& transaction, const channel_id& channel, std::int64_t now_ms) const {
  const auto stored = database_.connections.get(transaction, channel.text());
  if (!stored || !*stored || (*stored)->token.has_expired(now_ms)) return std::nullopt;
  return (*stored)->token;
}

void collection_behavior::announce_expiry(subscriber s, std::int64_t expires_ms) {
  const auto what =
      std::make_shared<const event>(render_auth_expiring(expires_ms, shown_with(epoch_)));
  const auto tell_one = [&](std::uint32_t loop, attachment_id attachment) {
    auto message = std::make_shared<fan_out>();
    message->what = what;
    message->targets = {attachment};
    send(loops_[loop], fan_out_ptr{std::move(message)});
  };
  live_.for_each_listener(s, tell_one);
  const auto [first, last] = joining_.equal_range(live_.channel(s));
  for (auto at = first; at != last; ++at) {
    const auto& j = joins_.at(at->second);
    // Who has not heard yet that he is in, is told when he has.
    if (!j.asked) tell_one(j.to.loop, j.to.attachment);
  }
}

void collection_behavior::announce_to(subscriber s, const listener& to) {
  if (s == live_subscriptions::none) return;
  const auto expires_ms = live_.tokens().announced(s);
  if (expires_ms == 0) return;
  auto message = std::make_shared<fan_out>();
  message->what =
      std::make_shared<const event>(render_auth_expiring(expires_ms, shown_with(epoch_)));
  message->targets = {to.attachment};
  send(loops_[to.loop], fan_out_ptr{std::move(message)});
}

void collection_behavior::on_token_renewed(const token_renewed& message) {
  const auto s = live_.find(message.channel);
  if (s == live_subscriptions::none) return;
  if (is_over(s)) return finish(s);
  watch_token(s, message.token);
}

// A user's tokens of now are all older than the word that revokes them.
void collection_behavior::on_revoked(const revocation& what) {
  doom_all(what.collection_id.empty()
               ? live_.tokens().of_token(what.token_id)
               : live_.of_identity(user_key(what.collection_id, what.record_id)),
           {live_subscriptions::cause::token_revoked});
  end_slice();
}

void collection_behavior::doom_all(const std::vector<subscriber>& them,
                                   const live_subscriptions::fate& fate) {
  for (const auto s : them) {
    if (live_.is_doomed(s)) continue;
    live_.doom(s, fate);
    endings_.push_back(live_.channel(s));
  }
}

}  // namespace velo::actors
