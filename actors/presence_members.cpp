#include "actors/presence_members.hpp"

#include "actors/event_body.hpp"
#include "actors/pusher_frame.hpp"

#include <algorithm>

namespace velo::actors {

namespace {

std::string_view without_first(std::string_view text) {
  return text.empty() ? text : text.substr(1);
}

}  // namespace

presence_members::entry* presence_members::find(const std::string& user_id) {
  const auto at = by_id_.find(user_id);
  return at == by_id_.end() ? nullptr : &*at;
}

presence_members::entry& presence_members::add(const channel_member& user) {
  auto& added = *by_id_.try_emplace(user.user_id).first;
  const auto id = ',' + escape_json(pusher_frame::quoted(user.user_id));
  const auto hash = id + ':' + escape_json(user.user_info);
  ids_ += id;
  hash_ += hash;
  order_.push_back(
      {&added, static_cast<std::uint32_t>(id.size()), static_cast<std::uint32_t>(hash.size())});
  return added;
}

void presence_members::remove(entry& gone) {
  std::size_t id_at = 0;
  std::size_t hash_at = 0;
  auto at = order_.begin();
  for (; at != order_.end() && at->who != &gone; ++at) {
    id_at += at->id_bytes;
    hash_at += at->hash_bytes;
  }
  if (at == order_.end()) return;
  ids_.erase(id_at, at->id_bytes);
  hash_.erase(hash_at, at->hash_bytes);
  order_.erase(at);
  by_id_.erase(by_id_.find(gone.first));
}

std::vector<std::string> presence_members::user_ids() const {
  std::vector<std::string> ids;
  ids.reserve(order_.size());
  for (const auto& place : order_) ids.push_back(place.who->first);
  return ids;
}

std::string presence_members::succeeded_frame(std::string_view channel) const {
  return pusher_frame::presence_succeeded(channel, without_first(ids_), without_first(hash_),
                                          size());
}

}  // namespace velo::actors
