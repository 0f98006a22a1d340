#include "actors/time_text.hpp"
#include "tests/actors/support/world.hpp"

namespace velo::actors {

using namespace std::chrono_literals;

namespace {

/// Stale after no time at all: whatever nobody listens to is, at the next look.
struct pruning : world {
  pruner_actor pruner;

  explicit pruning(std::chrono::milliseconds stale_after) : world(with(stale_after)) {
    pruner = system->spawn<pruner_behavior>(registry, std::cref(*database), std::cref(options));
    settle();
  }
  ~pruning() {
    caf::anon_send_exit(pruner, caf::exit_reason::user_shutdown);
    pruner = nullptr;
  }

  static engine_options with(std::chrono::milliseconds stale_after) {
    engine_options o;
    o.stale_after = stale_after;
    return o;
  }
  void touch(const storage::connection& s, std::int64_t seen_ms) {
    caf::anon_send(store, touch_connection{*channel_id::parse(s.uuid), seen_ms});
    ask<ack>(store, flush{});
  }
  void look() {
    caf::anon_send(pruner, prune{});
    settle();
  }
};

}  // namespace

TEST_CASE("a connection that nobody uses is dropped, one that is live is renewed",
          "[actors][pruner]") {
  pruning w(0ms);
  w.collection("posts");
  const auto unused = *w.subscribe("posts");
  const auto live = *w.subscribe("posts");
  const auto pinged = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, live);
  for (const auto& s : {unused, live, pinged}) w.touch(s, 1000);
  w.touch(pinged, now_ms() + 60'000);
  w.look();
  CHECK_FALSE(w.connection(unused.uuid));
  CHECK(w.connection(pinged.uuid));
  w.ask<ack>(w.store, flush{});
  CHECK(w.connection(live.uuid)->last_seen_ms > 1000);
  CHECK(c.session->story() == "succeeded");
}

TEST_CASE("a ping that overtakes the pruner's judgement keeps the connection", "[actors][pruner]") {
  pruning w(0ms);
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  w.touch(s, 1000);
  caf::anon_send(w.pruner, prune{});
  // At the store before the drop that this look leads to.
  caf::anon_send(w.store, touch_connection{*channel_id::parse(s.uuid), now_ms() + 60'000});
  w.settle();
  w.ask<ack>(w.store, flush{});
  CHECK(w.connection(s.uuid));
}

TEST_CASE("a client that leaves has from then on until it is stale", "[actors][pruner]") {
  pruning w(0ms);
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, s);
  w.touch(s, 1000);
  w.unlisten(c, s);
  w.pass(1s);  // a touch alone is written within a second
  CHECK(w.connection(s.uuid)->last_seen_ms > 1000);
}

TEST_CASE("only uptime counts: nothing is stale before the server has run that long",
          "[actors][pruner]") {
  pruning w(5min);
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  w.touch(s, 1000);  // as if the server had been down for decades
  w.look();
  CHECK(w.connection(s.uuid));
}

TEST_CASE("the pruner goes on looking", "[actors][pruner]") {
  pruning w(0ms);
  w.collection("posts");
  for (int i = 0; i < 3; ++i) {
    const auto s = *w.subscribe("posts");
    w.touch(s, 1000);
    w.pass(30s);
    CHECK_FALSE(w.connection(s.uuid));
  }
}

}  // namespace velo::actors
