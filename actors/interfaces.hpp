// Every typed actor interface: who may be told what, a sentence per message.
// CAF keeps order per pair of sender and receiver only. Where order matters
// (changes, identity changes, definitions), the STORE is the one sender.

#pragma once

#include "actors/messages.hpp"
#include "actors/resume.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace velo::actors {

struct attach_request;
struct replay_chunk;
struct replay_request;
struct events_job;
using replay_chunk_ptr = std::shared_ptr<const replay_chunk>;
using replay_request_ptr = std::shared_ptr<const replay_request>;
using events_job_ptr = std::shared_ptr<const events_job>;
struct collection_handle;
struct collection_definition;
using attach_request_ptr = std::shared_ptr<const attach_request>;
using collection_definition_ptr = std::shared_ptr<const collection_definition>;

/// One I/O thread: hands matched changes to its sockets' sessions. What one
/// collection tells a loop arrives in its order, so `attached` comes before any
/// event of that attachment, and nothing comes after `ended`.
using loop_actor = caf::typed_actor<
    // Delivers an event to the named attachments; those that are gone are skipped.
    caf::reacts_to<fan_out_ptr>,
    // Delivers part of what one attachment has missed; asks for more when the client has it.
    caf::reacts_to<replay_chunk_ptr>,
    // Asks clients to acknowledge, and reports what they have. From itself.
    caf::reacts_to<look_at_acknowledgements>,
    // The attachment is live: its client hears that the subscription succeeded.
    caf::reacts_to<attached>,
    // The attachment was refused or has ended: its client hears why, then nothing more.
    caf::reacts_to<ended_ptr>,
    // Delivers a frame of a plain channel, or about a user, to those who are still there.
    caf::reacts_to<text_fan_out_ptr>,
    // A plain channel refuses a socket: its client hears why.
    caf::reacts_to<membership_refused_ptr>,
    // Closes the sockets of these.
    caf::reacts_to<sockets_closed_ptr>>;

/// One client's Pusher session, on its socket's loop.
using connection_actor = caf::typed_actor<
    // The client subscribes to a record channel; its answer comes through the loop.
    caf::reacts_to<client_subscribe>,
    // The client subscribes to a plain channel; answered by the channel.
    caf::reacts_to<client_join_ptr>,
    // The client no longer wants a channel; unknown ones are no error.
    caf::reacts_to<client_unsubscribe>,
    // The client has an event for a channel's other subscribers.
    caf::reacts_to<client_event_ptr>,
    // The client is this user, as its app has signed.
    caf::reacts_to<client_signin_ptr>,
    // Closes the socket after what is queued on it.
    caf::reacts_to<close_connection>,
    // The socket is gone: detaches everything and ends.
    caf::reacts_to<session_closed>>;

/// One collection, or one shard of it: its rule, its attached subscriptions, its order
/// of events. The shards of a collection share its subscriptions by their channels, and
/// the STORE tells each of them everything, in one order.
using collection_actor = caf::typed_actor<
    // A committed change: matched, rendered once, handed to the loops. From the STORE.
    caf::reacts_to<change_ptr>,
    // A user's record or claims changed: rebinds that user's subscriptions. From the STORE.
    caf::reacts_to<identity_change_ptr>,
    // A new definition is durable: answered once its predicates stand beside those in force.
    // A collection of one shard then puts it in force by itself. From the STORE.
    caf::replies_to<collection_ptr>::with<ack>,
    // Every shard is ready: the definition told last is in force for all that the STORE sends
    // from now on; answered once every live subscription obeys it. From the STORE.
    caf::replies_to<put_in_force>::with<ack>,
    // A newer token speaks for a subscription from now on. From the STORE.
    caf::reacts_to<token_renewed>,
    // Tokens are refused from now on: ends who lives by them. From the STORE.
    caf::reacts_to<revoked>,
    // Looks for tokens that expire. From itself.
    caf::reacts_to<look_at_tokens>,
    // A stored connection is gone: ends its attachments. From the STORE.
    caf::reacts_to<connection_dropped_ptr>,
    // The collection is gone: ends every subscription, then itself. From the STORE.
    caf::reacts_to<collection_dropped>,
    // Decides who may subscribe, stores the connection, answers with it.
    caf::replies_to<subscribe_request_ptr>::with<subscribe_answer>,
    // A socket listens on a channel; answered by `attached` or `ended` to its loop.
    caf::reacts_to<attach_request_ptr>,
    // It no longer does.
    caf::reacts_to<detach_notice>,
    // Part of what a subscriber has missed, on its way to it. From the REPLAYER.
    caf::reacts_to<replayed_ptr>,
    // The matching changes after a sequence, for clients that ask.
    caf::replies_to<events_request_ptr>::with<events_answer>,
    // Drops those candidates that no socket listens on, renews the others.
    caf::reacts_to<stale_candidates_ptr>>;

/// The only writer of the database. Commits what queued up meanwhile as one
/// transaction, answers each sender after it, then tells the collections.
using store_actor = caf::typed_actor<
    // Judges and writes records; answered when durable.
    caf::replies_to<write_request_ptr>::with<write_answer_ptr>,
    // Creates or replaces a definition; answered when it is durable and in force. From the
    // REGISTRY.
    caf::replies_to<collection_definition_ptr>::with<collection_answer>,
    // Drops a collection, named by id, with all it holds. From the REGISTRY.
    caf::replies_to<collection_removal>::with<collection_answer>,
    // Stores a connection, with a number and the sequence at which it begins; answered with it
    // when durable. Refused where its collection is gone, or its user has as many as one may.
    caf::replies_to<connection_ptr>::with<subscribe_answer>,
    // Gives a connection the claims of a newer token; answered when durable, false where it is
    // gone.
    caf::replies_to<renew_claims>::with<bool>,
    // Lets a newer token speak for a connection; answered when durable and its collection
    // has been told, false where it is gone.
    caf::replies_to<renew_token>::with<bool>,
    // Refuses tokens; answered when durable and every collection has been told.
    caf::replies_to<revocation_ptr>::with<revoke_answer>,
    // Who hears of users' ends from now on; null: nobody. Answered when it is so.
    caf::replies_to<user_end_listener_ptr>::with<ack>,
    // Renews when a connection was last seen; durable with the next commit.
    caf::reacts_to<touch_connection>,
    // Drops a connection; answered when durable with whether it was there.
    caf::replies_to<drop_connection_ptr>::with<bool>,
    // Keeps or forgets what webhooks have yet to tell; answered when durable.
    caf::replies_to<webhook_change_ptr>::with<ack>,
    // A user's newer claims: passed on to every collection in order. From AUTH.
    caf::reacts_to<identity_change_ptr>,
    // Answered once everything sent before is durable.
    caf::replies_to<flush>::with<ack>,
    // Commits what has queued up. From itself.
    caf::reacts_to<commit_queued>,
    // Looks for what the change logs hold too much of; erased in slices, each in the next
    // transaction of others. From itself.
    caf::reacts_to<trim_history>>;

/// Where a collection's definition and actor are found.
using registry_actor = caf::typed_actor<
    // Finds a collection by name or id; an empty handle where there is none.
    caf::replies_to<std::string>::with<collection_handle>,
    // All definitions, by name.
    caf::replies_to<list_collections>::with<collection_list>,
    // Creates or changes a collection; answered when the change is in force.
    caf::replies_to<collection_input_ptr>::with<collection_answer>,
    // Drops a collection; its subscriptions end.
    caf::replies_to<collection_removal>::with<collection_answer>>;

/// Tokens to identities.
using auth_actor = caf::typed_actor<
    // Who a bearer token is; a bad or empty one is refused, never a guest.
    caf::replies_to<authenticate>::with<authenticated>,
    // Looks whether the keys of tokens have changed. From itself.
    caf::reacts_to<look_at_keys>>;

/// Where the clients of each subscription are.
using positions_actor = caf::typed_actor<
    // A socket begins to listen; answered with where it goes on.
    caf::replies_to<begin_position>::with<begin_answer>,
    // What sockets have acknowledged, and which are gone. From the LOOPS.
    caf::reacts_to<position_reports_ptr>,
    // A connection is gone.
    caf::reacts_to<forget_positions>,
    // Writes down what has changed. From itself.
    caf::reacts_to<write_positions>>;

/// Reads what subscribers have missed.
using replayer_actor = caf::typed_actor<
    // Begins a replay; its parts go to the collection.
    caf::reacts_to<replay_request_ptr>,
    // Its client takes more.
    caf::reacts_to<replay_on_ptr>,
    // It is not wanted any more.
    caf::reacts_to<replay_end>,
    // Lists matching changes at once.
    caf::replies_to<events_job_ptr>::with<events_answer>>;

/// Queries that read many records, off the I/O threads.
using reader_actor = caf::typed_actor<
    // A page of the records that rule and filter let the caller see.
    caf::replies_to<list_request_ptr>::with<list_answer>,
    // One record; not found where the view rule hides it.
    caf::replies_to<view_request>::with<view_answer>>;

/// Makes what is committed durable, every so often (sync = interval).
using syncer_actor = caf::typed_actor<
    // From itself.
    caf::reacts_to<sync_now>>;

/// Finds connections that nobody has used for too long.
using pruner_actor = caf::typed_actor<
    // Hands stale candidates to their collections. From itself.
    caf::reacts_to<prune>>;

// -- messages that carry handles of the above --------------------------------

/// Who is going to listen.
enum class listener_kind : std::uint8_t {
  socket,
  driver,        ///< For a subscription just made: begins where that begins.
  driver_again,  ///< Begins with what comes next.
  actor,         ///< Of an embedding application: begins where its subscription does.
};

struct attach_request {
  listener_kind from = listener_kind::socket;
  channel_id channel;
  bool is_private = false;  ///< The form of name the client used, already authorised.
  std::string app_id;
  std::string socket_id;
  std::uint64_t client = 0;  ///< As in begin_position.
  attachment_id attachment;
  std::uint32_t loop = 0;  ///< Index of the loop among the engine's.
  loop_actor answer_to;
};

struct replay_request {
  replay what;
  collection_actor to;
};

struct events_job {
  replay what;
  std::size_t limit = 0;
};

struct replay_chunk {
  attachment_id attachment;
  std::vector<std::shared_ptr<const event>> events;
  replayer_actor replayer;
  // For the replayer, when the client has these; nothing where this is the last part.
  replay_request_ptr begin;
  replay_on_ptr next;
};

/// Who helps collections to tell clients what they missed. Null handles: nobody,
/// every subscription begins with what comes next.
struct resume_actors {
  positions_actor positions;
  replayer_actor replayer;
};

/// The actors that share a collection; one or more.
using shard_list = std::vector<collection_actor>;

/// The shard to which a channel belongs, as long as the list is the same.
[[nodiscard]] inline const collection_actor& shard_of(const shard_list& shards,
                                                      const channel_id& channel) {
  return shards[std::hash<channel_id>{}(channel) % shards.size()];
}

struct collection_handle {
  collection_ptr definition;  ///< Null: there is no such collection.
  collection_actor actor;     ///< Decides who may subscribe; the first shard.
  shard_list shards;          ///< Where a channel is attached: shard_of().
};

/// A validated definition to store, and the actors that take its changes.
struct collection_definition {
  collection_ptr definition;
  shard_list shards;
  bool stored = false;  ///< The database has it already: the store only takes note.
};

}  // namespace velo::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::attach_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::replay_chunk_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::replay_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::events_job_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::collection_handle)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(velo::actors::collection_definition_ptr)
