#include "actors/connection.hpp"

#include "actors/record_channel.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace velo::actors {

namespace {

// Commands that may be under way to other actors without an answer.
constexpr std::uint32_t unanswered_max = 64;

subscription_failure no_such_channel() {
  return {"NotFound", "There is no such channel; subscribe anew over HTTP.", 404, {}};
}

}  // namespace

connection_behavior::connection_behavior(caf::actor_config& config, connection_context& context,
                                         std::shared_ptr<session> client, std::string app_id,
                                         std::string socket_id, command_window* window)
    : on_loop(config, context.loop),
      context_(context),
      session_(std::move(client)),
      app_id_(std::move(app_id)),
      socket_id_(std::move(socket_id)),
      window_(window) {}

connection_behavior::behavior_type connection_behavior::make_behavior() {
  // Each is counted, whatever becomes of it.
  const auto counted = [this] {
    if (window_ != nullptr) window_->handled();
  };
  return {
      [this, counted](const client_subscribe& message) {
        subscribe(message.channel);
        counted();
      },
      [this, counted](const client_join_ptr& message) {
        join(*message);
        wait_for_channels();
        counted();
      },
      [this, counted](const client_unsubscribe& message) {
        unsubscribe(message.channel);
        counted();
      },
      [this, counted](const client_event_ptr& message) {
        if (auto* channels = plain()) channels->send(*session_, message, clock().now());
        counted();
      },
      [this, counted](const client_signin_ptr& message) {
        if (auto* channels = plain()) channels->sign_in(*session_, *message);
        counted();
      },
      [this](const close_connection& message) { session_->close(message.code, message.reason); },
      [this](session_closed) { quit(); },
  };
}

void connection_behavior::subscribe(const std::string& wire_name) {
  const auto channel = parse_record_channel(wire_name, context_.channel_prefix);
  if (!channel) {
    session_->subscription_error(wire_name, no_such_channel());
    return;
  }
  if (const auto known = subscriptions_.find(channel->id); known != subscriptions_.end()) {
    if (known->second.is_private != channel->is_private) {
      session_->subscription_error(wire_name, no_such_channel());
      return;
    }
    switch (context_.attached.state_of(known->second.attachment)) {
      case attachments::state::live:
        // The client lost our answer: idempotent.
        session_->subscription_succeeded(wire_name);
        return;
      case attachments::state::pending:
        return;
      case attachments::state::gone:
        subscriptions_.erase(known);
    }
  }
  if (room() == 0) {
    session_->subscription_error(
        wire_name, {"LimitReached",
                    "A connection may have at most " + std::to_string(context_.subscriptions_max) +
                        " subscriptions.",
                    429,
                    {}});
    return;
  }
  const auto attachment = context_.attached.add(*session_, channel->id, channel->is_private);
  subscriptions_.emplace(channel->id, subscription{attachment, channel->is_private, {}});
  auto reader = context_.database.env().begin_read();
  if (!reader) return refuse(attachment, {"ServerError", reader.error().message(), 500, {}});
  const auto stored = context_.database.connections.get(*reader, channel->id.text());
  if (!stored) return refuse(attachment, {"ServerError", stored.error().message(), 500, {}});
  if (!*stored || (*stored)->app_id != app_id_) return refuse(attachment, no_such_channel());
  attach_to(channel->id, channel->is_private, attachment, (*stored)->collection_id);
}

void connection_behavior::attach_to(const channel_id& channel, bool is_private,
                                    attachment_id attachment, const std::string& collection_id) {
  const bool waits = is_time_to_wait();
  const auto asked = [waits](auto question, auto then, auto fail) {
    if (waits)
      std::move(question).await(std::move(then), std::move(fail));
    else
      std::move(question).then(std::move(then), std::move(fail));
  };
  asked(
      request(context_.registry, caf::infinite, collection_id),
      [this, channel, is_private, attachment, asked](const collection_handle& found) {
        const auto here = subscriptions_.find(channel);
        // Unsubscribed or closed meanwhile: there is nothing to attach.
        if (here == subscriptions_.end() || here->second.attachment != attachment) return;
        if (!found.definition) return refuse(attachment, no_such_channel());
        const auto& shard = shard_of(found.shards, channel);
        here->second.collection = shard;
        auto message = std::make_shared<attach_request>();
        message->channel = channel;
        message->is_private = is_private;
        message->app_id = app_id_;
        message->socket_id = socket_id_;
        // A private channel is one user's: nobody is a stranger there.
        if (const auto* acks = session_->acknowledged(); acks != nullptr && !is_private)
          message->client = acks->client;
        message->attachment = attachment;
        message->loop = context_.loop_index;
        message->answer_to = context_.answers;
        // Asked rather than told, lest a collection that ends now leaves it unanswered.
        asked(
            request(shard, caf::infinite, attach_request_ptr{std::move(message)}), [] {},
            [this, attachment](const caf::error&) { refuse(attachment, no_such_channel()); });
      },
      [this, attachment](const caf::error&) {
        refuse(attachment, {"ServerError", "The server is stopping.", 503, {}});
      });
}

void connection_behavior::refuse(attachment_id attachment, subscription_failure why) {
  context_.attached.end(attachment, why);
}

std::size_t connection_behavior::room() {
  const auto taken = [this] { return subscriptions_.size() + (plain_ ? plain_->size() : 0); };
  if (taken() >= context_.subscriptions_max) {
    forget_ended();
    if (plain_) plain_->forget_refused();
  }
  return context_.subscriptions_max - std::min(taken(), context_.subscriptions_max);
}

client_channels* connection_behavior::plain() {
  if (plain_) return plain_.get();
  const auto* directory = context_.channels.directory;
  const auto* app = directory != nullptr ? directory->find_app(app_id_) : nullptr;
  if (app == nullptr) return nullptr;
  plain_ =
      std::make_unique<client_channels>(context_.channels, context_.attached.memberships(), app,
                                        context_.loop_index, context_.answers, socket_id_);
  return plain_.get();
}

void connection_behavior::join(const client_join& wanted) {
  if (auto* channels = plain()) return channels->subscribe(*session_, wanted, room());
  session_->subscription_error(wanted.channel, no_such_channel());
}

bool connection_behavior::is_time_to_wait() {
  if (++unanswered_ < unanswered_max) return false;
  unanswered_ = 0;
  return true;
}

// A client may join and leave faster than a channel's actor takes it; a question behind
// what it was told is answered when that is done.
void connection_behavior::wait_for_channels() {
  if (!plain_ || !is_time_to_wait()) return;
  const auto* app = context_.channels.directory->find_app(app_id_);
  const auto nothing = std::make_shared<const channel_query>(channel_query{app, {}});
  for (const auto& shard : context_.channels.directory->shards())
    request(shard, caf::infinite, channel_query_ptr{nothing})
        .await([](const channel_info&) {}, [](const caf::error&) {});
}

void connection_behavior::unsubscribe(const std::string& wire_name) {
  if (plain_ && plain_->unsubscribe(wire_name)) return;
  const auto channel = parse_record_channel(wire_name, context_.channel_prefix);
  if (!channel) return;
  const auto known = subscriptions_.find(channel->id);
  if (known == subscriptions_.end() || known->second.is_private != channel->is_private) return;
  leave(known->first, known->second);
  subscriptions_.erase(known);
}

void connection_behavior::leave(const channel_id& channel, const subscription& s) {
  if (context_.attached.state_of(s.attachment) == attachments::state::gone) return;
  context_.attached.remove(s.attachment);
  // Without a sender: this may run while the last reference to this actor goes.
  if (s.collection)
    caf::anon_send(s.collection, detach_notice{channel, s.attachment, context_.loop_index});
}

// However it ends, nothing may deliver to a session that is let go.
void connection_behavior::on_exit() {
  for (const auto& [channel, s] : subscriptions_) leave(channel, s);
  subscriptions_.clear();
  if (plain_) plain_->leave_all();
  plain_.reset();
  window_ = nullptr;
  session_.reset();
}

void connection_behavior::forget_ended() {
  for (auto at = subscriptions_.begin(); at != subscriptions_.end();) {
    const bool gone = context_.attached.state_of(at->second.attachment) == attachments::state::gone;
    at = gone ? subscriptions_.erase(at) : std::next(at);
  }
}

connection_actor spawn_connection(connection_context& context, std::shared_ptr<session> client,
                                  std::string app_id, std::string socket_id,
                                  command_window* window) {
  return context.loop.system().spawn<connection_behavior, caf::hidden>(
      context, std::move(client), std::move(app_id), std::move(socket_id), window);
}

}  // namespace velo::actors
