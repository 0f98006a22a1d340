#include "actors/user_registry.hpp"

#include "actors/pusher_frame.hpp"

#include <algorithm>

namespace velo::actors {

namespace {

constexpr std::uint16_t unauthorized = 4009;

void remove_from(std::vector<socket_place>& places, const socket_place& gone) {
  const auto at = std::find(places.begin(), places.end(), gone);
  if (at == places.end()) return;
  *at = places.back();
  places.pop_back();
}

}  // namespace

void user_registry::sign_in(const actors::sign_in& message) {
  auto& user = users_[{message.app, message.user_id}];
  if (std::find(user.sockets.begin(), user.sockets.end(), message.at) != user.sockets.end()) return;
  user.sockets.push_back(message.at);
  if (user.sockets.size() == 1) tell_watchers(user, message.user_id, true);
  if (message.watchlist.empty()) return;
  std::vector<std::string_view> online;
  std::vector<std::string_view> offline;
  for (const auto& id : message.watchlist) {
    auto& watched = users_[{message.app, id}];
    watched.watchers.push_back(message.at);
    (watched.sockets.empty() ? offline : online).emplace_back(id);
  }
  watchlists_[{message.at.loop, message.at.membership.slot}] = message.watchlist;
  out_.tell(message.at, pusher_frame::watchlist_events(online, offline));
}

void user_registry::sign_out(const actors::sign_out& message) {
  const socket_place gone{message.loop, message.membership};
  unwatch(message.app, gone);
  const auto at = users_.find({message.app, message.user_id});
  if (at == users_.end()) return;
  const auto before = at->second.sockets.size();
  remove_from(at->second.sockets, gone);
  if (before > 0 && at->second.sockets.empty()) tell_watchers(at->second, message.user_id, false);
  forget_if_unused(at);
}

void user_registry::unwatch(app_ref app, const socket_place& watcher) {
  const auto list = watchlists_.find({watcher.loop, watcher.membership.slot});
  if (list == watchlists_.end()) return;
  for (const auto& id : list->second) {
    const auto at = users_.find({app, id});
    if (at == users_.end()) continue;
    remove_from(at->second.watchers, watcher);
    forget_if_unused(at);
  }
  watchlists_.erase(list);
}

void user_registry::forget_if_unused(std::map<key, user>::iterator at) {
  if (at->second.sockets.empty() && at->second.watchers.empty()) users_.erase(at);
}

std::size_t user_registry::terminate(const terminate_user& message) {
  const auto at = users_.find({message.app, message.user_id});
  if (at == users_.end()) return 0;
  loop_outlet::audience all;
  for (const auto& place : at->second.sockets) all.add(place.loop, place.membership);
  const auto count = all.size();
  out_.close(std::move(all), unauthorized, "The user's connections were terminated.");
  return count;
}

void user_registry::tell_watchers(const user& of, const std::string& user_id, bool online) const {
  loop_outlet::audience all;
  for (const auto& place : of.watchers) all.add(place.loop, place.membership);
  if (all.size() == 0) return;
  const std::vector<std::string_view> ids{user_id};
  out_.tell(std::move(all), online ? pusher_frame::watchlist_events(ids, {})
                                   : pusher_frame::watchlist_events({}, ids));
}

}  // namespace velo::actors
