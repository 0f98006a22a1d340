// What the routes of the Pusher API share: whose request it is, and what an
// event, a name or a list of attributes may be (PUSHER_PROTOCOL.md 12 and 13).

#pragma once

#include "net/endpoints/api.hpp"
#include "net/idempotency_cache.hpp"

#include <boost/system/result.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace velo::net {

/// The app that a request is of, as configured and as it runs.
struct calling_app {
  const app* configured = nullptr;
  actors::app_ref live = nullptr;
};

using with_app = std::function<void(request&&, const respond&, const calling_app&)>;

/// A handler of `/apps/{app}/...` that knows the request to be the app's: 404 for
/// an unknown app, 401 for what is not signed as it should, 403 for one that is disabled.
[[nodiscard]] handler signed_by_app(const api& a, with_app run);

/// Nothing is wrong, or the response that says what.
using checked = boost::system::result<void, response>;

/// Whether an application may name this channel: 400, 403 for those of records.
[[nodiscard]] checked check_channel(std::string_view channel, const config& settings);

/// Reads `user_count,subscription_count`; each must be among `known` or it is 400.
[[nodiscard]] boost::system::result<actors::wanted_counts, response> read_counts(
    std::string_view info);

/// The attributes that an answer has of a channel.
[[nodiscard]] nlohmann::json counts_json(const actors::channel_counts& counts);

/// Says what a stopping server says.
[[nodiscard]] response refused_by_actors(const actors::failure& why);

/// POST events and batch_events; the cache outlives the router.
void add_pusher_event_routes(router& routes, const api& a, idempotency_cache& repeats);
/// The questions about channels, users and connections.
void add_pusher_query_routes(router& routes, const api& a);

}  // namespace velo::net
