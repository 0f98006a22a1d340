// Subscriptions behind a driver: what it is told, and how long.

#include "actors/driver_bridge.hpp"
#include "actors/driver_directory.hpp"
#include "actors/time_text.hpp"
#include "tests/actors/support/world.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace velo::actors {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t bridge_loop = 1;  // the world's sockets have 0

struct bridged : world {
  std::shared_ptr<std::vector<matched_event>> told = std::make_shared<std::vector<matched_event>>();
  std::vector<std::string> collections{"posts"};
  driver_actor driver;
  driver_bridge_actor bridge;
  pruner_actor pruner;

  explicit bridged(std::chrono::milliseconds stale_after = 0ms)
      : world(with(stale_after), resuming::yes) {
    begin_driver();
  }
  ~bridged() { end_driver(); }

  static engine_options with(std::chrono::milliseconds stale_after) {
    engine_options o;
    o.stale_after = stale_after;
    return o;
  }
  void begin_driver() {
    driver = system->spawn([log = told]() -> driver_actor::behavior_type {
      return {[log](const matched_event_ptr& e) { log->push_back(*e); },
              [](flush) { return ack{}; }};
    });
    bridge_options o;
    o.channel_prefix = "outside.";
    o.serves = [this](const std::string& name) {
      return std::find(collections.begin(), collections.end(), name) != collections.end();
    };
    o.loop = bridge_loop;
    bridge = system->spawn<driver_bridge_behavior>(o, driver, registry, store, std::cref(*database),
                                                   std::cref(options));
    pruner = system->spawn<pruner_behavior>(registry, std::cref(*database), std::cref(options));
    ask<ack>(bridge, restore_subscriptions{});
  }
  void end_driver() {
    for (auto end : {caf::actor_cast<caf::actor>(pruner), caf::actor_cast<caf::actor>(bridge),
                     caf::actor_cast<caf::actor>(driver)})
      caf::anon_send_exit(end, caf::exit_reason::user_shutdown);
    settle();
    pruner = nullptr;
    bridge = nullptr;
    driver = nullptr;
  }
  void take(const storage::connection& s, bool is_new = true, bool occupied = false) {
    ask<ack>(bridge, driver_take{*channel_id::parse(s.uuid), is_new, occupied});
  }
  /// Subscribes as the HTTP API does where a driver serves the collection.
  storage::connection behind(const identity& who = guest, std::string filter = {},
                             json more = json::object(), std::string socket_id = {}) {
    auto s = *subscribe("posts", who, std::move(filter), std::move(socket_id), std::move(more));
    take(s);
    return s;
  }
  /// Takes what was told since: `created:r1 created:r2`.
  std::string story() {
    std::string out;
    for (const auto& e : std::exchange(*told, {})) {
      const auto data = json::parse(payload(*e.what));
      out += (out.empty() ? "" : " ") + e.what->name;
      if (data.contains("record")) out += ':' + data["record"]["id"].get<std::string>();
    }
    return out;
  }
  /// The collection looks at tokens, and is through with it.
  void look_at_tokens_of(const std::string& name) {
    caf::anon_send(find(name).actor, look_at_tokens{});
    settle();
  }
  /// Waits until the token of `s` has expired, without anybody noticing.
  static void outlive(const storage::connection& s) {
    while (now_ms() < s.token.expires_ms) {
    }
  }
  void look(const storage::connection& s, std::int64_t seen_ms) {
    caf::anon_send(store, touch_connection{*channel_id::parse(s.uuid), seen_ms});
    ask<ack>(store, flush{});
    caf::anon_send(pruner, prune{});
    settle();
  }
};

}  // namespace

TEST_CASE("a driver is told of a change once, with all channels that are to hear of it",
          "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  const auto one = w.behind();
  const auto two = w.behind(guest, "title = x");
  w.behind(guest, "title = y");
  REQUIRE(w.create(posts, "r1", {{"title", "x"}}));
  REQUIRE(w.told->size() == 1);
  const auto& e = w.told->front();
  CHECK(e.collection == "posts");
  CHECK(e.action == "created");
  CHECK(e.record_id == "r1");
  CHECK(json::parse(payload(*e.what)).at("record").at("title") == "x");
  std::set<std::string> names;
  for (const auto& c : e.channels) names.insert(c.name);
  CHECK(names == std::set<std::string>{"outside." + one.uuid, "outside." + two.uuid});
}

TEST_CASE("what happened between subscribing and its driver is told", "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story().empty());
  w.take(s);
  CHECK(w.story() == "created:r1");
  w.take(s);
  REQUIRE(w.create(posts, "r2"));
  CHECK(w.story() == "created:r2");
}

TEST_CASE("a private subscription has a private channel, and its writer may be left out",
          "[actors][driver]") {
  bridged w;
  const auto posts =
      w.collection("posts", {{"rules", {{"list", "owner = @request.auth.id || open = true"}}}});
  w.collection("users", {{"type", "auth"}});
  const auto users = w.find("users").definition->id;
  REQUIRE(w.create(users, "ada"));
  REQUIRE(w.create(users, "bob"));
  const auto of_ada = w.behind(user_of(users, "ada"));
  const auto of_bob = w.behind(user_of(users, "bob"));
  REQUIRE_FALSE(of_ada.is_public);
  REQUIRE(w.write(posts, operation(write_kind::create, "r1", {{"open", true}}),
                  user_of(users, "ada"), "1.2"));
  REQUIRE(w.told->size() == 1);
  const auto& e = w.told->front();
  CHECK(e.socket_id == "1.2");
  REQUIRE(e.channels.size() == 2);
  // Nobody silences somebody else.
  for (const auto& c : e.channels)
    CHECK(c.leaves_origin_out == (c.name == "private-outside." + of_ada.uuid));
  CHECK(e.channels[0].name != e.channels[1].name);
}

TEST_CASE("who has lost the right hears nothing more behind a driver either", "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  const auto s = w.behind();
  REQUIRE(w.set_rules("posts", {{"list", nullptr}}).result);
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story().empty());
  CHECK_FALSE(w.connection(s.uuid));
}

TEST_CASE("a snapshot is told through the driver, then what comes next", "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  REQUIRE(w.create(posts, "r1"));
  w.behind(guest, {}, {{"snapshot", true}});
  REQUIRE(w.create(posts, "r2"));
  CHECK(w.story() == "snapshot created:r2");
}

TEST_CASE("behind a driver a subscription lives as long as it is pinged", "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  const auto pinged = w.behind();
  const auto silent = w.behind();
  w.look(pinged, now_ms() + 60'000);
  CHECK(w.connection(pinged.uuid));
  w.look(silent, 1000);
  CHECK_FALSE(w.connection(silent.uuid));
  REQUIRE(w.create(posts, "r1"));
  REQUIRE(w.told->size() == 1);
  CHECK(w.told->front().channels.size() == 1);
}

TEST_CASE("a socket that listens keeps it alive as well", "[actors][driver]") {
  bridged w;
  w.collection("posts");
  const auto s = w.behind();
  auto c = w.connect();
  w.listen(c, s);
  w.look(s, 1000);
  w.ask<ack>(w.store, flush{});
  REQUIRE(w.connection(s.uuid));
  CHECK(w.connection(s.uuid)->last_seen_ms > 1000);
  w.hang_up(c);
}

TEST_CASE("a vacated channel leaves the index, and comes back when it is occupied",
          "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  const auto s = w.behind();
  caf::anon_send(w.bridge, driver_release{*channel_id::parse(s.uuid)});
  w.settle();
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story().empty());
  CHECK(w.connection(s.uuid));
  w.take(s, false, true);
  REQUIRE(w.create(posts, "r2"));
  CHECK(w.story() == "created:r2");
}

TEST_CASE("after a restart stored subscriptions are behind their driver again",
          "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  w.collection("others");
  w.behind();
  const auto other = *w.subscribe("others");
  w.take(other);
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story() == "created:r1");
  w.end_driver();
  w.restart();
  w.begin_driver();
  // Nothing is told again.
  CHECK(w.story().empty());
  REQUIRE(w.create(posts, "r2"));
  CHECK(w.story() == "created:r2");
  REQUIRE(w.create(w.find("others").definition->id, "r3"));
  CHECK(w.story().empty());
}

TEST_CASE("behind a driver an end is announced, and comes, unless a newer token does",
          "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  auto ada = claimant({{"id", "ada"}});
  ada.token = {"t1", 0, now_ms() + 300};
  const auto s = w.behind(ada);
  while (w.told->empty() && now_ms() < s.token.expires_ms) w.look_at_tokens_of("posts");
  CHECK(w.story() == "auth_expiring");
  w.outlive(s);
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story().empty());
  const auto id = *channel_id::parse(s.uuid);
  REQUIRE(w.ask<bool>(w.store, renew_token{id, {"t2", 0, 0}, nullptr}));
  w.take(s, false);
  REQUIRE(w.create(posts, "r2"));
  CHECK(w.story() == "created:r2");
}

TEST_CASE("a newer token that is stored while an end is on its way is taken up",
          "[actors][driver]") {
  bridged w;
  const auto posts = w.collection("posts");
  auto ada = claimant({{"id", "ada"}});
  ada.token = {"t1", 0, now_ms() + 100};
  auto s = w.behind(ada);
  const auto shard = w.find("posts").actor;
  w.outlive(s);
  caf::anon_send(shard, look_at_tokens{});
  // Whoever brought the newer token asks before the bridge hears of the end.
  caf::anon_send(w.bridge, driver_take{*channel_id::parse(s.uuid)});
  REQUIRE(w.step());
  s.token.expires_ms = 0;
  {
    auto txn = w.database->begin_write().value();
    w.database->connections.put(txn, s).value();
    txn.commit().value();
  }
  w.settle();
  w.story();
  REQUIRE(w.create(posts, "r1"));
  CHECK(w.story() == "created:r1");
}

TEST_CASE("a channel that was occupied when its token expired still is when a newer one comes",
          "[actors][driver]") {
  bridged w(1h);
  w.collection("posts");
  auto ada = claimant({{"id", "ada"}});
  ada.token = {"t1", 0, now_ms() + 100};
  const auto s = w.behind(ada);
  const auto id = *channel_id::parse(s.uuid);
  w.take(s, false, true);
  const auto renewed = [&] {
    caf::anon_send(w.store, touch_connection{id, 1000});
    w.ask<ack>(w.store, flush{});
    w.pass(30min);
    w.ask<ack>(w.store, flush{});
    return w.connection(s.uuid)->last_seen_ms > 1000;
  };
  CHECK(renewed());
  w.outlive(s);
  w.look_at_tokens_of("posts");
  CHECK_FALSE(renewed());
  REQUIRE(w.ask<bool>(w.store, renew_token{id, {"t2", 0, 0}, nullptr}));
  w.take(s, false);
  CHECK(renewed());
  SECTION("not if it was vacated meanwhile") {
    caf::anon_send(w.bridge, driver_release{id});
    w.settle();
    w.take(s, false);
    CHECK_FALSE(renewed());
  }
}

TEST_CASE("a driver serves the collections it names, or all", "[actors][driver]") {
  driver_options some{"one", {"posts"}, "x.", {}};
  CHECK(some.serves("posts"));
  CHECK_FALSE(some.serves("others"));
  driver_options all{"two", {}, "x.", {}};
  CHECK(all.serves("others"));
}

}  // namespace velo::actors
