// The attached subscriptions of one collection, and which of them a change
// concerns. Plain data: the collection actor owns one. Matching is sequential,
// one predicate after another; a predicate index takes this class's place
// behind the same interface.

#pragma once

#include "actors/messages.hpp"
#include "rules/bind.hpp"
#include "rules/evaluate.hpp"
#include "rules/expression.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace velo::actors {

/// One place where a subscription is heard: a socket on a loop.
struct listener {
  attachment_id attachment;
  std::uint32_t loop = 0;
  std::string socket_id;
};

struct live_subscription {
  storage::connection stored;
  std::string identity_key;
  rules::expression filter;
  json_ptr auth;  ///< What `@request.auth` is bound to; null for a guest.
  rules::predicate bound;
  std::uint8_t actions = 0;  ///< Bit per action wanted.
  std::vector<listener> listeners;

  [[nodiscard]] bool wants(rules::action a) const {
    return (actions >> static_cast<unsigned>(a) & 1U) != 0;
  }
};

class live_subscriptions {
 public:
  using visit = std::function<void(live_subscription&)>;

  [[nodiscard]] live_subscription* find(const channel_id& channel);
  /// Replaces what the channel had.
  live_subscription& add(const channel_id& channel, live_subscription subscription);
  void remove(const channel_id& channel);

  /// Puts another predicate in force for `s`, which this object holds.
  void rebind(live_subscription& s, rules::predicate bound);

  /// Calls `found` for each subscription whose predicate holds for the change.
  void match(const storage::change& change, std::string_view now, const visit& found);

  /// Visits all, or those of one identity. The visitor may not add or remove.
  void for_each(const visit& visitor);
  void for_each_of(const std::string& identity_key, const visit& visitor);

  [[nodiscard]] std::size_t size() const { return by_channel_.size(); }

 private:
  // unordered_map nodes stay where they are, so pointers to values are safe.
  std::unordered_map<channel_id, live_subscription> by_channel_;
  std::unordered_multimap<std::string, live_subscription*> by_identity_;
};

}  // namespace velo::actors
