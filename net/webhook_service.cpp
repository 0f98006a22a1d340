#include "net/webhook_service.hpp"

#include "net/signature.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::net {

namespace {

// Longer than any disk should take; a stuck one must not keep a process alive.
constexpr auto flush_max = std::chrono::seconds{4};

actors::webhook_target target_of(const app_webhook& hook, std::size_t same_before) {
  actors::webhook_target target;
  // Of two webhooks with one URL the order in the configuration tells.
  target.key = hook.url + (same_before == 0 ? "" : " " + std::to_string(same_before + 1));
  target.channel_prefix = hook.channel_prefix;
  for (const auto& name : hook.events) {
    const auto& names = actors::webhook_event_names;
    const auto at = std::find(names.begin(), names.end(), name) - names.begin();
    target.events.push_back(static_cast<actors::webhook_event_kind>(at));
  }
  return target;
}

actors::webhook_options options_of(const app& a, const webhooks_config& settings) {
  actors::webhook_options options;
  options.app_id = a.id;
  for (auto hook = a.webhooks.begin(); hook != a.webhooks.end(); ++hook) {
    const auto same = std::count_if(
        a.webhooks.begin(), hook, [&](const app_webhook& other) { return other.url == hook->url; });
    options.targets.push_back(target_of(*hook, static_cast<std::size_t>(same)));
  }
  options.delay = settings.delay;
  options.retry_first = settings.retry_first;
  options.retry_time = settings.retry_time;
  options.events_max = settings.queue;
  return options;
}

}  // namespace

webhook_service::webhook_service(caf::actor_system& system, const actors::engine& engine,
                                 const config& settings)
    : system_(system), settings_(settings) {
  for (const auto& a : settings.apps) {
    if (!a.enabled || a.webhooks.empty()) continue;
    actors_[a.id] = system.spawn<actors::webhook_behavior>(
        options_of(a, settings.webhooks), engine.store(), std::cref(engine.database()),
        std::ref(static_cast<actors::webhook_transport&>(*this)));
  }
}

webhook_service::~webhook_service() {
  stop();
}

actors::webhook_actor webhook_service::of(const std::string& app_id) const {
  const auto at = actors_.find(app_id);
  return at == actors_.end() ? actors::webhook_actor{} : actors::webhook_actor{at->second};
}

void webhook_service::stop() {
  caf::scoped_actor self(system_);
  for (auto& [id, actor] : std::exchange(actors_, {})) {
    self->request(actor, flush_max, actors::flush{})
        .receive([](actors::ack) {}, [](const caf::error&) {});
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
  }
}

void webhook_service::post(const std::string& app_id, std::size_t target, std::string body,
                           std::function<void(std::string)> done) {
  const auto& a = *find_app(settings_.apps, app_id);
  const auto& hook = a.webhooks[target];
  const auto& [key, secret] = a.keys.front();
  http_call call;
  call.to = *parse_http_address(hook.url);  // The configuration has been checked.
  call.headers = {{"Content-Type", "application/json"},
                  {"X-Pusher-Key", key},
                  {"X-Pusher-Signature", hmac_sha256_hex(secret, body)}};
  call.headers.insert(call.headers.end(), hook.headers.begin(), hook.headers.end());
  call.body = std::move(body);
  call.timeout = settings_.webhooks.timeout;
  client_.send(std::move(call), [done = std::move(done)](const http_outcome& outcome) {
    if (!outcome) return done(outcome.error().sentence);
    const bool accepted = outcome->status >= 200 && outcome->status < 300;
    done(accepted ? "" : "status " + std::to_string(outcome->status));
  });
}

}  // namespace velo::net
