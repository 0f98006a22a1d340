#include "net/server.hpp"

#include "actors/connection.hpp"
#include "actors/constant_time.hpp"
#include "actors/engine.hpp"
#include "actors/loop.hpp"
#include "net/activation.hpp"
#include "net/config.hpp"
#include "net/driver_service.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/pusher_api.hpp"
#include "net/hook_service.hpp"
#include "net/http_session.hpp"
#include "net/listener.hpp"
#include "net/log.hpp"
#include "net/reactor.hpp"
#include "net/tls_certificates.hpp"
#include "net/token_command.hpp"
#include "net/webhook_service.hpp"
#include "net/websocket_session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <deque>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

using namespace std::chrono_literals;

// How long clients may take to answer our close frame, beyond drain.time.
constexpr auto goodbye_max = 500ms;
constexpr auto poll_interval = 10ms;
// For the answers still owed. Longer than any disk should take.
constexpr auto last_answers_max = 4s;

actors::channel_options channel_options_of(const config& c) {
  actors::channel_options o;
  o.presence_members_max = c.limits.presence_members;
  o.cache_ttl = c.pusher.cache_ttl;
  o.member_grace = c.pusher.member_grace;
  o.client_events_per_second = c.limits.client_events_per_second;
  o.event_bytes_max = c.limits.event_bytes;
  o.event_name_bytes_max = c.limits.event_name_bytes;
  return o;
}

actors::app_options app_options_of(const app& a) {
  actors::app_options o;
  o.id = a.id;
  o.client_events = a.client_events;
  o.subscription_count = a.subscription_count;
  o.connections_max = a.max_connections;
  return o;
}

// One I/O thread with what lives on it.
struct worker {
  worker(caf::actor_system& system, std::uint32_t index, std::chrono::milliseconds tick,
         const actors::engine& engine, const config& settings)
      : loop(system, index, tick),
        attached(settings.realtime.channel_prefix),
        answers(system.spawn<actors::loop_behavior>(std::ref(loop), std::ref(attached),
                                                    engine.options().stages)),
        context{loop,
                index,
                attached,
                answers,
                engine.registry(),
                engine.database(),
                settings.realtime.channel_prefix,
                settings.limits.subscriptions_per_connection,
                {&engine.channels(), channel_options_of(settings)}} {
    attached.report_to(engine.positions());
    loop.bound_outboxes((settings.limits.outbox_total_bytes + settings.threads - 1) /
                        settings.threads);
  }

  [[nodiscard]] actors::loop_behavior& asker() {
    return static_cast<actors::loop_behavior&>(*caf::actor_cast<caf::abstract_actor*>(answers));
  }

  reactor loop;
  actors::attachments attached;
  actors::loop_actor answers;
  actors::connection_context context;
};

actors::engine_options engine_options_of(const config& c, actors::stage_clock& stages) {
  actors::engine_options o;
  o.channel_prefix = c.realtime.channel_prefix;
  o.event_name = c.realtime.event_name;
  o.user_collection = c.auth.user_collection;
  for (const auto& app : c.apps) o.apps.push_back(app.id);
  o.superuser_token = c.superuser_token;
  o.superuser_token_previous = c.superuser_token_previous;
  o.ingest_key = c.ingest_key;
  o.expiry_notice = c.auth.expiry_notice;
  o.stale_after = c.realtime.stale_after;
  o.resume = c.realtime.resume;
  o.replay_bytes_max = std::min(o.replay_bytes_max, c.limits.outbox_bytes / 4);
  o.history_count_max = c.history.max_count;
  o.history_age_max = c.history.max_age;
  o.history_bytes_max = c.history.max_bytes;
  if (c.storage.sync == "interval") o.sync_interval = c.storage.sync_interval;
  o.expressions = c.limits.expressions;
  o.record_bytes_max = c.limits.record_bytes;
  o.sockets_per_channel_max = c.limits.sockets_per_record_channel;
  if (c.metrics_stages == "on") {
    stages.turn_on();
    o.stages = &stages;
  }
  return o;
}

std::shared_ptr<actors::token_verifier> verifier_of(const auth_config& auth) {
  auto made = actors::make_verifier(jwt_settings_of(auth));
  if (!made) throw std::runtime_error("keys of tokens: " + made.error().sentence);
  return std::move(*made);
}

// A socket is a descriptor: take as many as we may have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Signals are taken by sigtimedwait in the main thread; every other one inherits the mask.
sigset_t block_stop_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // A file at its limit (ulimit -f) is a full disk, not our end.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  return stop;
}

bool stop_signal_within(const sigset_t& stop, std::chrono::milliseconds time) {
  const timespec t{static_cast<std::time_t>(time.count() / 1000),
                   static_cast<long>(time.count() % 1000) * 1'000'000};
  return sigtimedwait(&stop, nullptr, &t) > 0;
}

// Work is handed over through condition variables rather than found by polling:
// an idle server uses no CPU, a change never waits for a worker's next look.
caf::actor_system_config system_config(unsigned threads) {
  caf::actor_system_config c;
  c.set("scheduler.policy", caf::atom("sharing"));
  c.set("scheduler.max-threads", std::size_t{threads});
  return c;
}

// The service manager's sockets stand for the configured ones, one for one.
std::vector<listen_address> addresses_of(const std::vector<listener_config>& ways,
                                         const std::vector<int>& activated) {
  if (!activated.empty() && activated.size() != ways.size())
    throw std::runtime_error(fmt::format(
        "the service manager handed over {} sockets for {} listeners: write one ListenStream for "
        "each, in the order of the configuration",
        activated.size(), ways.size()));
  std::vector<listen_address> addresses;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    listen_address at;
    at.host = ways[i].host;
    at.port = ways[i].port;
    at.unix_path = ways[i].unix_path;
    at.unix_mode = ways[i].unix_mode;
    if (!activated.empty()) at.inherited = activated[i];
    addresses.push_back(std::move(at));
  }
  return addresses;
}

// All ways in.
class listeners {
 public:
  listeners(const config& c, const std::vector<int>& activated, const std::vector<reactor*>& loops,
            std::shared_ptr<http_settings> http)
      : pacer_(c.limits.connects_per_second) {
    if (!c.tls.certificate.empty())
      certificates_ = std::make_unique<tls_certificates>(c.tls.certificate, c.tls.key);
    const auto ways = ways_in(c);
    const auto addresses = addresses_of(ways, activated);
    for (std::size_t i = 0; i < ways.size(); ++i) open(ways[i], addresses[i], loops, http, c);
    // A browser would take the same host's plain port for TLS as well.
    if (plain_to_others_) http->hsts_age = {};
  }

  void stop() {
    for (auto& way : ways_) way.listening->stop();
  }
  [[nodiscard]] const std::vector<std::string>& urls() const { return urls_; }

 private:
  // The traits are found by a listener's connections: they stay where they are.
  struct way_in {
    bool local = false;
    std::unique_ptr<listener> listening;
  };

  void open(const listener_config& way, const listen_address& at,
            const std::vector<reactor*>& loops, const std::shared_ptr<http_settings>& http,
            const config& c) {
    auto& opened = ways_.emplace_back();
    auto* certificates = way.tls ? certificates_.get() : nullptr;
    opened.listening = std::make_unique<listener>(
        loops, at,
        [&opened, certificates, http](reactor& loop, stream_socket&& socket) {
          incoming_connection from{.socket = std::move(socket), .local = opened.local};
          if (certificates != nullptr) {
            from.tls = certificates->open(from.socket.native_handle());
            if (from.tls == nullptr) return;
          }
          start_http_session(loop, std::move(from), http);
        },
        &pacer_);
    opened.local = opened.listening->is_local();
    if (!way.tls && !opened.local) plain_to_others_ = true;
    // An inherited socket need not be of the kind that is configured.
    const bool is_unix = opened.listening->port() == 0;
    auto url = opened.listening->name();
    if (!is_unix)
      url = fmt::format("{}://{}:{}{}", way.tls ? "https" : "http",
                        way.host.find(':') == std::string::npos ? way.host : '[' + way.host + ']',
                        opened.listening->port(), c.path_prefix);
    urls_.push_back(std::move(url));
  }

  accept_pacer pacer_;
  std::unique_ptr<tls_certificates> certificates_;
  bool plain_to_others_ = false;
  std::vector<std::string> urls_;
  std::deque<way_in> ways_;
};

void print_welcome(const config& c, const std::vector<std::string>& urls) {
  const auto& url = urls.front();
  for (std::size_t i = 1; i < urls.size(); ++i) fmt::print("velo listens on {}\n", urls[i]);
  fmt::print("velo ready on {}\n", url);
  fmt::print("  app key          {}\n", c.apps.front().keys.front().key);
  if (c.demo) {
    fmt::print(
        "  superuser token  {0}\n\n"
        "See an event arrive (the first line listens with pusher-js, in the background):\n\n"
        "  ./dev listen {1} {2} posts &\n"
        "  TOKEN={0}\n"
        "  curl -s {1}/api/collections/posts/records -H \"Authorization: Bearer $TOKEN\" "
        "-H 'Content-Type: application/json' -d '{{\"title\": \"Hello\"}}'\n\n",
        c.superuser_token, url, c.apps.front().keys.front().key);
  }
  std::fflush(stdout);
}

void declare_collections(actors::engine& engine, const config& c) {
  for (const auto& definition : c.collections) {
    const auto declared = engine.declare(storage::to_json_value(definition));
    if (!declared)
      throw std::runtime_error("collection " + definition.name + ": " + declared.error().message);
  }
}

void fill(http_settings& http, const config& c) {
  http.origins = cors(c.cors_origins);
  http.header_bytes_max = c.limits.header_bytes;
  http.body_bytes_max = c.limits.body_bytes;
  http.handshake_timeout = c.limits.handshake_timeout;
  http.header_timeout = c.limits.header_timeout;
  http.body_timeout = c.limits.body_timeout;
  http.access_log = c.log.access;
  if (!c.tls.certificate.empty())
    http.hsts_age = std::chrono::duration_cast<std::chrono::seconds>(c.tls.hsts);
}

void fill(client_limits& clients, const config& c) {
  // What load_config() has checked.
  for (const auto& network : c.trusted_proxies)
    static_cast<void>(clients.trusted_proxies.add(network));
  for (const auto& network : c.limits.exempt) static_cast<void>(clients.exempt.add(network));
  clients.is_exempt_token = [superuser = c.superuser_token,
                             ingest = c.ingest_key](std::string_view token) {
    return actors::constant_time_equal(token, superuser) ||
           (!ingest.empty() && actors::constant_time_equal(token, ingest));
  };
}

void fill(websocket_settings& ws, const config& c) {
  ws.apps = c.apps;
  ws.path_prefix = c.path_prefix;
  ws.channel_prefix = c.realtime.channel_prefix;
  ws.identities = {c.limits.user_id_bytes, c.limits.presence_member_bytes, c.limits.watchlist,
                   c.limits.channel_name_bytes};
  ws.frame_bytes_max = c.limits.frame_bytes;
  ws.outbox.bytes_max = c.limits.outbox_bytes;
  ws.outbox.frames_max = c.limits.outbox_frames;
  ws.acknowledges = c.realtime.resume && c.realtime.ack == "pong";
  ws.connections_max = c.limits.connections;
  ws.first_subscription_timeout = c.limits.first_subscription_timeout;
  ws.activity_timeout = c.pusher.activity_timeout;
  ws.pong_timeout = c.pusher.pong_timeout;
}

// Fine enough for each deadline that is on.
std::chrono::milliseconds tick_of(const config& c) {
  const auto first = c.limits.first_subscription_timeout;
  return reactor::tick_for(c.pusher.activity_timeout, c.pusher.pong_timeout,
                           c.limits.header_timeout, c.limits.body_timeout,
                           c.limits.handshake_timeout,
                           first.count() > 0 ? first : std::chrono::milliseconds{1h});
}

// Begins no request any more and waits until those under way are answered: one that was
// handed to storage will be done, so its client has to hear of it. A second signal ends
// the wait.
void finish_requests(std::vector<std::unique_ptr<worker>>& workers, http_settings& http,
                     const sigset_t& stop) {
  http.ending = true;
  // A loop that has passed here sees the flag in all that it handles after.
  const auto passed = std::make_shared<std::atomic<std::size_t>>(0);
  for (auto& w : workers) boost::asio::post(w->loop.io(), [passed] { ++*passed; });
  const auto deadline = std::chrono::steady_clock::now() + last_answers_max;
  while (*passed < workers.size() || http.owed > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      spdlog::error("some requests were not answered in time; their writes may still be done");
      return;
    }
    if (stop_signal_within(stop, poll_interval)) return;
  }
}

// Sends every socket away in good order. A second signal ends the wait.
void drain(std::vector<std::unique_ptr<worker>>& workers, const websocket_settings& ws,
           const config& c, const sigset_t& stop) {
  spdlog::info("draining {} connections", ws.connections.load());
  if (ws.connections == 0) return;
  for (auto& w : workers)
    w->loop.drain(c.drain.close_code, "The server is shutting down.", c.drain.time);
  const auto deadline = std::chrono::steady_clock::now() + c.drain.time + goodbye_max;
  while (ws.connections > 0 && std::chrono::steady_clock::now() < deadline) {
    if (stop_signal_within(stop, poll_interval)) return;
  }
}

}  // namespace

int run_server(const config& c) {
  const auto stop = block_stop_signals();
  const auto activated = take_activated_sockets();
  raise_descriptor_limit();
  set_up_log(c.log);

  auto caf_config = system_config(c.threads);
  actors::stage_clock stages;
  caf::actor_system system(caf_config);
  auto started =
      actors::engine::start(system, c.data, engine_options_of(c, stages), verifier_of(c.auth));
  if (!started)
    throw std::runtime_error("data directory " + c.data + ": " + started.error().message());
  auto& engine = **started;
  declare_collections(engine, c);
  hook_service hooks(engine, c);
  webhook_service webhooks(system, engine, c);
  std::vector<actors::app_options> apps;
  std::transform(c.apps.begin(), c.apps.end(), std::back_inserter(apps), [&](const app& a) {
    auto options = app_options_of(a);
    options.webhooks = webhooks.of(a.id);
    return options;
  });
  engine.open_channels(std::move(apps), channel_options_of(c));

  websocket_settings ws;
  fill(ws, c);
  ws.channels = &engine.channels();
  ws.hooks = &engine.hooks();
  idempotency_cache repeats;  // Before the loops: their last answers go to it.
  client_limits clients(c.limits.connections_per_ip, c.limits.requests_per_second);
  fill(clients, c);
  const auto http = std::make_shared<http_settings>();
  fill(*http, c);
  http->clients = &clients;
  const auto tick = tick_of(c);
  std::vector<std::unique_ptr<worker>> workers;
  std::vector<reactor*> loops;
  workers.reserve(c.threads);
  loops.reserve(c.threads);
  for (unsigned i = 0; i < c.threads; ++i)
    workers.push_back(std::make_unique<worker>(system, i, tick, engine, c));

  api endpoints(engine, c, http->draining);
  driver_service drivers(system, engine, c, c.threads);
  for (auto& w : workers) endpoints.add_loop(w->asker());
  http->routes = router(c.path_prefix);
  add_health_routes(http->routes, endpoints);
  add_realtime_routes(http->routes, endpoints);
  add_token_routes(http->routes, endpoints);
  add_explain_routes(http->routes, endpoints);
  add_change_routes(http->routes, endpoints);
  add_broadcasting_routes(http->routes, endpoints);
  add_user_auth_routes(http->routes, endpoints);
  add_driver_routes(http->routes, endpoints);
  add_collection_routes(http->routes, endpoints);
  add_record_routes(http->routes, endpoints);
  metrics_sources counted{{}, engine.options().stages, drivers.counters()};
  for (const auto& w : workers) counted.loops.push_back(&std::as_const(w->loop).counters());
  add_metrics_routes(http->routes, endpoints, std::move(counted));
  add_pusher_event_routes(http->routes, endpoints, repeats);
  add_pusher_query_routes(http->routes, endpoints);
  http->on_upgrade = [&](reactor& loop, incoming_connection&& from, upgrade_request&& handshake,
                         const std::string& early) {
    // A client that talks before the handshake is answered breaks RFC 6455 4.1.
    if (!early.empty()) return;
    start_websocket(loop, workers[loop.index()]->context, ws, std::move(from),
                    std::move(handshake));
  };

  for (auto& w : workers) loops.push_back(&w->loop);
  listeners listening(c, activated, loops, http);
  for (auto* loop : loops) loop->start();
  print_welcome(c, listening.urls());
  for (const auto& url : listening.urls())
    spdlog::info("listening on {} with {} threads", url, c.threads);

  while (!stop_signal_within(stop, std::chrono::hours{1})) {
  }
  http->draining = true;
  ws.draining = true;
  // Others accept on a socket that was handed to us: who comes from now on waits
  // for the next process rather than being sent away by this one.
  if (!activated.empty()) listening.stop();
  drain(workers, ws, c, stop);
  listening.stop();
  finish_requests(workers, *http, stop);
  for (auto& w : workers) caf::anon_send_exit(w->answers, caf::exit_reason::user_shutdown);
  for (auto* loop : loops) loop->stop();
  for (auto* loop : loops) loop->join();
  drivers.stop();
  engine.close_channels();
  webhooks.stop();
  engine.stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace velo::net
