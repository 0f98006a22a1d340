// The attached subscriptions of one collection, or of one shard of it, and which
// of them a change concerns. Plain data: the collection actor owns one.
//
// There may be a million of them, so each is a small row: what many share (the
// texts of filters and options, users, sockets, apps) is kept once and named by
// a number. Filters are kept as texts and parsed when they are to be bound;
// users' records are kept packed. The predicate index keeps the predicates.

#pragma once

#include "actors/event_shape.hpp"
#include "actors/id_table.hpp"
#include "actors/interned_texts.hpp"
#include "actors/messages.hpp"
#include "actors/token_watch.hpp"
#include "rules/bind.hpp"
#include "rules/expression.hpp"
#include "rules/limits.hpp"
#include "rules/predicate_index.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
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

/// Whom `@request.…` stands for. Owns what its parameters point to.
struct requester {
  json_ptr auth;  ///< Null for a guest or a superuser.
  nlohmann::json query;
  bool superuser = false;

  [[nodiscard]] rules::parameters parameters() const {
    rules::parameters p;
    p.auth = auth.get();
    if (query.is_object()) p.query = &query;
    p.superuser = superuser;
    return p;
  }
};

/// Of a connection's options.
[[nodiscard]] requester requester_of(const storage::connection& stored, json_ptr auth);

/// Of a connection's options; bit per action.
[[nodiscard]] std::uint8_t wanted_actions(const nlohmann::json& options);

class live_subscriptions {
 public:
  using subscriber = rules::subscriber_id;
  static constexpr subscriber none = id_table::none;

  explicit live_subscriptions(const rules::limits& limits) : limits_(limits) {}

  // -- which there are -------------------------------------------------------------

  [[nodiscard]] subscriber find(const channel_id& channel) const;
  /// The channel must not be there. `filter` is what stored.filter says. `auth` counts
  /// if its identity is not known yet, otherwise what is known of it stays.
  subscriber add(const storage::connection& stored, const rules::expression& filter,
                 const json_ptr& auth);
  void remove(subscriber s);
  [[nodiscard]] std::size_t size() const { return by_channel_.size(); }
  /// All subscribers are below it, though not all below it are subscribers.
  [[nodiscard]] subscriber bound() const { return static_cast<subscriber>(rows_.size()); }
  [[nodiscard]] bool holds(subscriber s) const { return (rows_[s].flags & in_use) != 0; }

  // -- what is known of one ----------------------------------------------------------

  [[nodiscard]] channel_id channel(subscriber s) const;
  [[nodiscard]] std::string_view app(subscriber s) const { return apps_.text(rows_[s].app); }
  [[nodiscard]] bool is_public(subscriber s) const { return (rows_[s].flags & open) != 0; }
  [[nodiscard]] requester who(subscriber s);
  /// The auth collection of its user; empty for others.
  [[nodiscard]] std::string users_of(subscriber s) const;
  [[nodiscard]] bool filter_mentions_auth(subscriber s) const;
  /// Null if the text no longer parses. Good until the next call.
  [[nodiscard]] const rules::expression* filter(subscriber s);
  /// How many of them have a filter that mentions `@request.auth`.
  [[nodiscard]] std::size_t mentioning_auth() const { return mentioning_; }

  [[nodiscard]] const std::string& identity_key(subscriber s) const {
    return users_[rows_[s].identity].key;
  }
  /// The socket it was made with, if it was made with one.
  [[nodiscard]] std::vector<std::string> own_sockets(subscriber s) const {
    const auto& made_with = sockets_.text(rows_[s].origin);
    return made_with.empty() ? std::vector<std::string>{} : std::vector{made_with};
  }
  /// Bit per action wanted.
  [[nodiscard]] std::uint8_t actions(subscriber s) const { return rows_[s].actions; }
  /// What it wants beyond events as everybody's.
  [[nodiscard]] const subscription_extras& extras(subscriber s) const;
  /// Equal for subscribers whose events look alike.
  [[nodiscard]] std::uint32_t look(subscriber s) const { return rows_[s].options; }
  /// Whether it is to be told when its predicate is another.
  [[nodiscard]] bool follows_predicate(subscriber s) const {
    return (rows_[s].flags & follows) != 0;
  }
  /// Notes its predicate's hash; whether another one was noted before. Only for
  /// those who follow it.
  bool note_predicate(subscriber s, std::uint64_t hash);
  /// The hash noted last; 0 where there is none.
  [[nodiscard]] std::uint64_t noted_predicate(subscriber s) const;

  enum class cause : std::uint8_t { user_deleted, token_expired, token_revoked };
  struct fate {
    cause why = cause::user_deleted;
    std::uint64_t heard = 0;  ///< The last change that was for it; of a deleted user unknown.
  };
  /// It hears nothing more, and is to be ended.
  void doom(subscriber s, const fate& f) {
    rows_[s].flags |= doomed;
    if (f.why != cause::user_deleted) fates_[s] = f;
  }
  /// Of a doomed one.
  [[nodiscard]] fate fate_of(subscriber s) const {
    const auto at = fates_.find(s);
    return at == fates_.end() ? fate{} : at->second;
  }
  [[nodiscard]] bool is_doomed(subscriber s) const { return (rows_[s].flags & doomed) != 0; }
  /// The next rule allows it no more.
  void condemn(subscriber s, bool yes);
  [[nodiscard]] bool is_condemned(subscriber s) const { return (rows_[s].flags & condemned) != 0; }

  // -- where it is heard ---------------------------------------------------------------

  void listen(subscriber s, const listener& l);
  void unlisten(subscriber s, std::uint32_t loop, attachment_id attachment);
  [[nodiscard]] std::size_t listeners(subscriber s) const;
  /// The socket of one of its listeners.
  [[nodiscard]] std::string socket(subscriber s, std::uint32_t loop,
                                   attachment_id attachment) const;
  /// Calls `visit(loop, attachment)`.
  template <class Visit>
  void for_each_listener(subscriber s, Visit&& visit) const {
    const auto& r = rows_[s];
    if ((r.flags & heard) == 0) return;
    visit(r.ear.loop, r.ear.attachment);
    if ((r.flags & heard_more) == 0) return;
    for (const auto& e : more_.at(s)) visit(e.loop, e.attachment);
  }

  // -- identities ----------------------------------------------------------------------

  /// What `@request.auth` is for an identity that has live subscriptions, else null.
  [[nodiscard]] json_ptr auth_of(const std::string& identity_key);
  /// Whether that is a token's claims rather than a stored record.
  [[nodiscard]] bool is_claims(const std::string& identity_key) const;
  /// Puts another value there. False, and nothing happens, if it is nested too deeply.
  bool set_auth(const std::string& identity_key, const nlohmann::json& auth, bool claims);
  /// Those of one identity. To be rebound by whoever changed it.
  [[nodiscard]] std::vector<subscriber> of_identity(const std::string& identity_key) const;
  /// Those of all users of an auth collection.
  [[nodiscard]] std::vector<subscriber> of_users(const std::string& collection_id) const;

  // -- tokens ----------------------------------------------------------------------------

  /// What is told of the tokens of those who are here; who leaves, leaves it too.
  [[nodiscard]] token_watch& tokens() { return tokens_; }

  // -- predicates ------------------------------------------------------------------------

  /// In force from now on. One that has none, hears nothing.
  void put(subscriber s, const rules::predicate& bound) { index_->put(s, bound); }
  void withdraw(subscriber s) { index_->remove(s); }

  /// Opens a second index, to be filled beside the one in force.
  void begin_next() { next_ = std::make_unique<rules::predicate_index>(); }
  [[nodiscard]] bool has_next() const { return next_ != nullptr; }
  void put_next(subscriber s, const rules::predicate& bound) { next_->put(s, bound); }
  void withdraw_next(subscriber s) { next_->remove(s); }
  /// Puts the second index in force; returns the first, for whoever has the time to free it.
  std::unique_ptr<rules::predicate_index> swap_next();

  /// Adds to `targets`, by loop, each attachment that is to hear of the change.
  /// Returns whether there is any. `targets` has an entry for every loop. Those
  /// whose events look otherwise go to `shaped` instead; all do where `each_alone`.
  bool match(const storage::change& change, std::string_view now,
             std::vector<std::vector<attachment_id>>& targets, std::vector<rules::match>& shaped,
             bool each_alone = false);

  /// Calls `visit(loop, attachment)` for each listener of `s` whom the change's
  /// writer may not silence, or has not.
  template <class Visit>
  void for_each_hearing(subscriber s, const storage::change& change, Visit&& visit) const {
    const auto& r = rows_[s];
    const auto silence = silence_of(change);
    if ((r.flags & heard) == 0 || silence.covers(r, r.origin)) return;
    if (!silence.covers(r, r.ear.socket)) visit(r.ear.loop, r.ear.attachment);
    if ((r.flags & heard_more) == 0) return;
    for (const auto& e : more_.at(s))
      if (!silence.covers(r, e.socket)) visit(e.loop, e.attachment);
  }

  /// Heap memory without, and with, the predicate indexes.
  [[nodiscard]] std::size_t own_memory_bytes() const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  using text_id = interned_texts::id;

  struct ear {
    attachment_id attachment;
    std::uint32_t loop = 0;
    text_id socket = 0;
  };

  enum flag : std::uint8_t {
    in_use = 1,
    open = 2,  // a public channel
    heard = 4,
    heard_more = 8,
    doomed = 16,
    condemned = 32,
    shaped = 64,    // its events are not everybody's
    follows = 128,  // it is told when its predicate is another
  };

  struct row {
    std::array<std::uint8_t, 16> channel{};
    struct ear ear;
    text_id filter = 0, options = 0, app = 0, origin = 0;
    std::uint32_t identity = 0;
    subscriber next = none, previous = none;  // of the identity; `next` also of free rows
    std::uint8_t actions = 0;                 // bit per action wanted
    std::uint8_t flags = 0;
  };
  static_assert(sizeof(row) <= 64);

  /// Whom the writer of a change leaves out: only sockets of his own identity,
  /// unless he is privileged.
  struct silence {
    text_id socket = none;
    std::uint32_t user = none;
    bool any_user = false;

    [[nodiscard]] bool covers(const row& r, text_id heard_on) const {
      return socket != none && heard_on == socket && (any_user || r.identity == user);
    }
  };
  [[nodiscard]] silence silence_of(const storage::change& change) const;

  struct user {
    std::string key;     // identity::key()
    std::string packed;  // the auth value as CBOR; empty: null
    bool superuser = false;
    bool claims = false;
    subscriber first = none;
    std::uint32_t uses = 0;
  };

  static std::array<std::uint8_t, 16> pack(const channel_id& channel);
  static std::uint64_t hash_of(const std::array<std::uint8_t, 16>& channel);
  [[nodiscard]] std::uint32_t find_user(std::string_view key) const;
  [[nodiscard]] json_ptr unpacked(std::uint32_t which);
  std::uint32_t join(subscriber s, const storage::connection& stored, const json_ptr& auth);
  void leave(subscriber s);
  void release_filter(text_id which);

  rules::limits limits_;
  std::deque<row> rows_;  // grows without moving what is there
  subscriber free_ = none;
  id_table by_channel_;
  std::unordered_map<subscriber, std::vector<ear>> more_;  // listeners after the first

  interned_texts filters_, options_, sockets_, apps_;
  std::deque<user> users_;
  std::vector<std::uint32_t> free_users_;
  id_table by_key_;
  std::size_t mentioning_ = 0;
  std::unordered_map<text_id, subscription_extras> extras_;   // by options
  std::unordered_map<subscriber, std::uint64_t> predicates_;  // of those who follow it
  std::size_t transitioning_ = 0;
  token_watch tokens_;
  std::unordered_map<subscriber, fate> fates_;  // of the doomed, but for the usual one

  // What was needed last is needed again: a bounded number of parsed filters, one user.
  std::unordered_map<text_id, rules::expression> parsed_;
  std::uint32_t unpacked_user_ = none;
  json_ptr unpacked_;

  std::unique_ptr<rules::predicate_index> index_ = std::make_unique<rules::predicate_index>();
  std::unique_ptr<rules::predicate_index> next_;
  std::vector<rules::match> found_;  // scratch of match
};

}  // namespace velo::actors
