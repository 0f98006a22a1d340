#include "net/engine_config.hpp"

#include "net/token_command.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace velo::net {

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
  o.page_bytes_max = c.limits.page_bytes;
  o.sockets_per_channel_max = c.limits.sockets_per_record_channel;
  o.subscriptions_per_user_max = c.limits.subscriptions_per_user;
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

void declare_collections(actors::engine& engine, const config& c) {
  for (const auto& definition : c.collections) {
    const auto declared = engine.declare(storage::to_json_value(definition));
    if (!declared)
      throw std::runtime_error("collection " + definition.name + ": " + declared.error().message);
  }
}

}  // namespace velo::net
