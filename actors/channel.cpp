#include "actors/channel.hpp"

#include "actors/event_body.hpp"
#include "actors/pusher_frame.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <vector>

namespace velo::actors {

namespace {

using std::chrono::milliseconds;

// Of larger channels the count is told now and then (PUSHER_PROTOCOL.md 11).
constexpr std::size_t count_at_once_max = 100;
constexpr auto count_interval = std::chrono::seconds{5};
// Channels that a list looks at before others have their turn.
constexpr std::size_t listed_at_once_max = 1'000;

std::int64_t unix_ms() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

channel_behavior::channel_behavior(caf::actor_config& config, const channel_options& options)
    : channel_actor::base(config), options_(options), cache_(options.cache_ttl), users_(out_) {}

channel_behavior::behavior_type channel_behavior::make_behavior() {
  return {
      [this](const join_channel_ptr& message) { join(*message); },
      [this](const leave_channel_ptr& message) { leave(*message); },
      [this](const member_event_ptr& message) { forward(*message); },
      [this](const sign_in_ptr& message) {
        out_.know(message->at.loop, message->answer_to);
        users_.sign_in(*message);
      },
      [this](const sign_out_ptr& message) { users_.sign_out(*message); },
      [this](channel_tick) { tick(); },
      [this](const publish_part_ptr& message) { return publish(*message); },
      [this](const list_channels_ptr& message) {
        auto promise = make_response_promise<channel_list>();
        listings_.push_back({message, promise, {}});
        if (listings_.size() == 1) list_slice();
        return promise;
      },
      [this](const channel_query_ptr& message) { return info(*message); },
      [this](const list_members_ptr& message) { return members(*message); },
      [this](const terminate_user_ptr& message) { return terminated{users_.terminate(*message)}; },
  };
}

channel_behavior::channel* channel_behavior::find(app_ref app, std::string_view name) {
  const auto at = channels_.find(key_view{app, name});
  return at == channels_.end() ? nullptr : at->second.get();
}

// -- coming and going --------------------------------------------------------

void channel_behavior::join(const join_channel& message) {
  out_.know(message.at.loop, message.answer_to);
  const key where{message.app, message.channel};
  auto* c = find(message.app, message.channel);
  if (c != nullptr && c->subscribers.find(message.at.loop, message.at.membership) != nullptr)
    return welcome(message, *c);
  presence_members::entry* member = nullptr;
  if (message.member && c != nullptr) member = c->members->find(message.member->user_id);
  if (message.member && member == nullptr && c != nullptr &&
      c->members->size() >= options_.presence_members_max) {
    return out_.refuse(message.at, message.channel,
                       {"LimitReached",
                        "A presence channel may have at most " +
                            std::to_string(options_.presence_members_max) + " members.",
                        429,
                        {}});
  }
  if (c == nullptr) {
    c = channels_.emplace(where, std::make_unique<channel>()).first->second.get();
    if (message.member) c->members = std::make_unique<presence_members>();
    // What is sent to one user is no channel of the app's making.
    if (!where.name.starts_with('#')) names_[where.app].insert(where.name);
    report(where, webhook_event_kind::channel_occupied);
  }
  const bool is_new_member = message.member && member == nullptr;
  if (is_new_member) {
    tell_all(*c, pusher_frame::member_added(message.channel, message.member->user_id,
                                            message.member->user_info));
    member = &c->members->add(*message.member);
  }
  if (member != nullptr) {
    ++member->second.sockets;
    member->second.away_until.reset();
  }
  const auto socket = socket_key::parse(message.socket_id).value_or(socket_key{});
  c->subscribers.add({message.at.membership, message.at.loop, member, socket});
  welcome(message, *c);
  if (is_new_member) report(where, webhook_event_kind::member_added, message.member->user_id);
  count_changed(where, *c);
}

// The answer to a subscription, and what belongs right behind it.
void channel_behavior::welcome(const join_channel& message, channel& c) {
  const bool known = c.members != nullptr;
  out_.tell(message.at, known ? c.members->succeeded_frame(message.channel)
                              : pusher_frame::subscription_succeeded(message.channel));
  if (!is_cache(kind_of(message.channel))) return;
  if (const auto* kept = cache_.find(message.app, message.channel, now())) {
    out_.tell(message.at, pusher_frame::event(escape_json(kept->what->name), message.channel,
                                              escape_json(kept->what->data)));
    return;
  }
  out_.tell(message.at, pusher_frame::cache_miss(message.channel));
  if (!std::exchange(c.miss_told, true))
    report({message.app, message.channel}, webhook_event_kind::cache_miss);
}

void channel_behavior::leave(const leave_channel& message) {
  auto* c = find(message.app, message.channel);
  if (c == nullptr) return;
  const auto* gone = c->subscribers.find(message.loop, message.membership);
  if (gone == nullptr) return;
  const key where{message.app, message.channel};
  auto* member = gone->member;
  c->subscribers.remove(*gone);
  if (member != nullptr && --member->second.sockets == 0) leave_member(where, *c, *member);
  if (!c->subscribers.empty()) count_changed(where, *c);
  vacate_if_empty(where, *c);
}

void channel_behavior::leave_member(const key& where, channel& c, presence_members::entry& member) {
  if (options_.member_grace <= milliseconds::zero()) return remove_member(where, c, member);
  const auto until = now() + options_.member_grace;
  member.second.away_until = until;
  due_.emplace(until, due{where, member.first});
  wake_at(until);
}

void channel_behavior::remove_member(const key& where, channel& c,
                                     presence_members::entry& member) {
  const auto user_id = member.first;
  c.members->remove(member);
  tell_all(c, pusher_frame::member_removed(where.name, user_id));
  report(where, webhook_event_kind::member_removed, user_id);
}

void channel_behavior::vacate_if_empty(const key& where, const channel& c) {
  if (!c.subscribers.empty() || (c.members && !c.members->empty())) return;
  channels_.erase(where);
  if (const auto names = names_.find(where.app); names != names_.end()) {
    names->second.erase(where.name);
    if (names->second.empty()) names_.erase(names);
  }
  report(where, webhook_event_kind::channel_vacated);
}

// -- events ------------------------------------------------------------------

void channel_behavior::forward(const member_event& message) {
  const auto& what = *message.what;
  auto* c = find(message.app, what.channel);
  if (c == nullptr) return;
  const auto* sender = c->subscribers.find(message.loop, message.membership);
  if (sender == nullptr) return;
  // Who sent it is what the channel knows, never what the client says.
  const auto user_id = sender->member != nullptr ? sender->member->first : std::string();
  loop_outlet::audience others;
  for (const auto& s : c->subscribers) {
    if (s.socket != sender->socket) others.add(s.loop, s.membership);
  }
  out_.tell(std::move(others),
            pusher_frame::client_event(what.event, what.channel, what.data, user_id));
  if (!message.app->webhooks) return;
  auto happened = std::make_shared<webhook_event>();
  happened->kind = webhook_event_kind::client_event;
  happened->time_ms = unix_ms();
  happened->channel = what.channel;
  happened->user_id = user_id;
  happened->event = what.event;
  happened->data = what.data;
  happened->socket_id = message.socket_id;
  caf::anon_send(message.app->webhooks, webhook_event_ptr{std::move(happened)});
}

publish_answer channel_behavior::publish(const publish_part& part) {
  publish_answer answer;
  answer.channels.reserve(part.channels.size());
  const auto& what = *part.what;
  const auto except = socket_key::parse(what.except);
  for (const auto index : part.channels) {
    const auto& name = what.channels[index];
    const auto kind = kind_of(name);
    auto* c = find(what.app, name);
    if (is_cache(kind)) {
      const auto time = now();
      cache_.put(what.app, name, part.what, time);
      wake_at(time + options_.cache_ttl);
      if (c != nullptr) c->miss_told = false;
    }
    if (c != nullptr) {
      loop_outlet::audience all;
      for (const auto& s : c->subscribers) {
        if (!except || s.socket != *except) all.add(s.loop, s.membership);
      }
      out_.tell(std::move(all), pusher_frame::event(*part.name, name, *part.data));
    }
    answer.channels.push_back(counts_of(c, kind, what.wanted));
  }
  return answer;
}

void channel_behavior::tell_all(const channel& c, std::string frame) const {
  loop_outlet::audience all;
  for (const auto& s : c.subscribers) all.add(s.loop, s.membership);
  out_.tell(std::move(all), std::move(frame));
}

// -- counts ------------------------------------------------------------------

void channel_behavior::count_changed(const key& where, channel& c) {
  if (!where.app->subscription_count || c.members || where.name.starts_with('#')) return;
  const auto next = c.count_told ? *c.count_told + count_interval : time_point{};
  if (c.subscribers.size() <= count_at_once_max || next <= now()) return tell_count(where, c);
  if (std::exchange(c.count_due, true)) return;
  due_.emplace(next, due{where, {}});
  wake_at(next);
}

void channel_behavior::tell_count(const key& where, channel& c) {
  c.count_told = now();
  const auto count = c.subscribers.size();
  tell_all(c, pusher_frame::subscription_count(where.name, count));
  if (!where.app->webhooks) return;
  auto happened = std::make_shared<webhook_event>();
  happened->kind = webhook_event_kind::subscription_count;
  happened->time_ms = unix_ms();
  happened->channel = where.name;
  happened->subscription_count = count;
  caf::anon_send(where.app->webhooks, webhook_event_ptr{std::move(happened)});
}

void channel_behavior::report(const key& where, webhook_event_kind kind,
                              std::string user_id) const {
  // What is sent to one user is no channel of the app's making.
  if (!where.app->webhooks || where.name.starts_with('#')) return;
  auto happened = std::make_shared<webhook_event>();
  happened->kind = kind;
  happened->time_ms = unix_ms();
  happened->channel = where.name;
  happened->user_id = std::move(user_id);
  caf::anon_send(where.app->webhooks, webhook_event_ptr{std::move(happened)});
}

// -- questions ---------------------------------------------------------------

channel_counts channel_behavior::counts_of(const channel* c, channel_kind kind,
                                           const wanted_counts& wanted) {
  channel_counts counts;
  if (is_presence(kind)) {
    if (wanted.user_count) counts.user_count = c != nullptr ? c->members->size() : 0;
  } else if (wanted.subscription_count) {
    counts.subscription_count = c != nullptr ? c->subscribers.size() : 0;
  }
  return counts;
}

// By name, so that the next slice finds its place whatever came and went meanwhile.
void channel_behavior::list_slice() {
  auto& l = listings_.front();
  auto& found = l.answer.channels;
  const auto& wanted = *l.what;
  bool whole = true;
  if (const auto names = names_.find(wanted.app); names != names_.end()) {
    auto at = found.empty() ? names->second.lower_bound(wanted.prefix)
                            : names->second.upper_bound(found.back().name);
    for (std::size_t i = 0; at != names->second.end() && at->starts_with(wanted.prefix); ++at) {
      whole = i++ < listed_at_once_max;
      if (!whole) break;
      found.push_back({*at, counts_of(find(wanted.app, *at), kind_of(*at), wanted.wanted)});
    }
  }
  if (whole) {
    l.promise.deliver(std::move(l.answer));
    listings_.pop_front();
  }
  if (!listings_.empty()) send(caf::actor_cast<channel_actor>(this), channel_tick{});
}

channel_info channel_behavior::info(const channel_query& message) {
  channel_info answer;
  const auto* c = find(message.app, message.channel);
  const auto kind = kind_of(message.channel);
  answer.occupied = c != nullptr;
  answer.counts = counts_of(c, kind, {true, true});
  if (const auto* kept = cache_.find(message.app, message.channel, now())) {
    answer.cache = cached_event{kept->what->name, kept->what->data,
                                std::chrono::duration_cast<milliseconds>(kept->until - now())};
  }
  return answer;
}

member_list channel_behavior::members(const list_members& message) {
  const auto* c = find(message.app, message.channel);
  if (c == nullptr || !c->members) return {};
  return {c->members->user_ids()};
}

// -- time --------------------------------------------------------------------

channel_behavior::time_point channel_behavior::now() {
  return clock().now();
}

void channel_behavior::wake_at(time_point when) {
  if (wakes_at_ && *wakes_at_ <= when) return;
  wakes_at_ = when;
  const auto pause = std::chrono::ceil<milliseconds>(when - now());
  delayed_send(caf::actor_cast<channel_actor>(this), std::max(pause, milliseconds{1}),
               channel_tick{});
}

void channel_behavior::tick() {
  if (!listings_.empty()) list_slice();
  const auto time = now();
  if (wakes_at_ && *wakes_at_ <= time) wakes_at_.reset();
  cache_.expire(time);
  while (!due_.empty() && due_.begin()->first <= time) {
    const auto [where, user_id] = std::move(due_.extract(due_.begin()).mapped());
    auto* c = find(where.app, where.name);
    if (c == nullptr) continue;
    if (user_id.empty()) {
      if (!std::exchange(c->count_due, false)) continue;
      tell_count(where, *c);
    } else if (c->members) {
      auto* member = c->members->find(user_id);
      // Back meanwhile, or away anew and due later.
      if (member == nullptr || !member->second.away_until || *member->second.away_until > time)
        continue;
      remove_member(where, *c, *member);
      vacate_if_empty(where, *c);
    }
  }
  if (const auto next = cache_.next_expiry()) wake_at(*next);
  if (!due_.empty()) wake_at(due_.begin()->first);
}

}  // namespace velo::actors
