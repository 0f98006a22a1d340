// What the endpoints share: the engine behind them, the loop they run on, and
// how a request becomes a message to an actor and its answer a response.
//
// An endpoint runs on the I/O thread of its connection, never blocks, and is
// answered there.

#pragma once

#include "actors/engine.hpp"
#include "actors/loop.hpp"
#include "net/config.hpp"
#include "net/http.hpp"
#include "net/metrics.hpp"
#include "net/reactor.hpp"
#include "net/router.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace velo::net {

/// Outlives every request. Filled before the first one, then only read.
class api {
 public:
  api(const actors::engine& engine, const config& settings, const std::atomic<bool>& draining)
      : engine_(engine), settings_(settings), draining_(draining) {}

  /// The actor that asks on behalf of the requests of `loops`' next reactor.
  void add_loop(actors::loop_behavior& asker) { askers_.push_back(&asker); }

  [[nodiscard]] const actors::engine& engine() const { return engine_; }
  [[nodiscard]] const config& settings() const { return settings_; }
  [[nodiscard]] bool draining() const { return draining_; }

  /// The actor that asks on behalf of this loop's requests, on its thread.
  [[nodiscard]] actors::loop_behavior& asker(const reactor& loop) const {
    return *askers_[loop.index()];
  }

  /// Sends `message` to `to`; its answer goes to `then`, on the same loop. An
  /// actor that is gone is answered 503.
  template <class Handle, class Message, class Then>
  void ask(const reactor& loop, const Handle& to, Message message, const respond& answer,
           Then then) const {
    asker(loop)
        .request(to, caf::infinite, std::move(message))
        .then(std::move(then), [answer](const caf::error&) {
          answer(error_response(503, "The server is stopping."));
        });
  }

  using with_identity = std::function<void(request&&, respond, actors::identity)>;
  /// A handler that knows who calls: a bad token is answered 401, none is a guest.
  [[nodiscard]] handler identified(with_identity run) const;
  /// The same for superusers only: 401 for a guest, 403 for anybody else.
  [[nodiscard]] handler superuser_only(with_identity run) const;

 private:
  const actors::engine& engine_;
  const config& settings_;
  const std::atomic<bool>& draining_;
  std::vector<actors::loop_behavior*> askers_;
};

/// The token `X-Socket-ID` of a request, empty where there is none or no such form.
[[nodiscard]] std::string origin_socket(const request& from);

// One function per group of routes; `a` outlives the router.
void add_health_routes(router& routes, const api& a);
void add_realtime_routes(router& routes, const api& a);
void add_token_routes(router& routes, const api& a);
void add_explain_routes(router& routes, const api& a);
void add_change_routes(router& routes, const api& a);
void add_broadcasting_routes(router& routes, const api& a);
void add_driver_routes(router& routes, const api& a);
void add_user_auth_routes(router& routes, const api& a);
void add_collection_routes(router& routes, const api& a);
void add_record_routes(router& routes, const api& a);
void add_metrics_routes(router& routes, const api& a, metrics_sources from);

}  // namespace velo::net
