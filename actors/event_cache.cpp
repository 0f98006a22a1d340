#include "actors/event_cache.hpp"

namespace velo::actors {

void event_cache::put(app_ref app, const std::string& channel,
                      std::shared_ptr<const publish_request> what, time_point now) {
  const auto [at, is_new] = by_channel_.try_emplace({app, channel});
  auto& e = at->second;
  e.what = std::move(what);
  e.until = now + ttl_;
  if (is_new)
    e.place = oldest_first_.insert(oldest_first_.end(), &at->first);
  else
    oldest_first_.splice(oldest_first_.end(), oldest_first_, e.place);
}

const event_cache::kept* event_cache::find(app_ref app, const std::string& channel,
                                           time_point now) const {
  const auto at = by_channel_.find({app, channel});
  return at == by_channel_.end() || at->second.until <= now ? nullptr : &at->second;
}

void event_cache::expire(time_point now) {
  while (!oldest_first_.empty()) {
    const auto at = by_channel_.find(*oldest_first_.front());
    if (at->second.until > now) return;
    oldest_first_.pop_front();
    by_channel_.erase(at);
  }
}

std::optional<event_cache::time_point> event_cache::next_expiry() const {
  if (oldest_first_.empty()) return std::nullopt;
  return by_channel_.at(*oldest_first_.front()).until;
}

}  // namespace velo::actors
