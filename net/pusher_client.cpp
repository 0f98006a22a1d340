#include "net/pusher_client.hpp"

#include "net/channel_name.hpp"
#include "net/close_code.hpp"
#include "net/signature.hpp"
#include "rules/json.hpp"

#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace velo::net {

namespace {

using actors::subscription_failure;
using nlohmann::json;

subscription_failure auth_error(std::string message) {
  return {"AuthError", std::move(message), 401, {}};
}

// A user's id: a text, or a number as its digits. Empty where it is neither.
std::string id_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_integer() ? value.dump() : std::string();
}

// The `user_info` of a text that parse_record() took (which bounds its nesting), its
// keys in their order.
std::string info_text(std::string_view of) {
  const auto all = nlohmann::ordered_json::parse(of, nullptr, false);
  const auto info = all.find("user_info");
  return info == all.end() ? "null" : info->dump();
}

// The first `max` distinct texts of a list. False where it is no list of texts.
bool read_watchlist(const json& list, std::size_t max, actors::client_signin& into) {
  if (!list.is_array()) return false;
  for (const auto& id : list) {
    if (!id.is_string()) return false;
    auto text = id.get<std::string>();
    auto& known = into.watchlist;
    if (std::find(known.begin(), known.end(), text) != known.end()) continue;
    if (known.size() == max) {
      into.watchlist_cut = true;
      return true;
    }
    known.push_back(std::move(text));
  }
  return true;
}

std::string too_long(const actors::channel_member& member, const identity_limits& limits) {
  if (member.user_id.size() > limits.user_id_bytes)
    return "A user_id has at most " + std::to_string(limits.user_id_bytes) + " bytes.";
  if (member.user_info.size() > limits.member_bytes)
    return "A member's user_info has at most " + std::to_string(limits.member_bytes) + " bytes.";
  return {};
}

}  // namespace

std::optional<actors::channel_member> read_member(std::string_view channel_data) {
  const auto data = rules::parse_record(channel_data);
  if (!data || !data->contains("user_id")) return std::nullopt;
  actors::channel_member member{id_text(data->at("user_id")), info_text(channel_data)};
  if (member.user_id.empty()) return std::nullopt;
  return member;
}

bool pusher_client::handle(const subscribe_frame& frame) const {
  const auto refuse = [&](const subscription_failure& why) {
    session.subscription_error(frame.channel, why);
    return false;
  };
  const auto kind = kind_of(frame.channel);
  if (!is_channel_name(frame.channel, limits.channel_name_bytes)) {
    return refuse({"NotFound",
                   "A channel's name has 1 to " + std::to_string(limits.channel_name_bytes) +
                       " of A-Z a-z 0-9 _ - = @ , . ;",
                   400,
                   {}});
  }
  if (kind == channel_kind::reserved)
    return refuse({"NotFound", "Names that begin with # are reserved.", 404, {}});
  if (needs_signature(kind) &&
      !verify_channel_auth(of, socket_id, frame.channel, frame.auth, frame.channel_data)) {
    return refuse(auth_error(frame.auth.empty()
                                 ? "The channel needs a signature."
                                 : "The signature is not that of this app, socket and channel."));
  }
  auto wanted = std::make_shared<actors::client_join>();
  wanted->channel = frame.channel;
  if (is_presence(kind) && !frame.channel_data.empty()) {
    wanted->member = read_member(frame.channel_data);
    if (!wanted->member) return refuse(auth_error("channel_data needs a user_id."));
    if (const auto why = too_long(*wanted->member, limits); !why.empty())
      return refuse({"LimitReached", why, 413, {}});
  }
  caf::anon_send(actor, actors::client_join_ptr{std::move(wanted)});
  return true;
}

bool pusher_client::handle(const client_event_frame& frame) const {
  caf::anon_send(actor, actors::client_event_ptr{std::make_shared<const actors::client_event>(
                            actors::client_event{frame.channel, frame.event, frame.data})});
  return true;
}

bool pusher_client::handle(const signin_frame& frame) const {
  const auto refuse = [&](std::string_view why) {
    session.close(number(close_code::connection_unauthorized), why);
    return false;
  };
  if (!verify_user_auth(of, socket_id, frame.user_data, frame.auth))
    return refuse("The sign-in is not signed by this app for this socket.");
  const auto data = rules::parse_record(frame.user_data);
  auto who = std::make_shared<actors::client_signin>();
  if (data && data->contains("id") && data->at("id").is_string())
    who->user = {data->at("id").get<std::string>(), info_text(frame.user_data)};
  if (who->user.user_id.empty()) return refuse("user_data needs an id, which is a string.");
  if (const auto why = too_long(who->user, limits); !why.empty()) return refuse(why);
  const auto list = data->find("watchlist");
  if (list != data->end() && !list->is_null() && !read_watchlist(*list, limits.watchlist, *who))
    return refuse("A watchlist is a list of user ids.");
  who->user_data = frame.user_data;
  caf::anon_send(actor, actors::client_signin_ptr{std::move(who)});
  return true;
}

}  // namespace velo::net
