// What an embedding application, or the server's configuration, decides for the
// engine. Every tunable with its unit; defaults are CONFIGURATION.md's.

#pragma once

#include "actors/stages.hpp"
#include "rules/limits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace velo::actors {

/// Of plain Pusher channels and users; the same for all apps.
struct channel_options {
  std::size_t presence_members_max = 100;
  std::chrono::milliseconds cache_ttl = std::chrono::minutes{30};
  std::chrono::milliseconds member_grace{0};  ///< How long a member may be away unnoticed.
  std::size_t client_events_per_second = 10;  ///< Of one connection.
  std::size_t event_bytes_max = 10240;        ///< Data of a client event.
  std::size_t event_name_bytes_max = 200;
  unsigned shards = 4;  ///< Actors that share the channels.
};

class hook_set;

struct engine_options {
  std::string channel_prefix = "velo.realtime.";
  std::string event_name = "{action}";  ///< `{action}` stands for the action.
  std::vector<std::string> apps;        ///< Ids of the configured apps; the first is the default.
  std::string user_collection = "users";

  std::string superuser_token;           ///< Empty: nobody is superuser by token.
  std::string superuser_token_previous;  ///< Taken as well, while a new one is handed out.
  std::string ingest_key;                ///< Empty: there is none.

  /// A connection without socket and ping for this long (of uptime) is dropped.
  std::chrono::milliseconds stale_after = std::chrono::minutes{5};

  /// So long before a token expires its subscriptions hear `auth_expiring`, or half of what
  /// is left of its life where that is less.
  std::chrono::milliseconds expiry_notice = std::chrono::seconds{30};
  /// Revocations at once.
  std::uint64_t revocations_max = 1'000'000;

  std::uint64_t history_count_max = 1'000'000;  ///< Changes kept per collection.
  std::uint64_t history_bytes_max = std::uint64_t{1} << 30U;
  std::chrono::milliseconds history_age_max = std::chrono::hours{24};

  /// Zero (sync = always): a write is answered when it is on disk. Otherwise
  /// (sync = interval) it is answered at once, and on disk this much later at
  /// most: a crash of the machine, not of the process, may lose that much.
  std::chrono::milliseconds sync_interval{};

  std::chrono::milliseconds idempotency_age_max = std::chrono::hours{24};

  /// Clients that come back hear what they missed, unless their subscription says otherwise.
  bool resume = true;
  /// Bytes of events replayed to a client before it has answered; what its outbox takes easily.
  std::size_t replay_bytes_max = 128U << 10U;

  rules::limits expressions;
  std::size_t record_bytes_max = 1U << 20U;
  std::size_t page_bytes_max = 16U << 20U;  ///< Records of a page of a list, as JSON.
  std::size_t sockets_per_channel_max = 16;
  std::size_t subscriptions_per_user_max = 10'000;  ///< Stored ones; 0: no bound.

  /// Live subscriptions that a rule change judges anew in one go; changes are matched between.
  std::size_t rebind_slice = 256;

  hook_set* hooks = nullptr;  ///< The engine's own; outlives its actors.

  stage_clock* stages = nullptr;  ///< Outlives the engine; null: nobody measures.
};

}  // namespace velo::actors
