// GET /metrics: what the server counts. For a superuser or whoever has the
// metrics token; for everybody on this machine who comes by a listener that nobody
// else can reach, and not through a proxy.

#include "net/metrics.hpp"
#include "actors/constant_time.hpp"
#include "net/endpoints/api.hpp"

namespace velo::net {

void add_metrics_routes(router& routes, const api& a, metrics_sources from) {
  const auto show = [from = std::move(from)](const respond& answer) {
    answer({200, render_metrics(from), "text/plain; version=0.0.4; charset=utf-8", {}});
  };
  const auto for_superuser = a.superuser_only(
      [show](request&&, const respond& answer, const actors::identity&) { show(answer); });
  routes.add("GET", "/metrics", [&a, show, for_superuser](request&& r, const respond& answer) {
    const auto& settings = a.settings();
    const auto token = r.bearer_token();
    const bool shown = r.local || (token && !settings.metrics_token.empty() &&
                                   actors::constant_time_equal(*token, settings.metrics_token));
    if (shown) return show(answer);
    for_superuser(std::move(r), answer);
  });
}

}  // namespace velo::net
