#include "net/hook_service.hpp"

#include "actors/time_text.hpp"
#include "net/hook_message.hpp"
#include "net/signature.hpp"

#include <algorithm>
#include <utility>

namespace velo::net {

namespace {

// What stands around a record in an answer.
constexpr std::size_t answer_frame_bytes = 4096;

http_client_options client_options(const config& c) {
  http_client_options o;
  o.connections_per_place_max = c.hooks.concurrency;
  o.body_bytes_max = c.limits.record_bytes + answer_frame_bytes;
  return o;
}

}  // namespace

hook_service::hook_service(actors::engine& engine, const config& settings)
    : settings_(settings), client_(client_options(settings)) {
  const auto& hooks = settings.hooks;
  if (hooks.url.empty()) return;
  for (const auto& name : hooks.events) {
    const auto& names = actors::hook_event_names;
    const auto at = std::find(names.begin(), names.end(), name) - names.begin();
    actors::hook_options options;
    options.name = hooks.url;
    options.timeout = hooks.timeout;
    options.concurrency = hooks.concurrency;
    options.on_failure = hooks.on_failure == "open" ? actors::hook_failure_policy::open
                                                    : actors::hook_failure_policy::closed;
    engine.hooks().on_async(
        static_cast<actors::hook_event>(at),
        [this](const actors::hook_call_ptr& call, std::function<void(actors::hook_result)> done) {
          ask(*call, std::move(done));
        },
        std::move(options));
  }
}

void hook_service::ask(const actors::hook_call& call,
                       std::function<void(actors::hook_result)> done) {
  http_call request;
  request.to = *parse_http_address(settings_.hooks.url);  // The configuration has been checked.
  request.body = hook_request_body(call, actors::now_ms());
  request.timeout = settings_.hooks.timeout;
  const auto& [key, secret] = settings_.apps.front().keys.front();
  const bool own_secret = !settings_.hooks.secret.empty();
  request.headers = {{"Content-Type", "application/json"},
                     {"Accept", "application/json"},
                     {"X-Pusher-Signature",
                      hmac_sha256_hex(own_secret ? settings_.hooks.secret : secret, request.body)}};
  if (!own_secret) request.headers.emplace_back("X-Pusher-Key", key);
  client_.send(std::move(request),
               [event = call.event, done = std::move(done)](const http_outcome& outcome) {
                 if (!outcome) return done(actors::hook_failure{outcome.error().sentence});
                 done(read_hook_answer(event, *outcome));
               });
}

}  // namespace velo::net
