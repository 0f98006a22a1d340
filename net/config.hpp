// The effective configuration: typed values, and where each one came from.
//
// Keys, variables, flags, defaults and meanings are the rows of one table
// (setting.hpp, settings_table.cpp), so nothing is spelled twice. A flag
// overrides a variable, a variable the file, the file a default
// (CONFIGURATION.md). Errors are sentences, all of them at once.

#pragma once

#include "net/app.hpp"
#include "net/driver_config.hpp"
#include "rules/limits.hpp"
#include "storage/collection.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace velo::net {

struct auth_config {
  std::string jwt_secret;               ///< Of HMACs; empty: none.
  std::vector<std::string> algorithms;  ///< Empty: what goes with the keys.
  std::string public_key;               ///< PEM or the path of a file of it; empty: none.
  std::string jwks_file;                ///< Empty: none.
  std::string issuer;                   ///< Empty: not checked.
  std::string audience;                 ///< Empty: not checked.
  std::chrono::milliseconds leeway{};
  std::chrono::milliseconds expiry_notice{};     ///< Before a token's subscriptions end.
  std::chrono::milliseconds revocations_kept{};  ///< Where they do not say how long.
  std::string user_collection;
};

struct realtime_config {
  std::string channel_prefix;
  std::string event_name;  ///< `{action}` stands for the action.
  std::chrono::milliseconds stale_after{};
  bool resume = true;  ///< Stock clients that come back hear what they missed.
  std::string ack;     ///< How it is known what they heard: `pong` or `none`.
};

struct history_config {
  std::chrono::milliseconds max_age{};
  std::uint64_t max_count = 0;
  std::uint64_t max_bytes = 0;
};

struct storage_config {
  std::string sync;  ///< `always`: a write is answered when it is on disk; `interval`: before.
  std::chrono::milliseconds sync_interval{};
};

struct limits_config {
  std::size_t connections = 0;          ///< 0: as many as file descriptors allow.
  std::size_t http_connections = 0;     ///< That are no WebSocket; 0: likewise.
  std::size_t connections_per_ip = 0;   ///< 0: no limit; also the next two.
  std::size_t connects_per_second = 0;  ///< Beyond it they wait.
  std::size_t requests_per_second = 0;  ///< Of one address, and of one token.
  std::vector<std::string> exempt;      ///< Networks without a limit for an address.
  std::size_t subscriptions_per_connection = 0;
  std::size_t subscriptions_per_user = 0;  ///< Stored ones; 0: no limit.
  std::size_t sockets_per_record_channel = 0;
  std::size_t body_bytes = 0;
  std::size_t frame_bytes = 0;
  std::size_t record_bytes = 0;
  std::size_t page_bytes = 0;  ///< Records of a page of a list, as JSON.
  std::size_t outbox_bytes = 0;
  std::size_t outbox_frames = 0;
  std::size_t outbox_total_bytes = 0;  ///< Of all sockets; 0: no bound but each socket's own.
  std::size_t event_bytes = 0;         ///< Of the data of an event on the Pusher API.
  std::size_t event_name_bytes = 0;    ///< Of the name of an event on the Pusher API.
  std::size_t channel_name_bytes = 0;
  std::size_t channels_per_event = 0;
  std::size_t events_per_batch = 0;
  std::size_t presence_members = 0;
  std::size_t presence_member_bytes = 0;  ///< Of a member's user_info as JSON.
  std::size_t user_id_bytes = 0;
  std::size_t watchlist = 0;
  std::size_t client_events_per_second = 0;  ///< Of one connection.
  std::size_t header_bytes = 0;
  std::chrono::milliseconds header_timeout{};
  std::chrono::milliseconds body_timeout{};
  std::chrono::milliseconds handshake_timeout{};           ///< Of TLS.
  std::chrono::milliseconds first_subscription_timeout{};  ///< 0: sockets may idle.
  rules::limits expressions;
};

struct pusher_config {
  std::chrono::milliseconds activity_timeout{};  ///< Whole seconds.
  std::chrono::milliseconds pong_timeout{};
  std::chrono::milliseconds cache_ttl{};         ///< How long a cache channel keeps its event.
  std::chrono::milliseconds member_grace{};      ///< How long a member may be away unnoticed.
  std::chrono::milliseconds signature_window{};  ///< How far auth_timestamp may be off.
};

struct webhooks_config {
  std::chrono::milliseconds delay{};        ///< Within which who returns was never away.
  std::chrono::milliseconds timeout{};      ///< Of one request.
  std::chrono::milliseconds retry_first{};  ///< Pause after the first failure; doubled each time.
  std::chrono::milliseconds retry_time{};   ///< Then a request is given up.
  std::size_t queue = 0;                    ///< Events that wait for one target.
};

struct hooks_config {
  std::string url;                      ///< Empty: there is none.
  std::vector<std::string> events;      ///< What it is asked and told of.
  std::chrono::milliseconds timeout{};  ///< Of one call, the wait for its turn included.
  std::string on_failure;               ///< closed or open
  std::size_t concurrency = 0;          ///< Calls under way at a time.
  std::string secret;                   ///< Empty: that of the first app.
};

struct drain_config {
  std::chrono::milliseconds time{};
  std::uint16_t close_code = 0;
};

enum class log_format : std::uint8_t { text, json };

/// A way in. Each is either a Unix socket or an address and a port.
struct listener_config {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string unix_path{};    ///< Not empty: a Unix socket there.
  unsigned unix_mode = 0660;  ///< Of its file.
  bool tls = false;

  bool operator==(const listener_config&) const = default;
};

struct tls_config {
  std::string certificate;           ///< Path of a PEM file; empty: no TLS.
  std::string key;                   ///< Path of a PEM file.
  std::chrono::milliseconds hsts{};  ///< 0: browsers are not told to stay with TLS.
};

struct log_config {
  std::string level;    ///< trace, debug, info, warning, error or off
  bool access = false;  ///< A line for each request.
  log_format format = log_format::text;
};

struct config {
  std::string data;  ///< The data directory.
  std::string host;
  std::uint16_t port = 0;                  ///< 0: any free one.
  std::vector<listener_config> listeners;  ///< Of the file; see ways_in().
  tls_config tls;
  std::vector<std::string> trusted_proxies;  ///< Networks whose X-Forwarded-For counts.
  unsigned threads = 0;                      ///< At least 1 after loading.
  std::string path_prefix;                   ///< Empty, or `/...` without a slash at its end.
  std::string superuser_token;               ///< Empty until complete_secrets (secrets.hpp).
  std::string superuser_token_previous;      ///< Taken as well; empty: there is none.
  std::string ingest_key;                    ///< Empty: there is none.
  std::string metrics_token;                 ///< Empty: there is none.
  std::string io_uring;  ///< `auto`: sends to many sockets share a system call where that can be.
  std::string metrics_stages;  ///< `on`: how long each stage of a change takes is measured.
  auth_config auth;
  realtime_config realtime;
  history_config history;
  storage_config storage;
  std::vector<app> apps;  ///< Empty until complete_secrets. The first is the default.
  std::vector<storage::collection> collections;  ///< Declared; keys left out have their default.
  std::vector<driver_config> drivers;            ///< None: the server's own WebSockets.
  limits_config limits;
  pusher_config pusher;
  webhooks_config webhooks;
  hooks_config hooks;
  std::vector<std::string> cors_origins;
  drain_config drain;
  log_config log;
  bool demo = false;  ///< `--demo`: there is a public collection `posts`.

  /// By key (`limits.body_bytes`, `apps.{id}`, `collections.{name}`,
  /// `driver.{name}`): `default`,
  /// `velo.toml:3:1`, `environment VELO_PORT`, `flag --port`.
  std::map<std::string, std::string> origins;
  /// What is accepted but unwise; for the log.
  std::vector<std::string> warnings;
};

/// Everything that was wrong, a sentence each.
struct config_errors {
  std::vector<std::string> sentences;
};

[[noreturn]] void throw_exception_from_error(const config_errors& e, const boost::source_location&);

template <class T>
using config_result = boost::system::result<T, config_errors>;

struct config_sources {
  std::optional<std::string> file;  ///< Path of a TOML file; it must be there.
  /// Variables by name. Those that do not begin with VELO_ are ignored; one that
  /// is empty counts as not set.
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> flags;  ///< Values by flag: `--port`.
  bool demo = false;
};

/// Reads the file; touches nothing else.
[[nodiscard]] config_result<config> load_config(const config_sources& sources);

/// Where to listen, at least one way: what `host` and `port` say, with TLS as soon as there
/// is a certificate, unless they are not set and `listeners` are; then those.
[[nodiscard]] std::vector<listener_config> ways_in(const config& c);

/// Every setting at its default; no app, no secret.
[[nodiscard]] config default_config();

/// What `velo check-config` prints: valid TOML, a line per setting with its
/// origin as a comment, secrets masked.
[[nodiscard]] std::string describe(const config& c);

}  // namespace velo::net
