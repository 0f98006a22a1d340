#include "net/server.hpp"

#include "actors/engine.hpp"
#include "net/activation.hpp"
#include "net/config.hpp"
#include "net/driver_service.hpp"
#include "net/engine_config.hpp"
#include "net/hook_service.hpp"
#include "net/log.hpp"
#include "net/network.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace velo::net {

namespace {

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

}  // namespace

int run_server(const config& c) {
  const auto stop = block_stop_signals();
  auto activated = take_activated_sockets();
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
  driver_service drivers(system, engine, c);
  network clients(system, engine, c,
                  {.activated = std::move(activated), .drivers = drivers.counters()});
  print_welcome(c, clients.urls());
  for (const auto& url : clients.urls())
    spdlog::info("listening on {} with {} threads", url, c.threads);

  while (!stop_signal_within(stop, std::chrono::hours{1})) {
  }
  // A second signal ends each wait.
  const auto wait = [&](std::chrono::milliseconds time) { return stop_signal_within(stop, time); };
  clients.drain(wait);
  clients.stop(wait);
  drivers.stop();
  engine.stop();
  spdlog::info("stopped");
  return 0;
}

}  // namespace velo::net
