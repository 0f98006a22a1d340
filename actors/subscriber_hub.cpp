#include "actors/subscriber_hub.hpp"

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <utility>

namespace velo::actors {

namespace {

// Sockets get the payload as the inside of a JSON string; it is read back once for all.
std::shared_ptr<const nlohmann::json> payload_of(const event& e) {
  const auto text = nlohmann::json::parse('"' + e.data + '"');
  return std::make_shared<const nlohmann::json>(
      nlohmann::json::parse(text.get_ref<const std::string&>()));
}

subscription_event_ptr told(const channel_id& to, const event& e,
                            const std::shared_ptr<const nlohmann::json>& payload) {
  return std::make_shared<const subscription_event>(
      subscription_event{to, e.name, payload, e.sequence});
}

}  // namespace

subscriber_hub_behavior::subscriber_hub_behavior(caf::actor_config& config, std::uint32_t loop,
                                                 store_actor store)
    : subscriber_hub_actor::base(config), loop_(loop), store_(std::move(store)) {
  set_down_handler([this](const caf::down_msg& message) { died(message.source); });
}

subscriber_hub_behavior::behavior_type subscriber_hub_behavior::make_behavior() {
  return {
      [this](const fan_out_ptr& message) { deliver(*message); },
      [this](const replay_chunk_ptr& message) { deliver(*message); },
      [](look_at_acknowledgements) {},
      [this](const attached& message) { began(message); },
      [this](const ended_ptr& message) { over(*message); },
      [](const text_fan_out_ptr&) {},
      [](const membership_refused_ptr&) {},
      [](const sockets_closed_ptr&) {},
      [this](const hear_ptr& wanted) { return begin(*wanted); },
      [this](const hear_no_more& message) {
        for (std::uint32_t i = 0; i < slots_.size(); ++i)
          if (slots_[i].who && slots_[i].channel == message.subscription) leave(i);
        return ack{};
      },
  };
}

void subscriber_hub_behavior::on_exit() {
  for (auto& s : slots_)
    if (s.begun.pending()) s.begun.deliver(heard{unavailable("The engine is stopping.")});
  slots_.clear();
  store_ = nullptr;
}

// -- from beginning to end ---------------------------------------------------------

subscriber_hub_behavior::heard_promise subscriber_hub_behavior::begin(const hear& wanted) {
  auto promise = make_response_promise<heard>();
  const auto channel = channel_id::parse(wanted.stored.uuid);
  if (!channel) {
    promise.deliver(heard{not_found()});
    return promise;
  }
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  auto& s = slots_[index];
  s.who = wanted.who;
  s.channel = *channel;
  s.shard = wanted.shard;
  s.sequence = wanted.stored.sequence;
  s.epoch = wanted.stored.epoch;
  s.begun = promise;
  if (!is_heard_elsewhere(index)) monitor(s.who);

  const attachment_id id{index, s.generation};
  auto message = std::make_shared<attach_request>();
  message->from = listener_kind::actor;
  message->channel = *channel;
  message->is_private = !wanted.stored.is_public;
  message->app_id = wanted.stored.app_id;
  message->attachment = id;
  message->loop = loop_;
  message->answer_to = caf::actor_cast<loop_actor>(this);
  // Asked rather than told, lest a collection that ends now leaves it unanswered.
  request(s.shard, caf::infinite, attach_request_ptr{std::move(message)})
      .then([] {},
            [this, id](const caf::error&) {
              over({id, {"NotFound", "The collection was deleted.", 404, "collection_deleted"}});
            });
  return promise;
}

void subscriber_hub_behavior::began(const attached& message) {
  auto* s = find(message.attachment);
  if (s == nullptr || !s->begun.pending()) return;
  const auto sequence = message.sequence != 0 ? message.sequence : s->sequence;
  s->begun.deliver(heard{subscription_begun{s->channel, sequence, s->epoch}});
}

void subscriber_hub_behavior::over(const ended& message) {
  auto* s = find(message.attachment);
  if (s == nullptr) return;
  if (s->begun.pending()) {
    const bool denied = message.why.status == 401 || message.why.status == 403;
    s->begun.deliver(heard{failure{
        denied ? failure_kind::forbidden : failure_kind::unavailable, message.why.message, {}}});
  } else {
    send(s->who, subscription_over_ptr{std::make_shared<const subscription_over>(
                     subscription_over{s->channel, message.why})});
  }
  forget(message.attachment.slot);
}

void subscriber_hub_behavior::leave(std::uint32_t index) {
  auto& s = slots_[index];
  send(s.shard, detach_notice{s.channel, {index, s.generation}, loop_});
  // Nobody can come back to it: what an actor missed it asks for with a sequence.
  auto d = std::make_shared<drop_connection>();
  d->channel = s.channel;
  d->why = {"NotFound", "The subscription was ended.", 404, "unsubscribed"};
  caf::anon_send(store_, drop_connection_ptr{std::move(d)});
  if (s.begun.pending()) s.begun.deliver(heard{not_found("The subscription was ended.")});
  forget(index);
}

void subscriber_hub_behavior::forget(std::uint32_t index) {
  auto& s = slots_[index];
  if (!is_heard_elsewhere(index)) demonitor(s.who.address());
  const auto generation = s.generation + 1;
  s = {};
  s.generation = generation;
  free_.push_back(index);
}

// One monitor stands for all subscriptions of an actor.
bool subscriber_hub_behavior::is_heard_elsewhere(std::uint32_t index) const {
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (i != index && slots_[i].who == slots_[index].who) return true;
  return false;
}

void subscriber_hub_behavior::died(const caf::actor_addr& who) {
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].who && slots_[i].who.address() == who) leave(i);
}

subscriber_hub_behavior::slot* subscriber_hub_behavior::find(attachment_id id) {
  if (id.slot >= slots_.size()) return nullptr;
  auto& s = slots_[id.slot];
  return s.who && s.generation == id.generation ? &s : nullptr;
}

// -- events --------------------------------------------------------------------------

void subscriber_hub_behavior::deliver(const fan_out& message) {
  const auto payload = payload_of(*message.what);
  for (const auto id : message.targets)
    if (const auto* s = find(id)) send(s->who, told(s->channel, *message.what, payload));
}

void subscriber_hub_behavior::deliver(const replay_chunk& message) {
  const auto* s = find(message.attachment);
  if (s == nullptr) return;
  for (const auto& e : message.events) send(s->who, told(s->channel, *e, payload_of(*e)));
  if (message.begin) send(message.replayer, replay_request_ptr{message.begin});
  if (message.next) send(message.replayer, replay_on_ptr{message.next});
}

}  // namespace velo::actors
