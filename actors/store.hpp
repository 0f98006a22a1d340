// The only writer of the database, and the one sender of everything whose order
// matters. What queued up while the last transaction was committing is
// committed as one (group commit), so that many writers share one wait for the
// disk. Spawn it detached: it blocks on the disk.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "actors/subscription_quota.hpp"
#include "actors/write_hooks.hpp"
#include "actors/write_judge.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace velo::actors {

class store_behavior : public store_actor::base {
 public:
  /// `database` and `options` outlive the actor.
  store_behavior(caf::actor_config& config, storage::database& database,
                 const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "store"; }
  void on_exit() override;

 private:
  /// A collection and the shards where its changes go. Shared with the batch under way,
  /// which replaces it on success.
  struct entry {
    write_target target;
    shard_list shards;
    std::uint64_t sequence = 0;  ///< The last one given out.
  };
  using entries = std::unordered_map<std::string, std::shared_ptr<entry>>;

  template <class Request, class Answer>
  struct queued {
    Request request;
    caf::typed_response_promise<Answer> promise;
    std::int64_t began = 0;  ///< When it was queued, for the stage clock.
  };
  /// A request that hooks are asked about, from its arrival to its answer.
  struct parked_write {
    enum class step : std::uint8_t {
      arrived,  ///< Not looked at yet.
      queued,   ///< A pass is queued.
      asking,   ///< Hooks are being asked.
      heard,    ///< They have answered.
      ready,    ///< Nothing is left to ask: it waits for its turn.
    };
    explicit parked_write(const hook_set& hooks, const write_request& request)
        : said(hooks, request.operations.size()) {}

    std::uint64_t number = 0;
    step at = step::arrived;
    bool first_pass = true;
    std::size_t unanswered = 0;
    write_hooks said;
    std::set<std::string> collections;
    std::set<std::pair<std::string, std::string>> records;  ///< Those it names.
    write_request_ptr request;
    caf::typed_response_promise<write_answer_ptr> promise;
    std::int64_t began = 0;
  };
  using parked_ptr = std::shared_ptr<parked_write>;
  struct queued_write : queued<write_request_ptr, write_answer_ptr> {
    parked_ptr parked;  ///< Null where no hook is asked.
  };
  using queued_definition = queued<collection_definition_ptr, collection_answer>;
  using queued_removal = queued<collection_removal, collection_answer>;
  using queued_connection = queued<connection_ptr, subscribe_answer>;
  using queued_drop = queued<drop_connection_ptr, bool>;
  using queued_flush = queued<flush, ack>;
  using queued_renewal = queued<renew_claims, bool>;
  using queued_token = queued<renew_token, bool>;
  using queued_revocation = queued<revocation_ptr, revoke_answer>;
  using queued_webhooks = queued<webhook_change_ptr, ack>;
  /// Erases the oldest of a change log, so many as delay nobody.
  struct queued_trim {
    std::string collection_id;
  };
  using item =
      std::variant<queued_write, queued_definition, queued_removal, queued_connection, queued_drop,
                   queued_renewal, queued_token, queued_revocation, queued_webhooks, queued_flush,
                   queued_trim, touch_connection, identity_change_ptr>;
  using items = std::span<item>;

  /// One attempt at a transaction; thrown away whole when it has to be repeated.
  struct batch {
    const storage::transaction& reader;
    storage::write_transaction* writer;  ///< Null where nothing queued needs one.
    std::int64_t now = 0;
    entries staged;                              ///< Overlays entries_; null: dropped.
    std::vector<std::function<void()>> effects;  ///< Answers and events, after the commit.
    std::set<std::uint64_t> written;             ///< Of parked writes, those that came through.
    subscription_quota::changes counted;
    /// The last connection number given out, and the last one that is reserved on disk.
    std::uint64_t connection_number = 0, connection_numbers = 0;
  };

  template <class Answer, class Request>
  caf::typed_response_promise<Answer> enqueue(Request request);
  void schedule_commit();
  void commit_queued_items();
  /// Commits them as one and runs their effects; on failure nothing has happened.
  storage::result<void> commit(items together);
  [[nodiscard]] bool needs_transaction(items together) const;
  void fail(items refused, const std::string& why);

  // One per kind of item. An error ends the transaction; a refusal is an answer.
  storage::result<void> apply(batch& b, const queued_write& q);
  storage::result<void> apply(batch& b, const queued_definition& q);
  storage::result<void> apply(batch& b, const queued_removal& q);
  storage::result<void> apply(batch& b, const queued_connection& q);
  storage::result<void> apply(batch& b, const queued_drop& q);
  storage::result<void> apply(batch& b, const queued_renewal& q);
  storage::result<void> apply(batch& b, const queued_token& q);
  storage::result<void> apply(batch& b, const queued_revocation& q);
  storage::result<void> apply(batch& b, const queued_webhooks& q);
  storage::result<void> apply(batch& b, const queued_flush& q);
  storage::result<void> apply(batch& b, const queued_trim& q);
  storage::result<void> apply(batch& b, const touch_connection& touch);
  storage::result<void> apply(batch& b, const identity_change_ptr& change);

  /// Nothing where hooks have to be asked first, or it is not the request's turn.
  storage::result<std::optional<write_answer>> perform(batch& b, const write_request& request,
                                                       write_hooks* hooks, bool may_write);
  storage::result<outcome<std::optional<judged_write>>> judge_one(
      batch& b, const write_request& request, std::size_t position, const writer& by,
      write_hooks* hooks, const std::map<std::pair<std::string, std::string>, json_ptr>& overlay);
  storage::result<void> keep(batch& b, entry& e, judged_write& w, const identity& who,
                             bool ingested);
  /// Keeps how subscribers are shown the record, for snapshots and later changes.
  storage::result<void> keep_shown(batch& b, judged_write& w);

  // -- store_hooks.cpp: writes that hooks are asked about

  [[nodiscard]] bool parks() const;
  void park(const write_request_ptr& request, caf::typed_response_promise<write_answer_ptr> promise,
            std::int64_t began);
  /// Queues a pass of each parked write that can go on.
  void queue_passes();
  /// Whether all that came before it, of its collections, is written or refused.
  [[nodiscard]] bool has_its_turn(const batch& b, const parked_write& p) const;
  void ask_hooks(const parked_ptr& p);
  void unpark(const parked_ptr& p);

  void look_for_excess();
  [[nodiscard]] storage::retention kept_by(const storage::collection& definition) const;
  /// Stores it, or says why it is refused.
  storage::result<outcome<storage::connection>> keep(batch& b, const storage::connection& wanted);
  storage::result<std::uint64_t> next_connection_number(batch& b);
  void tell_all(const identity_change_ptr& change);
  void tell_user_ended(const std::string& collection_id, const std::string& record_id) const;
  /// Asks every shard that `definition` concerns; `then` runs when all have answered.
  template <class Message>
  void ask_concerned(const collection_ptr& definition, const Message& message,
                     std::function<void()> then);
  void announce(const collection_ptr& definition,
                caf::typed_response_promise<collection_answer> promise);

  [[nodiscard]] std::shared_ptr<entry> find(const batch& b, const std::string& id) const;
  entry& stage(batch& b, const std::string& id);

  storage::database& database_;
  const engine_options& options_;
  entries entries_;
  user_end_listener_ptr user_ends_;
  std::vector<item> queue_;
  bool commit_scheduled_ = false;
  std::list<parked_ptr> parked_;  ///< In the order they came.
  std::uint64_t last_parked_ = 0;
  std::vector<caf::typed_response_promise<ack>> flushing_;  ///< Until none is parked.
  bool any_shown_ = false;  ///< Some records are shown otherwise than they are stored.
  std::uint64_t changes_since_trim_ = 0;
  bool trimming_ = false;  ///< Slices are queued, or about to be looked for.
  std::size_t slices_queued_ = 0;
  std::uint64_t connection_number_ = 0, connection_numbers_ = 0;  // as in batch
  subscription_quota quota_;
};

}  // namespace velo::actors
