// GET /up: whether a load balancer should send clients here.

#include "net/endpoints/api.hpp"

namespace velo::net {

void add_health_routes(router& routes, const api& a) {
  routes.add("GET", "/up", [&a](request&&, const respond& answer) {
    answer(a.draining() ? json_response(503, {{"status", "draining"}})
                        : json_response(200, {{"status", "ok"}}));
  });
}

}  // namespace velo::net
