#include "actors/client_channels.hpp"

#include "actors/channel_name.hpp"
#include "actors/pusher_frame.hpp"

#include <caf/send.hpp>

#include <memory>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::uint16_t unauthorized = 4009;
constexpr std::uint16_t client_event_rejected = 4301;
constexpr std::uint16_t watchlist_too_long = 4302;

void tell(session& client, std::string frame) {
  client.deliver_text(std::make_shared<const std::string>(std::move(frame)));
}

}  // namespace

client_channels::client_channels(const client_channels_context& context, memberships& members,
                                 app_ref app, std::uint32_t loop, loop_actor answers,
                                 std::string socket_id)
    : context_(context),
      members_(members),
      app_(app),
      loop_(loop),
      answers_(std::move(answers)),
      socket_id_(std::move(socket_id)) {}

// -- channels ----------------------------------------------------------------

void client_channels::subscribe(session& client, const client_join& wanted, std::size_t room) {
  if (auto why = refusal(wanted)) return client.subscription_error(wanted.channel, *why);
  auto member = wanted.member;
  if (!member && is_presence(kind_of(wanted.channel))) member = user_->who;
  const auto known = joined_.find(wanted.channel);
  if (known != joined_.end() && members_.has(known->second)) {
    // The client lost our answer: the channel gives it anew, with who is there now.
    return join(wanted.channel, known->second, std::move(member));
  }
  if (known == joined_.end() && room == 0) {
    return client.subscription_error(
        wanted.channel, {"LimitReached", "The connection has too many subscriptions.", 429, {}});
  }
  const auto membership = members_.add(client);
  joined_.insert_or_assign(wanted.channel, membership);
  join(wanted.channel, membership, std::move(member));
}

std::optional<subscription_failure> client_channels::refusal(const client_join& wanted) const {
  const auto kind = kind_of(wanted.channel);
  if (is_presence(kind) && !wanted.member && !user_) {
    return subscription_failure{
        "AuthError",
        "A presence channel needs channel_data with a user_id, or a sign-in.",
        401,
        {}};
  }
  if (kind == channel_kind::server_to_user) {
    const auto user = std::string_view(wanted.channel).substr(server_to_user_prefix.size());
    if (!user_ || user_->who.user_id != user)
      return subscription_failure{
          "AuthError", "The connection is not signed in as this user.", 401, {}};
  }
  return std::nullopt;
}

void client_channels::join(const std::string& channel, attachment_id membership,
                           std::optional<channel_member> member) {
  auto message = std::make_shared<join_channel>();
  message->app = app_;
  message->channel = channel;
  message->at = {loop_, membership};
  message->answer_to = answers_;
  message->socket_id = socket_id_;
  message->member = std::move(member);
  caf::anon_send(context_.directory->of_channel(app_, channel),
                 join_channel_ptr{std::move(message)});
}

bool client_channels::unsubscribe(const std::string& channel) {
  const auto known = joined_.find(channel);
  if (known == joined_.end()) return false;
  leave(channel, known->second);
  joined_.erase(known);
  return true;
}

void client_channels::leave(const std::string& channel, attachment_id membership) {
  if (!members_.has(membership)) return;
  // From now on nothing of the channel reaches the socket, whatever is under way.
  members_.remove(membership);
  caf::anon_send(context_.directory->of_channel(app_, channel),
                 leave_channel_ptr{std::make_shared<const leave_channel>(
                     leave_channel{app_, channel, loop_, membership})});
}

void client_channels::leave_all() {
  for (const auto& [channel, membership] : joined_) leave(channel, membership);
  joined_.clear();
  if (!user_) return;
  members_.remove(user_->membership);
  caf::anon_send(context_.directory->of_users(app_),
                 sign_out_ptr{std::make_shared<const actors::sign_out>(
                     actors::sign_out{app_, user_->who.user_id, loop_, user_->membership})});
  user_.reset();
}

void client_channels::forget_refused() {
  boost::unordered::erase_if(joined_,
                             [this](const auto& entry) { return !members_.has(entry.second); });
}

// -- client events -----------------------------------------------------------

void client_channels::send(session& client, const client_event_ptr& event, time_point now) {
  if (auto why = event_refusal(*event, now); !why.empty())
    return tell(client, pusher_frame::error(client_event_rejected, why));
  caf::anon_send(context_.directory->of_channel(app_, event->channel),
                 member_event_ptr{std::make_shared<const member_event>(
                     member_event{app_, event, loop_, joined_.at(event->channel), socket_id_})});
}

std::string client_channels::event_refusal(const client_event& event, time_point now) {
  const auto& limits = context_.options;
  if (!app_->client_events) return "Client events are not enabled for this app.";
  if (!takes_client_events(kind_of(event.channel)))
    return "Client events need a private or presence channel.";
  if (event.event.size() > limits.event_name_bytes_max)
    return "An event's name has at most " + std::to_string(limits.event_name_bytes_max) + " bytes.";
  if (event.data.size() > limits.event_bytes_max)
    return "An event's data has at most " + std::to_string(limits.event_bytes_max) + " bytes.";
  const auto known = joined_.find(event.channel);
  if (known == joined_.end() || !members_.has(known->second))
    return "Client events need a subscription to their channel.";
  if (!take_turn(now))
    return "A connection may send at most " + std::to_string(limits.client_events_per_second) +
           " client events a second.";
  return {};
}

bool client_channels::take_turn(time_point now) {
  if (now - second_began_ >= std::chrono::seconds{1}) {
    second_began_ = now;
    events_in_second_ = 0;
  }
  if (events_in_second_ >= context_.options.client_events_per_second) return false;
  ++events_in_second_;
  return true;
}

// -- who the client is -------------------------------------------------------

void client_channels::sign_in(session& client, const client_signin& who) {
  if (user_ && user_->who.user_id != who.user.user_id) {
    return tell(client, pusher_frame::error(
                            unauthorized, "The connection is signed in as another user already."));
  }
  tell(client, pusher_frame::signin_success(who.user_data));
  if (who.watchlist_cut) {
    tell(client, pusher_frame::error(watchlist_too_long,
                                     "The watchlist is too long: only the first " +
                                         std::to_string(who.watchlist.size()) + " were taken."));
  }
  if (user_) return;
  user_ = signed_in{who.user, members_.add(client)};
  auto message = std::make_shared<actors::sign_in>();
  message->app = app_;
  message->user_id = who.user.user_id;
  message->at = {loop_, user_->membership};
  message->answer_to = answers_;
  message->watchlist = who.watchlist;
  caf::anon_send(context_.directory->of_users(app_), sign_in_ptr{std::move(message)});
}

}  // namespace velo::actors
