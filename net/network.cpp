#include "net/network.hpp"

#include "actors/connection.hpp"
#include "actors/constant_time.hpp"
#include "actors/loop.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/pusher_api.hpp"
#include "net/http_session.hpp"
#include "net/listeners.hpp"
#include "net/reactor.hpp"
#include "net/webhook_service.hpp"
#include "net/websocket_session.hpp"

#include <spdlog/spdlog.h>
#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <string_view>
#include <thread>
#include <utility>

namespace velo::net {

namespace {

using namespace std::chrono_literals;

// How long clients may take to answer our close frame, beyond drain.time.
constexpr auto goodbye_max = 500ms;
constexpr auto poll_interval = 10ms;
// For the answers still owed. Longer than any disk should take.
constexpr auto last_answers_max = 4s;
// How long the first request of a connection may take that was accepted before.
constexpr auto first_request_max = 1s;

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
         actors::engine& engine, const config& settings, boost::asio::io_context* io,
         std::size_t workers)
      : loop(system, index, tick, io),
        attached(settings.realtime.channel_prefix),
        answers(system.spawn<actors::loop_behavior>(std::ref(loop), std::ref(attached),
                                                    engine.options().stages)),
        context{loop,
                engine.take_loops(1),
                attached,
                answers,
                engine.registry(),
                engine.database(),
                settings.realtime.channel_prefix,
                settings.limits.subscriptions_per_connection,
                {&engine.channels(), channel_options_of(settings)}} {
    attached.report_to(engine.positions());
    attached.count_held(loop);
    loop.bound_outboxes((settings.limits.outbox_total_bytes + workers - 1) / workers);
  }

  [[nodiscard]] actors::loop_behavior& asker() {
    return static_cast<actors::loop_behavior&>(*caf::actor_cast<caf::abstract_actor*>(answers));
  }

  reactor loop;
  actors::attachments attached;
  actors::loop_actor answers;
  actors::connection_context context;
};

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
  clients.is_exempt_token = [known = std::array{c.superuser_token, c.superuser_token_previous,
                                                c.ingest_key}](std::string_view token) {
    bool exempt = false;
    for (const auto& own : known) exempt |= !own.empty() && actors::constant_time_equal(token, own);
    return exempt;
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

bool sleep(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  return false;
}

}  // namespace

struct network::state {
  state(caf::actor_system& system, actors::engine& served, const config& c,
        network_options options);

  void share_system_calls();
  void add_routes(network_options& options);
  void greet(const patience& wait);
  void finish_requests(const patience& wait);

  actors::engine& engine;
  const config& settings;
  webhook_service webhooks;
  websocket_settings ws;
  idempotency_cache repeats;  // before the loops: their last answers go to it
  client_limits clients;
  std::shared_ptr<http_settings> http = std::make_shared<http_settings>();
  std::vector<std::unique_ptr<worker>> workers;
  std::vector<reactor*> loops;
  api endpoints;
  bool activated;
  std::unique_ptr<listeners> listening;
  bool stopped = false;
};

network::state::state(caf::actor_system& system, actors::engine& served, const config& c,
                      network_options options)
    : engine(served),
      settings(c),
      webhooks(system, served, c),
      clients(c.limits.connections_per_ip, c.limits.requests_per_second, c.limits.http_connections),
      endpoints(served, c, http->draining),
      activated(!options.activated.empty()) {
  std::vector<actors::app_options> apps;
  std::transform(c.apps.begin(), c.apps.end(), std::back_inserter(apps), [&](const app& a) {
    auto opened = app_options_of(a);
    opened.webhooks = webhooks.of(a.id);
    return opened;
  });
  engine.open_channels(std::move(apps), channel_options_of(c));

  fill(ws, c);
  ws.channels = &engine.channels();
  ws.hooks = &engine.hooks();
  fill(clients, c);
  fill(*http, c);
  http->clients = &clients;
  const unsigned count = options.io != nullptr ? 1 : c.threads;
  for (unsigned i = 0; i < count; ++i)
    workers.push_back(
        std::make_unique<worker>(system, i, tick_of(c), engine, c, options.io, count));
  for (auto& w : workers) {
    loops.push_back(&w->loop);
    endpoints.add_loop(w->asker());
  }
  if (c.io_uring == "auto") share_system_calls();
  add_routes(options);
  listening = std::make_unique<listeners>(c, options.activated, loops, http);
  for (auto* loop : loops) loop->start();
}

void network::state::share_system_calls() {
  for (auto* loop : loops) {
    boost::asio::post(loop->io(), [loop] {
      const auto why = loop->sends().use_ring();
      if (why && loop->index() == 0)
        spdlog::info("io_uring: {}: to send, each socket has system calls of its own",
                     why.message());
    });
  }
}

void network::state::add_routes(network_options& options) {
  auto& routes = http->routes;
  routes = router(settings.path_prefix);
  add_health_routes(routes, endpoints);
  add_realtime_routes(routes, endpoints);
  add_token_routes(routes, endpoints);
  add_explain_routes(routes, endpoints);
  add_change_routes(routes, endpoints);
  add_broadcasting_routes(routes, endpoints);
  add_user_auth_routes(routes, endpoints);
  add_driver_routes(routes, endpoints);
  add_collection_routes(routes, endpoints);
  add_record_routes(routes, endpoints);
  metrics_sources counted{{}, engine.options().stages, std::move(options.drivers)};
  for (const auto& w : workers) counted.loops.push_back(&std::as_const(w->loop).counters());
  add_metrics_routes(routes, endpoints, std::move(counted));
  add_pusher_event_routes(routes, endpoints, repeats);
  add_pusher_query_routes(routes, endpoints);
  http->on_upgrade = [this](reactor& loop, incoming_connection&& from, upgrade_request&& handshake,
                            const std::string& early) {
    // A client that talks before the handshake is answered breaks RFC 6455 4.1.
    if (!early.empty()) return;
    start_websocket(loop, workers[loop.index()]->context, ws, std::move(from),
                    std::move(handshake));
  };
}

// Nobody else will come: who was accepted a moment ago has a request on its way, and
// would see its connection end without an answer.
void network::state::greet(const patience& wait) {
  const auto deadline = std::chrono::steady_clock::now() + first_request_max;
  // The first loop accepts. Its second turn from now comes after those that the kernel
  // gave it before it stopped, and then what it has dealt out is at the others first.
  const auto passed = std::make_shared<std::atomic<std::size_t>>(0);
  boost::asio::post(loops.front()->io(), [passed, all = loops] {
    boost::asio::post(all.front()->io(), [passed, all] {
      for (auto* loop : all) boost::asio::post(loop->io(), [passed] { ++*passed; });
    });
  });
  while (*passed < loops.size() || http->unserved > 0) {
    if (std::chrono::steady_clock::now() >= deadline || wait(poll_interval)) return;
  }
}

// One that was handed to storage will be done, so its client has to hear of it.
void network::state::finish_requests(const patience& wait) {
  http->ending = true;
  // A loop that has passed here sees the flag in all that it handles after.
  const auto passed = std::make_shared<std::atomic<std::size_t>>(0);
  for (auto& w : workers) boost::asio::post(w->loop.io(), [passed] { ++*passed; });
  const auto deadline = std::chrono::steady_clock::now() + last_answers_max;
  while (*passed < workers.size() || http->owed > 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      spdlog::error("some requests were not answered in time; their writes may still be done");
      return;
    }
    if (wait(poll_interval)) return;
  }
}

network::network(caf::actor_system& system, actors::engine& engine, const config& settings,
                 network_options options)
    : state_(std::make_unique<state>(system, engine, settings, std::move(options))) {}

network::~network() {
  stop();
}

const std::vector<std::string>& network::urls() const {
  return state_->listening->urls();
}

void network::drain(const patience& wait) {
  auto& s = *state_;
  s.http->draining = true;
  s.ws.draining = true;
  // Others accept on a socket that was handed to us: who comes from now on waits
  // for the next process rather than being sent away by this one.
  if (s.activated) s.listening->stop();
  spdlog::info("draining {} connections", s.ws.connections.load());
  if (s.ws.connections == 0) return;
  const auto& how = s.settings.drain;
  for (auto& w : s.workers) w->loop.drain(how.close_code, "The server is shutting down.", how.time);
  const auto deadline = std::chrono::steady_clock::now() + how.time + goodbye_max;
  while (s.ws.connections > 0 && std::chrono::steady_clock::now() < deadline) {
    if ((wait ? wait : sleep)(poll_interval)) return;
  }
}

void network::stop(const patience& wait) {
  auto& s = *state_;
  if (std::exchange(s.stopped, true)) return;
  s.listening->stop();
  s.greet(wait ? wait : sleep);
  s.finish_requests(wait ? wait : sleep);
  for (auto& w : s.workers) caf::anon_send_exit(w->answers, caf::exit_reason::user_shutdown);
  s.ws.gate->shut();
  for (auto* loop : s.loops) loop->stop();
  for (auto* loop : s.loops) loop->join();
  s.engine.close_channels();
  s.webhooks.stop();
}

}  // namespace velo::net
