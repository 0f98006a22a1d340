#include "actors/driver_bridge.hpp"

#include "actors/auth_value.hpp"
#include "actors/subscription_failures.hpp"
#include "actors/time_text.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t page_size = 500;
constexpr std::size_t pending_max = 1000;  // Attached at once while restoring.
constexpr auto renew_pause_min = std::chrono::milliseconds{50};
constexpr auto look_again = std::chrono::milliseconds{5};

}  // namespace

driver_bridge_behavior::driver_bridge_behavior(caf::actor_config& config, bridge_options options,
                                               driver_actor driver, registry_actor registry,
                                               store_actor store, const storage::database& database,
                                               const engine_options& engine)
    : driver_bridge_actor::base(config),
      options_(std::move(options)),
      driver_(std::move(driver)),
      registry_(std::move(registry)),
      store_(std::move(store)),
      database_(database),
      engine_(engine) {}

driver_bridge_behavior::behavior_type driver_bridge_behavior::make_behavior() {
  return {
      [this](const fan_out_ptr& message) { deliver(*message); },
      [this](const replay_chunk_ptr& message) { deliver(*message); },
      [](look_at_acknowledgements) {},
      [this](const attached& message) {
        if (auto* s = find(message.attachment)) answered(*s);
      },
      [this](const ended_ptr& message) { over(*message); },
      [](const text_fan_out_ptr&) {},
      [](const membership_refused_ptr&) {},
      [](const sockets_closed_ptr&) {},
      [this](const driver_take& wanted) { return take(wanted); },
      [this](const driver_release& vacated) { release(vacated.channel); },
      [this](restore_subscriptions) {
        auto promise = make_response_promise<ack>();
        restoring_.push_back(promise);
        if (!std::exchange(reading_, true)) restore({});
        return promise;
      },
      [this](const restore_page& page) { restore(page.after); },
      [this](renew_occupied) {
        renewing_ = false;
        for (const auto& s : slots_)
          if (s.in_use && s.occupied) send(store_, touch_connection{s.channel, now_ms()});
        std::erase_if(expired_, [this](const channel_id& channel) { return !stored(channel); });
        renew_later();
      },
      [this](flush) {
        auto promise = make_response_promise<ack>();
        request(driver_, caf::infinite, flush{})
            .then([promise](ack) mutable { promise.deliver(ack{}); },
                  [promise](const caf::error&) mutable { promise.deliver(ack{}); });
        return promise;
      },
  };
}

void driver_bridge_behavior::on_exit() {
  for (auto& s : slots_)
    for (auto& promise : s.waiting) promise.deliver(ack{});
  for (auto& promise : restoring_) promise.deliver(ack{});
  slots_.clear();
  by_channel_.clear();
  restoring_.clear();
  driver_ = nullptr;
  registry_ = nullptr;
  store_ = nullptr;
}

// -- which subscriptions -------------------------------------------------------------

driver_bridge_behavior::ack_promise driver_bridge_behavior::take(const driver_take& wanted) {
  auto promise = make_response_promise<ack>();
  if (!by_channel_.contains(wanted.channel)) {
    const auto found = stored(wanted.channel);
    if (!found) {
      promise.deliver(ack{});
      return promise;
    }
    begin(wanted, *found);
  }
  auto& s = slots_[by_channel_.at(wanted.channel)];
  if (wanted.occupied) occupy(s);
  if (s.live)
    promise.deliver(ack{});
  else
    s.waiting.push_back(promise);
  return promise;
}

std::optional<storage::connection> driver_bridge_behavior::stored(const channel_id& channel) const {
  const auto transaction = database_.env().begin_read();
  auto found =
      transaction
          ? database_.connections.get(*transaction, channel.text())
          : storage::result<std::optional<storage::connection>>(storage::fail(transaction.error()));
  if (found) return std::move(*found);
  spdlog::warn("storage: {}", found.error().message());
  return std::nullopt;
}

void driver_bridge_behavior::occupy(slot& s) {
  if (std::exchange(s.occupied, true)) return;
  ++occupied_;
  send(store_, touch_connection{s.channel, now_ms()});
  renew_later();
}

void driver_bridge_behavior::renew_later() {
  if ((occupied_ == 0 && expired_.empty()) || std::exchange(renewing_, true)) return;
  delayed_send(caf::actor_cast<driver_bridge_actor>(this),
               std::max<std::chrono::milliseconds>(engine_.stale_after / 3, renew_pause_min),
               renew_occupied{});
}

void driver_bridge_behavior::begin(const driver_take& wanted, const storage::connection& stored) {
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& s = slots_[index];
  s.channel = wanted.channel;
  s.in_use = true;
  s.is_private = !stored.is_public;
  s.is_new = wanted.is_new;
  s.identity = identity_of(stored).key();
  s.app_id = stored.app_id;
  by_channel_.emplace(wanted.channel, index);
  ++pending_;
  const attachment_id id{index, s.generation};
  request(registry_, caf::infinite, stored.collection_id)
      .then([this, id](const collection_handle& found) { attach_to(id, found); },
            [this, id](const caf::error&) { attach_to(id, {}); });
  if (expired_.erase(wanted.channel) > 0) occupy(s);
}

// Of a channel whose token has expired the outside server does not say once more
// that it is occupied. And a newer token that was stored while this end was on its
// way has been taken for one of a subscription that is live.
void driver_bridge_behavior::over(const ended& message) {
  const auto* s = find(message.attachment);
  if (s == nullptr) return;
  const auto channel = s->channel;
  const bool expired = message.why.reason == token_expired().reason;
  if (expired && s->occupied) expired_.insert(channel);
  drop(message.attachment.slot);
  if (!expired) return;
  const auto found = stored(channel);
  if (!found) expired_.erase(channel);
  if (found && !found->token.has_expired(now_ms())) begin({channel}, *found);
  renew_later();
}

void driver_bridge_behavior::attach_to(attachment_id id, const collection_handle& found) {
  auto* s = find(id);
  if (s == nullptr) return;
  if (!found.definition || !options_.serves(found.definition->name)) return drop(id.slot);
  s->definition = found.definition;
  s->shard = shard_of(found.shards, s->channel);
  auto message = std::make_shared<attach_request>();
  message->from = s->is_new ? listener_kind::driver : listener_kind::driver_again;
  message->channel = s->channel;
  message->is_private = s->is_private;
  message->app_id = s->app_id;
  message->attachment = id;
  message->loop = options_.loop;
  message->answer_to = caf::actor_cast<loop_actor>(this);
  // Asked rather than told, lest a collection that ends now leaves it unanswered.
  request(s->shard, caf::infinite, attach_request_ptr{std::move(message)})
      .then([] {},
            [this, id](const caf::error&) {
              if (find(id) != nullptr) drop(id.slot);
            });
}

void driver_bridge_behavior::answered(slot& s) {
  if (std::exchange(s.live, true)) return;
  for (auto& promise : std::exchange(s.waiting, {})) promise.deliver(ack{});
  --pending_;
  finish_restore();
}

void driver_bridge_behavior::drop(std::uint32_t index) {
  auto& s = slots_[index];
  by_channel_.erase(s.channel);
  if (s.occupied) --occupied_;
  const bool pending = !s.live;
  const auto waiting = std::exchange(s.waiting, {});
  const auto generation = s.generation + 1;
  s = {};
  s.generation = generation;
  free_.push_back(index);
  for (auto promise : waiting) promise.deliver(ack{});
  if (pending) --pending_;
  finish_restore();
}

void driver_bridge_behavior::release(const channel_id& channel) {
  expired_.erase(channel);
  const auto known = by_channel_.find(channel);
  if (known == by_channel_.end()) return;
  const auto index = known->second;
  const auto& s = slots_[index];
  if (s.shard) send(s.shard, detach_notice{channel, {index, s.generation}, options_.loop});
  drop(index);
}

void driver_bridge_behavior::restore(const std::string& after) {
  // By no more at a time than the collections take easily.
  if (pending_ > pending_max) {
    delayed_send(caf::actor_cast<driver_bridge_actor>(this), look_again, restore_page{after});
    return;
  }
  const auto transaction = database_.env().begin_read();
  const auto page =
      transaction
          ? database_.connections.list(*transaction, after, page_size)
          : storage::result<std::vector<storage::connection>>(storage::fail(transaction.error()));
  if (!page) spdlog::error("storage: subscriptions cannot be read: {}", page.error().message());
  if (!page || page->empty()) {
    reading_ = false;
    return finish_restore();
  }
  for (const auto& stored : *page) {
    const auto channel = channel_id::parse(stored.uuid);
    if (channel && !by_channel_.contains(*channel)) begin({*channel, false, false}, stored);
  }
  send(caf::actor_cast<driver_bridge_actor>(this), restore_page{page->back().uuid});
}

void driver_bridge_behavior::finish_restore() {
  if (reading_ || pending_ > 0) return;
  for (auto& promise : std::exchange(restoring_, {})) promise.deliver(ack{});
}

driver_bridge_behavior::slot* driver_bridge_behavior::find(attachment_id id) {
  if (id.slot >= slots_.size()) return nullptr;
  auto& s = slots_[id.slot];
  return s.in_use && s.generation == id.generation ? &s : nullptr;
}

// -- events --------------------------------------------------------------------------

std::string driver_bridge_behavior::wire_name(const slot& s) const {
  auto name = (s.is_private ? "private-" : "") + options_.channel_prefix;
  return name.append(s.channel.text());
}

void driver_bridge_behavior::deliver(const fan_out& message) {
  tell(message.what, message.cause, message.targets);
}

void driver_bridge_behavior::deliver(const replay_chunk& message) {
  if (find(message.attachment) == nullptr) return;
  for (const auto& e : message.events) tell(e, nullptr, {message.attachment});
  if (message.begin) send(message.replayer, replay_request_ptr{message.begin});
  if (!message.next) return;
  // The next part when this one has left: a long replay must not fill the driver's queue.
  request(driver_, caf::infinite, flush{})
      .then([this, replayer = message.replayer,
             next = message.next](ack) { send(replayer, replay_on_ptr{next}); },
            [](const caf::error&) {});
}

void driver_bridge_behavior::tell(const std::shared_ptr<const event>& what, const change_ptr& cause,
                                  const std::vector<attachment_id>& targets) {
  auto message = std::make_shared<matched_event>();
  message->channels.reserve(targets.size());
  const bool has_origin = cause != nullptr && !cause->origin_socket_id.empty();
  for (const auto id : targets) {
    const auto* s = find(id);
    if (s == nullptr) continue;
    if (message->channels.empty()) message->collection = s->definition->name;
    // Nobody may silence somebody else.
    const bool own =
        has_origin && (cause->origin_privileged || cause->origin_identity == s->identity);
    message->channels.push_back({wire_name(*s), own});
  }
  if (message->channels.empty()) return;
  message->what = what;
  if (cause != nullptr) {
    message->action = rules::to_string(cause->action);
    message->record_id = cause->record_id;
    message->socket_id = cause->origin_socket_id;
  }
  send(driver_, matched_event_ptr{std::move(message)});
}

}  // namespace velo::actors
