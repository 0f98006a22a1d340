#include "actors/pruner.hpp"

#include "actors/time_text.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t candidates_max = 1000;          // a look
constexpr auto look_again = std::chrono::seconds{2};  // until the store has dealt with these

}  // namespace

pruner_behavior::pruner_behavior(caf::actor_config& config, registry_actor registry,
                                 const storage::database& database, const engine_options& options)
    : pruner_actor::base(config),
      registry_(std::move(registry)),
      database_(database),
      options_(options) {}

pruner_behavior::behavior_type pruner_behavior::make_behavior() {
  schedule(options_.stale_after);
  return {[this](prune) {
    const std::chrono::milliseconds pause = options_.stale_after / 4;
    schedule(look() ? std::min<std::chrono::milliseconds>(pause, look_again) : pause);
  }};
}

void pruner_behavior::schedule(std::chrono::milliseconds after) {
  using std::chrono::milliseconds;
  delayed_send(caf::actor_cast<pruner_actor>(this),
               std::clamp(after, milliseconds{50}, milliseconds{30'000}), prune{});
}

bool pruner_behavior::look() {
  if (std::chrono::steady_clock::now() - started_ < options_.stale_after) return false;
  const auto cutoff = now_ms() - options_.stale_after.count();
  std::map<std::string, std::shared_ptr<stale_candidates>> by_collection;
  auto transaction = database_.begin_read();
  if (!transaction) {
    spdlog::warn("storage: {}", transaction.error().message());
    return false;
  }
  std::size_t seen = 0;
  const auto looked = database_.connections.for_each_seen_before(
      *transaction, cutoff, candidates_max, [&](std::string_view uuid, std::int64_t) {
        ++seen;
        const auto stored = database_.connections.get(*transaction, uuid);
        if (!stored || !*stored) return true;
        auto& candidates = by_collection[(*stored)->collection_id];
        if (!candidates) candidates = std::make_shared<stale_candidates>();
        candidates->cutoff_ms = cutoff;
        candidates->channels.push_back(*channel_id::parse(uuid));
        return true;
      });
  if (!looked) spdlog::warn("storage: {}", looked.error().message());
  for (auto& [collection, candidates] : by_collection) {
    request(registry_, caf::infinite, collection)
        .then(
            [this, candidates = stale_candidates_ptr{std::move(candidates)}](
                const collection_handle& found) {
              if (found.definition) hand_over(found.shards, *candidates);
            },
            [](const caf::error&) {});
  }
  return seen == candidates_max;
}

void pruner_behavior::hand_over(const shard_list& shards, const stale_candidates& all) {
  std::map<collection_actor, std::shared_ptr<stale_candidates>> by_shard;
  for (const auto& channel : all.channels) {
    auto& candidates = by_shard[shard_of(shards, channel)];
    if (!candidates) candidates = std::make_shared<stale_candidates>();
    candidates->cutoff_ms = all.cutoff_ms;
    candidates->channels.push_back(channel);
  }
  for (auto& [shard, candidates] : by_shard) send(shard, stale_candidates_ptr{candidates});
}

}  // namespace velo::actors
