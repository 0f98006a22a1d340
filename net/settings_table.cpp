// Every setting, once: key, default, meaning, bounds, and where its value lives.
// Keys, names and defaults are those of CONFIGURATION.md.

#include "actors/hooks.hpp"
#include "actors/jwt_keys.hpp"
#include "net/channel_name.hpp"
#include "net/config.hpp"
#include "net/http_address.hpp"
#include "net/network_list.hpp"
#include "net/setting.hpp"
#include "net/spelling.hpp"

#include <algorithm>
#include <array>
#include <concepts>

namespace velo::net {

namespace {

using std::chrono::milliseconds;

// -- between a setting's value and the member of config that holds it --------

setting_value to_value(const std::string& member) {
  return member;
}
setting_value to_value(milliseconds member) {
  return member;
}
setting_value to_value(const std::vector<std::string>& member) {
  return member;
}
setting_value to_value(log_format member) {
  return std::string(member == log_format::json ? "json" : "text");
}
setting_value to_value(bool member) {
  return std::string(member ? "true" : "false");
}
setting_value to_value(std::unsigned_integral auto member) {
  return std::uint64_t{member};
}

template <class T>
void from_value(T& member, const setting_value& value) {
  member = std::get<T>(value);
}
void from_value(log_format& member, const setting_value& value) {
  member = std::get<std::string>(value) == "json" ? log_format::json : log_format::text;
}
void from_value(bool& member, const setting_value& value) {
  member = std::get<std::string>(value) == "true";
}
template <std::unsigned_integral T>
void from_value(T& member, const setting_value& value) {
  member = static_cast<T>(std::get<std::uint64_t>(value));  // In the row's bounds, which fit.
}

// -- conditions --------------------------------------------------------------

const std::string& text_of(const setting_value& value) {
  return std::get<std::string>(value);
}

std::string not_empty(const setting_value& value) {
  return text_of(value).empty() ? "It must not be empty." : "";
}

std::string bearer_token(const setting_value& value) {
  const auto& token = text_of(value);
  const bool sendable =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return sendable ? ""
                  : "It travels in an Authorization header: write visible ASCII without blanks.";
}

std::string mount_prefix(const setting_value& value) {
  const auto& prefix = text_of(value);
  if (prefix.empty()) return {};
  const bool plain = std::none_of(prefix.begin(), prefix.end(), [](char c) {
    return c <= ' ' || c >= '\x7f' || c == '?' || c == '#' || c == '%';
  });
  if (plain && prefix.front() == '/' && prefix.back() != '/' &&
      prefix.find("//") == std::string::npos)
    return {};
  return quoted_toml(prefix) +
         " is not a mount prefix: write a path that begins with a slash and does not end with "
         "one, such as \"/realtime\".";
}

std::string record_channel_prefix(const setting_value& value) {
  constexpr std::size_t bytes_max =
      channel_name_bytes_max - 36 - std::string_view("private-").size();
  const auto& prefix = text_of(value);
  // Another kind's prefix would make every record channel one of that kind.
  if (is_channel_name(prefix) && prefix.size() <= bytes_max &&
      kind_of(prefix) == channel_kind::open)
    return {};
  return quoted_toml(prefix) +
         " cannot begin a channel's name: write 1 to 120 of A-Z a-z 0-9 _ - = @ , . ; that do not "
         "begin with private-, presence-, cache- or #.";
}

std::string event_template(const setting_value& value) {
  constexpr std::size_t bytes_max = 200;
  constexpr std::string_view placeholder = "{action}";
  const auto& name = text_of(value);
  auto rest = name;
  for (auto at = rest.find(placeholder); at != std::string::npos; at = rest.find(placeholder))
    rest.erase(at, placeholder.size());
  if (name.empty() || name.size() > bytes_max) return "An event's name has 1 to 200 bytes.";
  if (rest.find_first_of("{}") != std::string::npos)
    return quoted_toml(name) + " has a placeholder that is unknown: the only one is {action}.";
  for (const std::string_view taken : {"pusher:", "pusher_internal:", "client-"}) {
    if (name.starts_with(taken))
      return "Names that begin with " + std::string(taken) + " belong to the protocol.";
  }
  return {};
}

std::string whole_seconds(const setting_value& value) {
  return std::get<milliseconds>(value) % std::chrono::seconds(1) == milliseconds::zero()
             ? ""
             : "Clients are told whole seconds: write such as \"30s\".";
}

std::string origins(const setting_value& value) {
  for (const auto& origin : std::get<std::vector<std::string>>(value)) {
    if (origin == "*" || origin.find("://") != std::string::npos) continue;
    return quoted_toml(origin) +
           " is not an origin: write \"*\" or scheme and host, such as \"https://example.org\".";
  }
  return {};
}

std::string networks(const setting_value& value) {
  for (const auto& network : std::get<std::vector<std::string>>(value)) {
    if (is_network(network)) continue;
    return quoted_toml(network) +
           " is not a network: write an address or a prefix, such as \"10.0.0.0/8\", or \"unix\".";
  }
  return {};
}

std::string jwt_algorithm_names(const setting_value& value) {
  for (const auto& name : std::get<std::vector<std::string>>(value)) {
    if (!actors::parse_jwt_algorithm(name))
      return quoted_toml(name) +
             " is no algorithm of tokens here: write HS256, HS384, HS512, RS256, PS256, ES256 or "
             "EdDSA.";
  }
  return {};
}

std::string hook_url(const setting_value& value) {
  const auto& url = text_of(value);
  return url.empty() || parse_http_address(url)
             ? ""
             : "It is not an address to send to: write such as \"https://example.org/hook\", "
               "without user and fragment.";
}

std::string hook_events(const setting_value& value) {
  const std::vector<std::string> known(actors::hook_event_names.begin(),
                                       actors::hook_event_names.end());
  for (const auto& name : std::get<std::vector<std::string>>(value)) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      return "There is no hook event " + quoted_toml(name) + '.' + did_you_mean(name, known);
  }
  return {};
}

std::string coming_back(const setting_value& value) {
  const auto code = std::get<std::uint64_t>(value);
  return code >= 4100 && code <= 4299
             ? ""
             : std::to_string(code) +
                   " keeps clients away for good: write 4100 (they wait a second) to 4299.";
}

// -- the table ---------------------------------------------------------------

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
constexpr std::uint64_t gib = 1024 * mib;
constexpr std::uint64_t second = 1000;
constexpr std::uint64_t hour = second * 3600;
constexpr std::uint64_t year = hour * 24 * 365;

constexpr std::array<std::string_view, 2> hook_policies{"closed", "open"};
constexpr std::array<std::string_view, 6> log_levels{"trace",   "debug", "info",
                                                     "warning", "error", "off"};
constexpr std::array<std::string_view, 2> yes_and_no{"true", "false"};
constexpr std::array<std::string_view, 2> ack_modes{"pong", "none"};
constexpr std::array<std::string_view, 2> sync_modes{"always", "interval"};
constexpr std::array<std::string_view, 2> ring_modes{"auto", "off"};
constexpr std::array<std::string_view, 2> log_formats{"text", "json"};
constexpr std::array<std::string_view, 2> on_or_off{"on", "off"};

/// A row under construction.
struct row : setting {
  row(std::string_view k, setting_kind what, std::string_view default_value,
      std::string_view means) {
    key = k;
    kind = what;
    default_text = default_value;
    meaning = means;
  }

  /// `Member` is a lambda that gives the member of a config.
  template <class Member>
  row in(Member) && {
    store = [](config& c, const setting_value& v) { from_value(Member{}(c), v); };
    load = [](const config& c) { return to_value(Member{}(c)); };
    return *this;
  }
  row between(std::uint64_t low, std::uint64_t high) && {
    min = low;
    max = high;
    return *this;
  }
  row one_of(std::span<const std::string_view> values) && {
    choices = values;
    return *this;
  }
  row only(std::string (*condition)(const setting_value&)) && {
    check = condition;
    return *this;
  }
  row variable_named(std::string_view name) && {
    named = name;
    return *this;
  }
  row secret() && {
    is_secret = true;
    return *this;
  }
};

#define MEMBER(path) in([](auto& c) -> auto& { return c.path; })

std::vector<setting> make_table() {
  using enum setting_kind;
  return {
      row("data", text, "./velo-data", "data directory").MEMBER(data).only(not_empty),
      row("host", text, "127.0.0.1", "address to listen on").MEMBER(host).only(not_empty),
      row("port", count, "8080", "port to listen on; 0: any free one")
          .MEMBER(port)
          .between(0, 65535),
      row("tls.certificate", text, "",
          "PEM file with the certificate and its chain; then host and "
          "port speak TLS")
          .MEMBER(tls.certificate),
      row("tls.key", text, "", "PEM file with its key").MEMBER(tls.key),
      row("tls.hsts", duration, "8760h",
          "how long browsers are told to use TLS alone; 0s: not at all")
          .MEMBER(tls.hsts)
          .between(0, 10 * year),
      row("trusted_proxies", list, "", "networks whose X-Forwarded-For names the client")
          .MEMBER(trusted_proxies)
          .only(networks),
      row("threads", count, "0", "I/O threads; 0: one per core").MEMBER(threads).between(0, 1024),
      row("io_uring", choice, "auto",
          "whether sends to many sockets share a system call: auto (where the kernel lets us) "
          "or off")
          .MEMBER(io_uring)
          .one_of(ring_modes),
      row("path_prefix", text, "", "mount prefix of HTTP and WebSocket paths")
          .MEMBER(path_prefix)
          .only(mount_prefix),
      row("superuser_token", text, "", "bearer token of superusers; generated where there is none")
          .MEMBER(superuser_token)
          .only(bearer_token)
          .secret(),
      row("superuser_token_previous", text, "", "taken as well, while a new one is handed out")
          .MEMBER(superuser_token_previous)
          .only(bearer_token)
          .secret(),
      row("ingest_key", text, "", "bearer token for /api/realtime/changes alone")
          .MEMBER(ingest_key)
          .only(bearer_token)
          .secret(),
      row("metrics_token", text, "", "bearer token for /metrics alone")
          .MEMBER(metrics_token)
          .only(bearer_token)
          .secret(),
      row("metrics_stages", choice, "on", "measure the stages of a change: on or off")
          .MEMBER(metrics_stages)
          .one_of(on_or_off),

      row("auth.jwt_secret", text, "", "secret of HS256, HS384 and HS512 tokens")
          .MEMBER(auth.jwt_secret)
          .variable_named("VELO_JWT_SECRET")
          .secret(),
      row("auth.algorithms", list, "", "taken in tokens; empty: HS256 with a secret, else by keys")
          .MEMBER(auth.algorithms)
          .only(jwt_algorithm_names),
      row("auth.public_key", text, "", "public key of tokens: PEM, or a file of it")
          .MEMBER(auth.public_key),
      row("auth.jwks_file", text, "", "file of the public keys of tokens; read again on change")
          .MEMBER(auth.jwks_file),
      row("auth.issuer", text, "", "what a token's iss must be").MEMBER(auth.issuer),
      row("auth.audience", text, "", "what a token's aud must name").MEMBER(auth.audience),
      row("auth.leeway", duration, "0s", "how far the clocks of issuers may differ")
          .MEMBER(auth.leeway)
          .between(0, hour),
      row("auth.expiry_notice", duration, "30s", "how long before it clients hear auth_expiring")
          .MEMBER(auth.expiry_notice)
          .between(0, 24 * hour),
      row("auth.revocations_kept", duration, "8760h",
          "how long a revocation counts that does not say when its tokens expire")
          .MEMBER(auth.revocations_kept)
          .between(second, 10 * year),
      row("auth.user_collection", text, "users", "collection of users whose token names none")
          .MEMBER(auth.user_collection)
          .only(not_empty),

      row("realtime.channel_prefix", text, "velo.realtime.", "begins the names of record channels")
          .MEMBER(realtime.channel_prefix)
          .only(record_channel_prefix),
      row("realtime.event_name", text, "{action}", "name of record events; {action} is replaced")
          .MEMBER(realtime.event_name)
          .only(event_template),
      row("realtime.stale_after", duration, "5m", "drops a subscription without socket and ping")
          .MEMBER(realtime.stale_after)
          .between(1, year),

      row("realtime.resume", choice, "true", "clients that come back hear what they missed")
          .MEMBER(realtime.resume)
          .one_of(yes_and_no),
      row("realtime.ack", choice, "pong", "how it is known what clients heard: pong or none")
          .MEMBER(realtime.ack)
          .one_of(ack_modes),

      row("history.max_age", duration, "24h", "how long a collection's changes are kept")
          .MEMBER(history.max_age)
          .between(1, 10 * year),
      row("history.max_count", count, "1000000", "how many changes of a collection are kept")
          .MEMBER(history.max_count)
          .between(1, 1'000'000'000'000),

      row("history.max_bytes", size, "1GiB", "how many bytes of a collection's changes are kept")
          .MEMBER(history.max_bytes)
          .between(mib, 1024 * gib),

      row("storage.sync", choice, "always",
          "when writes are on disk: always (before the answer) or interval (soon after it)")
          .MEMBER(storage.sync)
          .one_of(sync_modes),
      row("storage.sync_interval", duration, "100ms",
          "with interval: what a power failure may lose at most")
          .MEMBER(storage.sync_interval)
          .between(1, 60 * second),

      row("apps.id", text, "", "id of one more app, or of the one to change")
          .variable_named("VELO_APP_ID"),
      row("apps.key", text, "", "its key").variable_named("VELO_APP_KEY"),
      row("apps.secret", text, "", "its secret").variable_named("VELO_APP_SECRET").secret(),

      row("limits.connections", count, "0", "sockets at once; 0: as file descriptors allow")
          .MEMBER(limits.connections),
      row("limits.http_connections", count, "0",
          "connections at once that are no WebSocket (yet); 0: as file descriptors allow")
          .MEMBER(limits.http_connections),
      row("limits.connections_per_ip", count, "0", "connections of one address; 0: no limit")
          .MEMBER(limits.connections_per_ip),
      row("limits.connects_per_second", count, "0", "pace of new connections; 0: as they come")
          .MEMBER(limits.connects_per_second)
          .between(0, 1'000'000),
      row("limits.requests_per_second", count, "0", "of one address, and of one token; 0: no limit")
          .MEMBER(limits.requests_per_second)
          .between(0, 1'000'000),
      row("limits.exempt", list, "", "networks whose clients have no limit for an address")
          .MEMBER(limits.exempt)
          .only(networks),
      row("limits.subscriptions_per_connection", count, "1000", "channels of one socket")
          .MEMBER(limits.subscriptions_per_connection)
          .between(1, 1'000'000),
      row("limits.subscriptions_per_user", count, "10000",
          "stored subscriptions of one user, connected or not; 0: no limit")
          .MEMBER(limits.subscriptions_per_user)
          .between(0, 1'000'000'000),
      row("limits.sockets_per_record_channel", count, "16", "sockets on one record channel")
          .MEMBER(limits.sockets_per_record_channel)
          .between(1, 1'000'000),
      row("limits.body_bytes", size, "1MiB", "body of a request")
          .MEMBER(limits.body_bytes)
          .between(kib, gib),
      row("limits.frame_bytes", size, "100KiB", "frame from a client")
          .MEMBER(limits.frame_bytes)
          .between(kib, 64 * mib),
      row("limits.record_bytes", size, "1MiB", "record as JSON")
          .MEMBER(limits.record_bytes)
          .between(kib, 64 * mib),
      row("limits.page_bytes", size, "16MiB", "records of a page of a list, as JSON")
          .MEMBER(limits.page_bytes)
          .between(kib, 4 * gib),
      row("limits.outbox_bytes", size, "1MiB", "queued for one socket")
          .MEMBER(limits.outbox_bytes)
          .between(16 * kib, gib),
      row("limits.outbox_frames", count, "4096", "frames queued for one socket")
          .MEMBER(limits.outbox_frames)
          .between(16, 1'000'000),
      row("limits.outbox_total_bytes", size, "256MiB",
          "queued for all sockets; beyond, the fullest are closed; 0: no such bound")
          .MEMBER(limits.outbox_total_bytes)
          .between(0, 1024 * gib),
      row("limits.event_bytes", size, "10KiB", "data of an event on the Pusher API")
          .MEMBER(limits.event_bytes)
          .between(1, 64 * mib),
      row("limits.event_name_bytes", count, "200", "bytes of such an event's name")
          .MEMBER(limits.event_name_bytes)
          .between(1, kib),
      row("limits.channel_name_bytes", count, "164", "bytes of a plain channel's name")
          .MEMBER(limits.channel_name_bytes)
          .between(64, channel_name_bytes_ever),
      row("limits.channels_per_event", count, "100", "channels that one such event may go to")
          .MEMBER(limits.channels_per_event)
          .between(1, 10'000),
      row("limits.events_per_batch", count, "10", "events of one batch on the Pusher API")
          .MEMBER(limits.events_per_batch)
          .between(1, 10'000),
      row("limits.presence_members", count, "100", "users in one presence channel")
          .MEMBER(limits.presence_members)
          .between(1, 1'000'000),
      row("limits.presence_member_bytes", size, "1KiB", "what a presence channel tells of a user")
          .MEMBER(limits.presence_member_bytes)
          .between(1, mib),
      row("limits.user_id_bytes", count, "128", "bytes of a user's id on the Pusher API")
          .MEMBER(limits.user_id_bytes)
          .between(1, kib),
      row("limits.watchlist", count, "100", "users that one user may watch")
          .MEMBER(limits.watchlist)
          .between(0, 10'000),
      row("limits.client_events_per_second", count, "10", "client events of one connection")
          .MEMBER(limits.client_events_per_second)
          .between(1, 100'000),
      row("limits.header_bytes", size, "16KiB", "header of a request")
          .MEMBER(limits.header_bytes)
          .between(kib, mib),
      row("limits.header_timeout", duration, "10s", "time to send a request's header")
          .MEMBER(limits.header_timeout)
          .between(1, hour),
      row("limits.body_timeout", duration, "60s", "time to send a request, body and all")
          .MEMBER(limits.body_timeout)
          .between(1, hour),
      row("limits.handshake_timeout", duration, "10s", "time for the handshake of TLS")
          .MEMBER(limits.handshake_timeout)
          .between(1, hour),
      row("limits.first_subscription_timeout", duration, "0s",
          "time to the first subscription of a socket; 0s: it may idle")
          .MEMBER(limits.first_subscription_timeout)
          .between(0, 24 * hour),
      row("limits.expression_bytes", count, "4096", "bytes of a rule or filter")
          .MEMBER(limits.expressions.expression_bytes)
          .between(1, mib),
      row("limits.expression_depth", count, "32", "nesting of parentheses and NOT")
          .MEMBER(limits.expressions.expression_depth)
          .between(1, 1000),
      row("limits.expression_terms", count, "256", "comparisons in a rule or filter")
          .MEMBER(limits.expressions.expression_terms)
          .between(1, 100'000),
      row("limits.in_list", count, "1000", "values of an IN list")
          .MEMBER(limits.expressions.in_list)
          .between(1, 1'000'000),

      row("pusher.activity_timeout", duration, "120s", "idle time before a ping")
          .MEMBER(pusher.activity_timeout)
          .between(second, 24 * hour)
          .only(whole_seconds),
      row("pusher.pong_timeout", duration, "30s", "time to answer that ping")
          .MEMBER(pusher.pong_timeout)
          .between(1, hour),
      row("pusher.cache_ttl", duration, "30m", "how long a cache channel keeps its last event")
          .MEMBER(pusher.cache_ttl)
          .between(1, year),
      row("pusher.member_grace", duration, "0s", "how long a member may be away unnoticed")
          .MEMBER(pusher.member_grace)
          .between(0, hour),
      row("pusher.signature_window", duration, "600s", "how far auth_timestamp may be off")
          .MEMBER(pusher.signature_window)
          .between(second, 24 * hour),

      row("webhooks.delay", duration, "3s", "within it, who returns was never away")
          .MEMBER(webhooks.delay)
          .between(0, hour),
      row("webhooks.timeout", duration, "10s", "time of one request")
          .MEMBER(webhooks.timeout)
          .between(1, hour),
      row("webhooks.retry_first", duration, "1s", "pause after a failure; doubled each time")
          .MEMBER(webhooks.retry_first)
          .between(1, hour),
      row("webhooks.retry_time", duration, "5m", "how long a request is tried")
          .MEMBER(webhooks.retry_time)
          .between(1, 24 * hour),
      row("webhooks.queue", count, "10000", "events that wait for one URL; then the oldest go")
          .MEMBER(webhooks.queue)
          .between(1, 10'000'000),

      row("hooks.url", text, "", "where hooks are asked; none where it is empty")
          .MEMBER(hooks.url)
          .only(hook_url),
      row("hooks.events", list, "", "what hooks are asked and told of")
          .MEMBER(hooks.events)
          .only(hook_events),
      row("hooks.timeout", duration, "2s", "time of one call, with the wait for its turn")
          .MEMBER(hooks.timeout)
          .between(1, hour),
      row("hooks.on_failure", choice, "closed", "closed: refuse; open: go on without the hook")
          .MEMBER(hooks.on_failure)
          .one_of(hook_policies),
      row("hooks.concurrency", count, "16", "calls under way at a time")
          .MEMBER(hooks.concurrency)
          .between(1, 1024),
      row("hooks.secret", text, "", "signs the calls; that of the first app where it is empty")
          .MEMBER(hooks.secret)
          .secret(),

      row("cors.origins", list, "*", "origins that browsers may call from")
          .MEMBER(cors_origins)
          .only(origins),

      row("drain.time", duration, "3s", "time over which sockets close at the end")
          .MEMBER(drain.time)
          .between(0, hour),
      row("drain.close_code", count, "4100", "code they close with")
          .MEMBER(drain.close_code)
          .only(coming_back),

      row("log.level", choice, "info", "trace, debug, info, warning, error or off")
          .MEMBER(log.level)
          .one_of(log_levels),
      row("log.access", choice, "false", "a line of the log for each request")
          .MEMBER(log.access)
          .one_of(yes_and_no),
      row("log.format", choice, "text", "text or json").MEMBER(log.format).one_of(log_formats),
  };
}

#undef MEMBER

}  // namespace

std::span<const setting> settings() {
  static const std::vector<setting> table = make_table();
  return table;
}

}  // namespace velo::net
