// Plain Pusher channels, a share of them per actor: public, private, presence,
// encrypted and cache (PUSHER_PROTOCOL.md 5-11). A channel is a light object that
// comes with its first subscriber and goes with its last.

#pragma once

#include "actors/channel_interfaces.hpp"
#include "actors/channel_name.hpp"
#include "actors/event_cache.hpp"
#include "actors/loop_outlet.hpp"
#include "actors/options.hpp"
#include "actors/presence_members.hpp"
#include "actors/subscriber_set.hpp"
#include "actors/user_registry.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace velo::actors {

class channel_behavior : public channel_actor::base {
 public:
  /// The apps that messages refer to outlive it.
  channel_behavior(caf::actor_config& config, const channel_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "channel"; }

 private:
  using time_point = std::chrono::steady_clock::time_point;

  struct channel {
    subscriber_set subscribers;
    std::unique_ptr<presence_members> members;  // of a presence channel
    std::optional<time_point> count_told;       // when its subscribers last heard how many they are
    bool count_due = false;
    bool miss_told = false;
  };
  struct key {
    app_ref app = nullptr;
    std::string name;
    bool operator==(const key&) const = default;
    auto operator<=>(const key&) const = default;
  };
  struct key_view {
    app_ref app;
    std::string_view name;
  };
  struct key_hash {
    using is_transparent = void;
    std::size_t operator()(const key& k) const { return of(k.app, k.name); }
    std::size_t operator()(const key_view& k) const { return of(k.app, k.name); }
    static std::size_t of(app_ref app, std::string_view name) {
      return std::hash<app_ref>{}(app)*31 + std::hash<std::string_view>{}(name);
    }
  };
  struct key_equal {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a.app == b.app && a.name == b.name;
    }
  };
  using table = boost::unordered_flat_map<key, std::unique_ptr<channel>, key_hash, key_equal>;

  /// A list of channels that is being put together, some at a time.
  struct listing {
    list_channels_ptr what;
    caf::typed_response_promise<channel_list> promise;
    channel_list answer;
  };

  /// What happens later to a channel, which may be another one of its name by then.
  struct due {
    key where;
    std::string user_id;  // who has been away long enough; empty: the count is due
  };

  [[nodiscard]] channel* find(app_ref app, std::string_view name);

  void join(const join_channel& message);
  void welcome(const join_channel& message, channel& c);
  void leave(const leave_channel& message);
  void leave_member(const key& where, channel& c, presence_members::entry& member);
  void remove_member(const key& where, channel& c, presence_members::entry& member);
  void vacate_if_empty(const key& where, const channel& c);

  void forward(const member_event& message);
  [[nodiscard]] publish_answer publish(const publish_part& part);

  void list_slice();
  [[nodiscard]] channel_info info(const channel_query& message);
  [[nodiscard]] member_list members(const list_members& message);
  [[nodiscard]] static channel_counts counts_of(const channel* c, channel_kind kind,
                                                const wanted_counts& wanted);

  void count_changed(const key& where, channel& c);
  void tell_count(const key& where, channel& c);
  void tell_all(const channel& c, std::string frame) const;

  /// To the app's webhooks, where it has any.
  void report(const key& where, webhook_event_kind kind, std::string user_id = {}) const;

  void tick();
  void wake_at(time_point when);
  [[nodiscard]] time_point now();

  const channel_options options_;
  loop_outlet out_;
  table channels_;
  std::map<app_ref, std::set<std::string>> names_;  // of those that are listed
  std::deque<listing> listings_;
  event_cache cache_;
  user_registry users_;
  std::multimap<time_point, due> due_;
  std::optional<time_point> wakes_at_;
};

}  // namespace velo::actors
