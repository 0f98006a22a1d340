// One collection as an actor: its rule in force, its attached subscriptions, and
// one order of events for all of them. A hot collection is several of them, its
// shards, which share the subscriptions by their channels.
//
// A rule change (collection_in_force.cpp) goes in three steps, with changes
// matched in between. Slice by slice every subscription is judged by the new
// rule and bound into a second index; then the second index takes the place of
// the first, at one point among the changes; then, again in slices, those whom
// the new rule allows no more hear so.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/live_subscriptions.hpp"
#include "actors/options.hpp"
#include "actors/subscriber_hook.hpp"
#include "rules/rule.hpp"
#include "rules/subscribe_decision.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace velo::actors {

class collection_behavior : public collection_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  collection_behavior(caf::actor_config& config, const collection_ptr& definition, unsigned shards,
                      store_actor store, resume_actors resume, const storage::database& database,
                      const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "collection"; }
  void on_exit() override;

 private:
  using subscriber = live_subscriptions::subscriber;
  using ack_promise = caf::typed_response_promise<ack>;

  /// The hidden fields of collections of users, by id.
  using hidden_by_users = std::unordered_map<std::string, std::vector<std::string>>;

  /// What decides about one subscription. Refers to the caller's values.
  struct claimant {
    const rules::expression& filter;
    const rules::parameters& who;
    bool is_public = false;
  };

  /// By what it is decided.
  struct measure {
    const rules::rule& rule;
    const std::vector<std::string>& hidden;
  };

  /// A definition on its way into force.
  struct coming {
    collection_ptr definition;
    ack_promise ready;
    bool own = true;      ///< Otherwise a users' collection: its hidden fields concern filters.
    bool rebinds = true;  ///< Otherwise no predicate changes, only who may go on.
    rules::rule rule;
    subscriber next = 0;  ///< The first that is not judged yet.
    bool judged_all = false;
    hidden_by_users hidden_of_users;
    std::vector<channel_id> condemned;  ///< Whom it allows no more.
  };

  /// A socket that listens, but is told first what it has missed.
  struct join {
    replay what;
    channel_id channel;
    listener to;
    std::uint64_t connection = 0;  ///< Its number where positions are kept, else 0.
    bool snapshot = false;         ///< Wants one when it starts over.
    bool asked = true;             ///< Waits to hear where it begins.
    bool outdated = false;         ///< Its predicate changed while it was asked.
    bool waits = false;            ///< For changes that storage has and this actor has not.
    std::uint64_t reached = 0;     ///< All up to here is told.
    std::uint64_t settled = 0;     ///< Its snapshot shows some records as late as this.
    unsigned restarts = 0;
  };
  using joins = std::unordered_map<replay_id, join>;

  void on_change(const change_ptr& changed);
  void tell_matching(const change_ptr& changed);
  void on_attach(const attach_request& message);
  void on_detach(const detach_notice& message);
  void on_stale(const stale_candidates& message);
  caf::typed_response_promise<subscribe_answer> on_subscribe(const subscribe_request& wanted);

  /// Judges a request by the newest rule and makes its connection record.
  outcome<storage::connection> decide(const subscribe_request& wanted);
  /// Makes a stored connection live.
  boost::system::result<subscriber, subscription_failure> revive(const attach_request& message);
  /// Whether rule, filter and identity allow the subscription.
  static std::optional<subscription_failure> refusal(
      const claimant& c, const measure& by, const std::vector<std::string>& hidden_of_users);
  /// The same of a live one; reads from storage what `known` does not have.
  std::optional<subscription_failure> refusal(subscriber s, const measure& by,
                                              hidden_by_users& known);

  // -- collection_joining.cpp: those who begin with something missed

  /// Takes a listener in, at once or after a replay.
  void begin(const attach_request& message, subscriber s);
  void begin_at(replay_id id, const begin_answer& where);
  void start_replay(join& j);
  void on_replayed(const replayed& part);
  /// Goes live if nothing is missing any more, else on with the replay.
  void go_on_or_live(join& j, std::vector<std::shared_ptr<const event>> events);
  void go_live(join& j);
  /// Has missed what cannot be told: hears so, then goes live or gets a new snapshot.
  void start_over(join& j);
  void give_up(replay_id id);
  /// Goes on by what is stored of it now, and hears what it missed while it was over.
  void take_back(subscriber s);
  /// One of its listeners, who is to be told something first.
  [[nodiscard]] join join_again(subscriber s, const listener& to);
  void end_joins(const channel_id& channel, const subscription_failure& why);
  void send_events(const join& j, std::vector<std::shared_ptr<const event>> events,
                   replay_on_ptr next);
  void resume_waiting();
  /// The predicate of `s` may be another: whoever follows it starts over.
  void predicate_changed(subscriber s);
  void note_coming_predicate(subscriber s);
  void mark_outdated(std::uint64_t connection, const std::string& socket_id);
  void remember(const change_ptr& change);
  [[nodiscard]] bool remembers_after(std::uint64_t sequence) const;
  [[nodiscard]] std::vector<change_ptr> remembered_after(std::uint64_t sequence) const;
  void tell_shaped(const change_ptr& changed);
  /// The same where hooks are asked for each subscriber.
  void tell_each(const change_ptr& changed);
  /// The event of a change for one who joins, if there is any.
  [[nodiscard]] std::shared_ptr<const event> missed_event(const join& j,
                                                          const storage::change& change);
  [[nodiscard]] std::string current_epoch(const storage::transaction& transaction) const;
  [[nodiscard]] rendering shown_with(const std::string& epoch) const {
    return {hidden_from_events(), options_.event_name, epoch};
  }
  [[nodiscard]] bool is_joining(const channel_id& channel) const {
    return joining_.contains(channel);
  }
  caf::typed_response_promise<events_answer> on_events(const events_request& wanted);

  // -- collection_tokens.cpp: the tokens that subscriptions live by

  void watch_token(subscriber s, const storage::token_facts& token);
  void on_token_renewed(const token_renewed& message);
  void on_revoked(const revocation& what);
  /// Announces and ends what is due, and sees to it that the next is not missed.
  void look_after_tokens();
  /// The same but for the last word: whether there is anybody to be ended, who heard no
  /// change after `heard`.
  bool doom_expired(std::int64_t now_ms, std::uint64_t heard);
  /// The token that is stored for a channel, if it has not expired.
  [[nodiscard]] std::optional<storage::token_facts> newer_token(
      const storage::transaction& transaction, const channel_id& channel,
      std::int64_t now_ms) const;
  void on_token_look();
  void schedule_token_look();
  void announce_expiry(subscriber s, std::int64_t expires_ms);
  /// To one who comes when it was announced already.
  void announce_to(subscriber s, const listener& to);
  /// They hear nothing more; end_slice() tells them.
  void doom_all(const std::vector<subscriber>& them, const live_subscriptions::fate& fate);

  // -- collection_in_force.cpp

  ack_promise on_definition(const collection_ptr& definition);
  ack_promise on_put_in_force();
  void on_identity_change(const identity_change& change);
  /// Puts what an identity is now in force for its subscriptions.
  void change_identity(const std::string& key, const nlohmann::json& auth, bool claims);

  static rules::rule list_rule(const storage::collection& definition,
                               const engine_options& options);
  void begin_coming(const collection_ptr& definition, ack_promise ready);
  void judge_slice();
  /// Judges a live subscription by the definition on its way.
  void judge_by_coming(subscriber s);
  void put_coming_in_force();
  /// Binds it by the rule in force, and by the one on its way.
  void put_in_indexes(subscriber s);
  [[nodiscard]] rules::predicate bind(subscriber s, const rules::rule& by);
  [[nodiscard]] measure in_force() const { return {rule_, definition_->hidden}; }
  [[nodiscard]] bool rule_is_coming() const { return coming_ && coming_->own; }
  /// By what is decided who may subscribe and attach: the newest, in force or not.
  [[nodiscard]] measure newest() const;
  /// What is hidden by the definition in force or by the one on its way.
  [[nodiscard]] const std::vector<std::string>& hidden_from_events() const;

  /// Tells those who are over, a slice at a time.
  void end_slice();
  /// The last word on one that is over. A newer token takes it back.
  void finish(subscriber s);
  /// Has the last word where there is one to be had on who listens on the channel.
  void finish_if_over(const channel_id& channel);
  /// Hears nothing more, but may not have been told yet.
  [[nodiscard]] bool is_over(subscriber s) const;
  void drop(const channel_id& channel, const subscription_failure& why);
  void tell(std::uint32_t loop, attachment_id attachment, const subscription_failure& why);

  collection_ptr definition_;
  rules::rule rule_;
  store_actor store_;
  const storage::database& database_;
  const engine_options& options_;
  live_subscriptions live_;
  /// Subscriptions that the store is keeping, by uuid: answered whatever happens.
  std::unordered_map<std::string, caf::typed_response_promise<subscribe_answer>> subscribing_;
  unsigned shards_;
  std::optional<coming> coming_;
  std::deque<std::pair<collection_ptr, ack_promise>> definitions_;  ///< Behind that one.
  std::deque<channel_id> endings_;
  bool ending_ = false;              ///< The store is asked to drop a slice of them.
  std::vector<ack_promise> obeyed_;  ///< Answered when there are none left.
  std::vector<std::string> all_hidden_;

  /// When the next look comes that is counted on; the latest there is: none.
  std::chrono::steady_clock::time_point token_look_at_ =
      std::chrono::steady_clock::time_point::max();

  resume_actors resume_;
  std::uint64_t sequence_ = 0;  ///< Of the last change the store has told.
  std::string epoch_;           ///< Of the log, as last read.
  joins joins_;
  std::unordered_multimap<channel_id, replay_id> joining_;
  std::vector<replay_id> waiting_;
  std::vector<channel_id> restarting_;  ///< When the definition on its way is in force.
  std::deque<change_ptr> remembered_;   ///< The last changes: while somebody joins, or for all.
  std::size_t remembered_bytes_ = 0;
  std::vector<rules::match> shaped_;  // scratch of on_change
  subscriber_view view_;

  /// Whether a driver stands behind the loop of this index, rather than sockets.
  [[nodiscard]] bool is_driver(std::uint32_t loop) const { return drivers_[loop] != 0; }
  /// Whether only drivers listen, who know nothing of who is still there.
  [[nodiscard]] bool only_drivers_listen(subscriber s) const;

  std::vector<loop_actor> loops_;                    // by index, filled as they attach
  std::vector<std::uint8_t> drivers_;                // by loop
  std::vector<std::vector<attachment_id>> targets_;  // scratch of on_change, by loop
};

}  // namespace velo::actors
