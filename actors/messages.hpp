// What the actors tell each other. Messages are local and immutable: a payload
// that is large or shared travels as std::shared_ptr<const T>, so sending it to
// many receivers copies a pointer.

#pragma once

#include "actors/channel_id.hpp"
#include "actors/failure.hpp"
#include "actors/identity.hpp"
#include "actors/session.hpp"
#include "rules/action.hpp"
#include "storage/change.hpp"
#include "storage/collection.hpp"
#include "storage/connection.hpp"
#include "storage/webhook_table.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace velo::actors {

using storage::change_ptr;
using collection_ptr = std::shared_ptr<const storage::collection>;
using json_ptr = std::shared_ptr<const nlohmann::json>;

/// What was asked for holds from now on.
struct ack {};

/// Asks for an answer once everything sent before is durable.
struct flush {
  bool parked_too = false;  ///< And every write that waits for hooks is done.
};

/// The store's word to itself: commit what is queued.
struct commit_queued {};

/// The definition that every shard of a collection holds ready is in force.
struct put_in_force {};

/// The store's word to itself: see whether a change log holds more than it is to keep.
struct trim_history {
  bool again = false;  ///< A slice was trimmed and there may be another.
};

/// The syncer's word to itself.
struct sync_now {};

/// The pruner's word to itself: look for stale connections.
struct prune {};

// -- record writes -----------------------------------------------------------

enum class write_kind : std::uint8_t { create, update, remove, ingest };

/// One write as a client asked for it; the store judges and completes it.
struct write_operation {
  write_kind kind{};
  std::string collection_id{};
  std::string record_id{};                        ///< Empty: the store makes one (create).
  rules::action action = rules::action::created;  ///< Of an ingested change; otherwise by kind.
  nlohmann::json fields =
      nlohmann::json::object();  ///< The given fields; the whole record when ingested.
  json_ptr old_record{};         ///< Of an ingested change, where it brings one.
  std::string socket_id{};       ///< The socket that caused it; may be empty.
};

/// A repeated request of the same scope and body gets the first answer.
struct idempotency {
  std::string scope;  ///< Hash of identity, route and key.
  std::string body_hash;
};

struct write_request {
  identity writer;
  std::vector<write_operation> operations;
  bool atomic = false;  ///< All of them or none.
  std::optional<idempotency> repeat;
  std::int64_t began = 0;  ///< When its request did, for the stage clock.
};

/// A record as it stands after the write (before it, for a delete), all fields.
struct written {
  std::string record_id;
  json_ptr record;
  std::uint64_t sequence = 0;
  bool viewable = true;  ///< The view rule lets the writer see it.
};

struct write_answer {
  std::vector<outcome<written>> results;  ///< One per operation, in their order.
  std::optional<failure> refused;         ///< The request as a whole was refused; no results then.
  std::uint64_t sequence = 0;             ///< The highest sequence given to this request.
};

using write_request_ptr = std::shared_ptr<const write_request>;
using write_answer_ptr = std::shared_ptr<const write_answer>;

/// Changes of what an app's webhooks have yet to tell, as one.
struct webhook_change {
  std::string app_id;
  std::vector<storage::webhook_entry> put;
  std::vector<std::uint64_t> erase;  ///< Numbers; after `put`.
};
using webhook_change_ptr = std::shared_ptr<const webhook_change>;

// -- collections -------------------------------------------------------------

struct collection_answer {
  outcome<collection_ptr> result;
};

/// What a client sent to create or change a collection; the registry validates.
struct collection_input {
  std::string target;  ///< Name or id of the collection to change; empty: create.
  json_ptr fields;
  bool declared = false;  ///< From the configuration: create, or change the one of that name.
};
using collection_input_ptr = std::shared_ptr<const collection_input>;

struct collection_removal {
  std::string target;  ///< Name or id.
};

/// A collection was dropped: its subscriptions end, and so does its actor.
struct collection_dropped {};

struct list_collections {};

struct collection_list {
  std::vector<collection_ptr> items;  ///< By name.
};

/// A user's record (or claims) changed: rebind that user's live subscriptions.
struct identity_change {
  std::string collection_id;
  std::string record_id;  ///< Empty: every user of the collection.
  json_ptr auth;          ///< Null: the record was deleted; its subscriptions end.
  bool claims = false;    ///< `auth` is a token's claims, not a stored record.
};
using identity_change_ptr = std::shared_ptr<const identity_change>;

// -- subscriptions -----------------------------------------------------------

struct subscribe_request {
  identity who;
  std::string app_id;
  std::string socket_id;  ///< May be empty.
  std::string filter;
  nlohmann::json options = nlohmann::json::object();  ///< `events`, `query`, validated.
};
using subscribe_request_ptr = std::shared_ptr<const subscribe_request>;

struct subscribe_answer {
  outcome<storage::connection> result;
};

/// Names one (socket, channel) pair on one loop; never used twice.
struct attachment_id {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const attachment_id&) const = default;
};

struct ended {
  attachment_id attachment;
  subscription_failure why;
};
using ended_ptr = std::shared_ptr<const ended>;

/// The attachments on one loop to which `what` goes.
struct fan_out {
  std::shared_ptr<const event> what;
  std::vector<attachment_id> targets;
  std::int64_t began = 0;  ///< When it was sent, for the stage clock.
  change_ptr cause;        ///< The change it tells, for drivers; null for sockets.
};
using fan_out_ptr = std::shared_ptr<const fan_out>;

/// The answer to an attach.
struct attached {
  attachment_id attachment;
  std::uint64_t connection = 0;  ///< Its number where its positions are kept, else 0.
  std::uint64_t sequence = 0;    ///< Where it begins.
};

/// A loop's word to itself: see what was acknowledged.
struct look_at_acknowledgements {};

struct detach_notice {
  channel_id channel;
  attachment_id attachment;
  std::uint32_t loop = 0;
};

/// A stored connection is gone; whoever listens on it hears why.
struct connection_dropped {
  channel_id channel;
  subscription_failure why;
  std::uint64_t number = 0;
};
using connection_dropped_ptr = std::shared_ptr<const connection_dropped>;

/// Connections of a collection not seen since `cutoff_ms`.
struct stale_candidates {
  std::vector<channel_id> channels;
  std::int64_t cutoff_ms = 0;
};
using stale_candidates_ptr = std::shared_ptr<const stale_candidates>;

// -- plain channels, to a loop -----------------------------------------------

/// A frame for memberships (memberships.hpp) of one loop.
struct text_fan_out {
  text_ptr frame;
  std::vector<attachment_id> targets;
};
using text_fan_out_ptr = std::shared_ptr<const text_fan_out>;

struct membership_refused {
  attachment_id membership;
  std::string channel;
  subscription_failure why;
};
using membership_refused_ptr = std::shared_ptr<const membership_refused>;

struct sockets_closed {
  std::vector<attachment_id> targets;
  std::uint16_t code = 0;
  std::string reason;
};
using sockets_closed_ptr = std::shared_ptr<const sockets_closed>;

struct drop_connection {
  channel_id channel;
  std::optional<std::int64_t> unless_seen_since_ms;  ///< Keep it if it was seen at or after this.
  subscription_failure why;
};
using drop_connection_ptr = std::shared_ptr<const drop_connection>;

struct touch_connection {
  channel_id channel;
  std::int64_t seen_ms = 0;
};

using connection_ptr = std::shared_ptr<const storage::connection>;

/// Claims of a newer token for a connection whose identity they are.
struct renew_claims {
  channel_id channel;
  json_ptr claims;
};

/// A newer token of its user speaks for a connection.
struct renew_token {
  channel_id channel;
  storage::token_facts token;
  json_ptr claims;  ///< Where they are the identity, else null.
};

/// The store has done so.
struct token_renewed {
  channel_id channel;
  storage::token_facts token;
};

/// A collection's word to itself: tell those whose tokens expire soon, end those whose have.
struct look_at_tokens {};

/// Refuses tokens from now on: those that a user has, or one.
struct revocation {
  std::string collection_id;  ///< Of the user; empty: `token_id` says which.
  std::string record_id;      ///< The user.
  std::string token_id;       ///< `jti`.
  std::int64_t issued_s = 0;  ///< Of a user: what was issued at or before, in Unix seconds.
  std::int64_t until_ms = 0;  ///< Remembered until then.
};
using revocation_ptr = std::shared_ptr<const revocation>;

/// Hears of users that are none any more, before whoever ended them is answered: by app
/// (empty: the default one) and by the name that they sign in with.
struct user_end_listener {
  std::function<void(const std::string& app_id, const std::string& user_id)> ended;
};
using user_end_listener_ptr = std::shared_ptr<const user_end_listener>;

struct revoke_answer {
  outcome<std::monostate> result;
};

/// The store has written it down: whoever lives by such a token, ends.
struct revoked {
  revocation_ptr what;
};

// -- a client's socket -------------------------------------------------------

struct client_subscribe {
  std::string channel;  ///< As on the wire, prefix and all; authorised where it is private.
};
struct client_unsubscribe {
  std::string channel;
};

/// Who somebody is on a presence channel.
struct channel_member {
  std::string user_id;
  std::string user_info;  ///< JSON text; `null` where there is none.
};

/// A plain channel, authorised where its kind needs a signature.
struct client_join {
  std::string channel;
  std::optional<channel_member> member;  ///< Presence; without it, the user signed in.
};
using client_join_ptr = std::shared_ptr<const client_join>;

struct client_event {
  std::string channel;
  std::string event;  ///< `client-...`
  std::string data;   ///< As the receivers' string: a string's content, anything else as JSON.
};
using client_event_ptr = std::shared_ptr<const client_event>;

struct client_signin {
  channel_member user;
  std::vector<std::string> watchlist;  ///< Distinct ids of users.
  bool watchlist_cut = false;          ///< There were more than may be watched.
  std::string user_data;               ///< As it was signed; the answer repeats it.
};
using client_signin_ptr = std::shared_ptr<const client_signin>;
struct close_connection {
  std::uint16_t code = 0;
  std::string reason;
};
/// The socket is gone.
struct session_closed {};

// -- who is calling ----------------------------------------------------------

/// The bearer token of a request. One that brings none is a guest's: nobody is asked.
struct authenticate {
  std::string token;
};
/// The auth actor's word to itself: see whether the keys of tokens have changed.
struct look_at_keys {};
struct authenticated {
  outcome<identity> result;
};

// -- queries -----------------------------------------------------------------

/// The matching changes of a subscription after a sequence.
struct events_request {
  channel_id channel;
  std::uint64_t after = 0;
  std::string epoch;  ///< Of `after`; empty: not told.
  std::size_t limit = 100;
};
using events_request_ptr = std::shared_ptr<const events_request>;

struct events_page {
  std::string events;          ///< `{"action","record","sequence"}` with commas between.
  std::uint64_t sequence = 0;  ///< All up to here is in it.
  std::string epoch;
  bool reset = false;  ///< There is a gap: fetch the records anew.
};

struct events_answer {
  outcome<events_page> result;
};

struct list_request {
  identity who;
  std::string collection;  ///< Name or id.
  std::string filter, sort;
  std::optional<std::string> cursor;  ///< Set (maybe empty): page by cursor, without counting.
  std::uint32_t page = 1;
  std::uint32_t per_page = 30;
};
using list_request_ptr = std::shared_ptr<const list_request>;

struct record_page {
  std::string records;      ///< A JSON array.
  std::uint64_t total = 0;  ///< Unknown (0) when paging by cursor.
  std::optional<std::string> next_cursor;
};

struct list_answer {
  outcome<std::shared_ptr<const record_page>> result;
};

struct view_request {
  identity who;
  std::string collection;
  std::string record_id;
};

struct view_answer {
  outcome<json_ptr> result;
};

}  // namespace velo::actors

// Local messages only: nothing here is ever serialised.
#define VELO_LOCAL_MESSAGE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::name)
VELO_LOCAL_MESSAGE(ack)
VELO_LOCAL_MESSAGE(flush)
VELO_LOCAL_MESSAGE(list_collections)
VELO_LOCAL_MESSAGE(commit_queued)
VELO_LOCAL_MESSAGE(put_in_force)
VELO_LOCAL_MESSAGE(prune)
VELO_LOCAL_MESSAGE(trim_history)
VELO_LOCAL_MESSAGE(sync_now)
VELO_LOCAL_MESSAGE(change_ptr)
VELO_LOCAL_MESSAGE(collection_ptr)
VELO_LOCAL_MESSAGE(write_request_ptr)
VELO_LOCAL_MESSAGE(webhook_change_ptr)
VELO_LOCAL_MESSAGE(write_answer_ptr)
VELO_LOCAL_MESSAGE(collection_answer)
VELO_LOCAL_MESSAGE(collection_input_ptr)
VELO_LOCAL_MESSAGE(collection_removal)
VELO_LOCAL_MESSAGE(collection_dropped)
VELO_LOCAL_MESSAGE(collection_list)
VELO_LOCAL_MESSAGE(identity_change_ptr)
VELO_LOCAL_MESSAGE(subscribe_request_ptr)
VELO_LOCAL_MESSAGE(subscribe_answer)
VELO_LOCAL_MESSAGE(ended_ptr)
VELO_LOCAL_MESSAGE(fan_out_ptr)
VELO_LOCAL_MESSAGE(attached)
VELO_LOCAL_MESSAGE(look_at_acknowledgements)
VELO_LOCAL_MESSAGE(events_request_ptr)
VELO_LOCAL_MESSAGE(events_answer)
VELO_LOCAL_MESSAGE(detach_notice)
VELO_LOCAL_MESSAGE(connection_dropped_ptr)
VELO_LOCAL_MESSAGE(stale_candidates_ptr)
VELO_LOCAL_MESSAGE(drop_connection_ptr)
VELO_LOCAL_MESSAGE(touch_connection)
VELO_LOCAL_MESSAGE(connection_ptr)
VELO_LOCAL_MESSAGE(renew_claims)
VELO_LOCAL_MESSAGE(renew_token)
VELO_LOCAL_MESSAGE(token_renewed)
VELO_LOCAL_MESSAGE(look_at_tokens)
VELO_LOCAL_MESSAGE(look_at_keys)
VELO_LOCAL_MESSAGE(revocation_ptr)
VELO_LOCAL_MESSAGE(user_end_listener_ptr)
VELO_LOCAL_MESSAGE(revoke_answer)
VELO_LOCAL_MESSAGE(revoked)
VELO_LOCAL_MESSAGE(client_subscribe)
VELO_LOCAL_MESSAGE(client_unsubscribe)
VELO_LOCAL_MESSAGE(client_join_ptr)
VELO_LOCAL_MESSAGE(client_event_ptr)
VELO_LOCAL_MESSAGE(client_signin_ptr)
VELO_LOCAL_MESSAGE(text_fan_out_ptr)
VELO_LOCAL_MESSAGE(membership_refused_ptr)
VELO_LOCAL_MESSAGE(sockets_closed_ptr)
VELO_LOCAL_MESSAGE(close_connection)
VELO_LOCAL_MESSAGE(session_closed)
VELO_LOCAL_MESSAGE(authenticate)
VELO_LOCAL_MESSAGE(authenticated)
VELO_LOCAL_MESSAGE(list_request_ptr)
VELO_LOCAL_MESSAGE(list_answer)
VELO_LOCAL_MESSAGE(view_request)
VELO_LOCAL_MESSAGE(view_answer)
#undef VELO_LOCAL_MESSAGE
