// GET /metrics: what the server counts. For a superuser or whoever has the
// metrics token; for everybody where only this machine can reach the server.

#include "net/metrics.hpp"
#include "actors/constant_time.hpp"
#include "net/endpoints/api.hpp"

#include <boost/asio/ip/address.hpp>

namespace velo::net {

namespace {

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace

void add_metrics_routes(router& routes, const api& a, metrics_sources from) {
  const auto show = [from = std::move(from)](const respond& answer) {
    answer({200, render_metrics(from), "text/plain; version=0.0.4; charset=utf-8", {}});
  };
  const auto for_superuser = a.superuser_only(
      [show](request&&, const respond& answer, const actors::identity&) { show(answer); });
  routes.add("GET", "/metrics", [&a, show, for_superuser](request&& r, const respond& answer) {
    const auto& settings = a.settings();
    const auto token = r.bearer_token();
    const bool shown =
        is_loopback(settings.host) || (token && !settings.metrics_token.empty() &&
                                       actors::constant_time_equal(*token, settings.metrics_token));
    if (shown) return show(answer);
    for_superuser(std::move(r), answer);
  });
}

}  // namespace velo::net
