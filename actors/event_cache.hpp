// The last event of each cache channel, for as long as it is kept: also when
// nobody is on the channel.

#pragma once

#include "actors/channel_messages.hpp"

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace velo::actors {

/// Plain data of one channel actor.
class event_cache {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit event_cache(std::chrono::milliseconds ttl) : ttl_(ttl) {}

  void put(app_ref app, const std::string& channel, std::shared_ptr<const publish_request> what,
           time_point now);
  struct kept {
    std::shared_ptr<const publish_request> what;
    time_point until;
  };
  /// Null where there is none, or it is too old.
  [[nodiscard]] const kept* find(app_ref app, const std::string& channel, time_point now) const;

  /// Forgets what is too old.
  void expire(time_point now);
  /// When there will be something to forget.
  [[nodiscard]] std::optional<time_point> next_expiry() const;
  [[nodiscard]] std::size_t size() const { return by_channel_.size(); }

 private:
  using key = std::pair<app_ref, std::string>;
  struct entry : kept {
    std::list<const key*>::iterator place;
  };

  std::chrono::milliseconds ttl_;
  std::map<key, entry> by_channel_;
  // All are kept equally long, so they go in the order in which they came. Refers
  // to the map's keys.
  std::list<const key*> oldest_first_;
};

}  // namespace velo::actors
