// How many subscriptions one user may have stored: what counts, what frees a
// place, and that neither a restart nor haste gets past it.

#include "actors/subscription_quota.hpp"

#include "actors/time_text.hpp"
#include "tests/actors/support/world.hpp"

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace velo::actors {

namespace {

/// A user whom nobody has stored.
identity called(const std::string& id, std::string collection_id = "users") {
  auto who = claimant({{"id", id}});
  who.collection_id = std::move(collection_id);
  return who;
}

struct bounded : world {
  explicit bounded(std::size_t max, resuming resumes = resuming::no) : world(with(max), resumes) {
    posts = collection("posts");
    notes = collection("notes");
  }
  static engine_options with(std::size_t max) {
    engine_options o;
    o.subscriptions_per_user_max = max;
    return o;
  }
  bool may(const std::string& name, const identity& who) {
    const auto made = subscribe(name, who);
    if (made) return true;
    CHECK(made.error().kind == failure_kind::too_many);
    CHECK(made.error().message.find("2 subscriptions") != std::string::npos);
    return false;
  }
  void drop(const storage::connection& c) {
    auto d = std::make_shared<drop_connection>();
    d->channel = *channel_id::parse(c.uuid);
    ask<bool>(store, drop_connection_ptr{std::move(d)});
  }
  std::size_t stored() const {
    return database->connections.count(database->begin_read().value()).value();
  }

  std::string posts, notes;
  identity ada = called("ada"), bob = called("bob");
};

}  // namespace

TEST_CASE("a user has so many subscriptions and no more, over all collections",
          "[actors][subscription_quota]") {
  bounded w(2);
  const auto first = *w.subscribe("posts", w.ada);
  CHECK(w.may("notes", w.ada));
  CHECK_FALSE(w.may("posts", w.ada));
  CHECK(w.may("posts", w.bob));
  // A user of the same id in another collection is another user.
  CHECK(w.may("posts", called("ada", "admins")));
  for (int i = 0; i < 5; ++i) {
    CHECK(w.subscribe("posts", guest));
    CHECK(w.subscribe("posts", superuser));
  }
  w.drop(first);
  w.drop(first);
  CHECK(w.may("posts", w.ada));
  CHECK_FALSE(w.may("posts", w.ada));
}

TEST_CASE("without a bound there is none", "[actors][subscription_quota]") {
  bounded w(0);
  for (int i = 0; i < 20; ++i) CHECK(w.subscribe("posts", w.ada));
}

TEST_CASE("the bound holds after a restart, whatever was stored before",
          "[actors][subscription_quota]") {
  bounded w(2);
  const auto first = *w.subscribe("posts", w.ada);
  const auto second = *w.subscribe("posts", w.ada);
  w.restart();
  CHECK_FALSE(w.may("notes", w.ada));
  CHECK(w.may("notes", w.bob));
  w.options.subscriptions_per_user_max = 3;
  w.restart();
  const auto third = *w.subscribe("posts", w.ada);
  w.options.subscriptions_per_user_max = 2;
  w.restart();
  for (const auto& c : {first, second}) {
    CHECK_FALSE(w.may("posts", w.ada));
    w.drop(c);
  }
  CHECK(w.may("posts", w.ada));
}

TEST_CASE("many that come together are not more than allowed", "[actors][subscription_quota]") {
  bounded w(2);
  std::vector<reply<subscribe_answer>> replies;
  for (int i = 0; i < 10; ++i) {
    for (const auto* name : {"posts", "notes"}) {
      const subscribe_request request{w.ada, "app", {}, {}, json::object()};
      replies.push_back(w.begin<subscribe_answer>(
          w.find(name).actor,
          subscribe_request_ptr{std::make_shared<const subscribe_request>(request)}));
    }
  }
  w.settle();
  std::size_t kept = 0;
  for (const auto& r : replies) kept += (*r).result ? 1U : 0U;
  CHECK(kept == 2);
  CHECK(w.stored() == 2);
}

TEST_CASE("a collection that is removed frees the places", "[actors][subscription_quota]") {
  bounded w(2);
  CHECK(w.may("posts", w.ada));
  CHECK(w.may("notes", w.ada));
  REQUIRE(w.ask<collection_answer>(w.registry, collection_removal{"posts"}).result);
  CHECK(w.may("notes", w.ada));
  CHECK_FALSE(w.may("notes", w.ada));
}

TEST_CASE("one that is stored anew, or renewed, is counted once", "[actors][subscription_quota]") {
  bounded w(2);
  const auto first = *w.subscribe("posts", w.ada);
  const auto keep = [&](const storage::connection& c) {
    return w
        .ask<subscribe_answer>(w.store,
                               connection_ptr{std::make_shared<const storage::connection>(c)})
        .result.has_value();
  };
  CHECK(keep(first));
  CHECK(w.may("posts", w.ada));
  CHECK(keep(first));  // One may have two.
  const auto id = *channel_id::parse(first.uuid);
  CHECK(w.ask<bool>(w.store, renew_token{id, {"t", 0, now_ms() + 1'000'000}, nullptr}));
  caf::anon_send(w.store, touch_connection{id, now_ms()});
  CHECK_FALSE(w.may("posts", w.ada));
  // What becomes another user's, is no longer hers; but not where he has too many.
  CHECK(w.may("posts", w.bob));
  CHECK(w.may("posts", w.bob));
  auto his = first;
  his.auth_record_id = "bob";
  CHECK_FALSE(keep(his));
  CHECK(w.connection(first.uuid)->auth_record_id == "ada");
  CHECK_FALSE(w.may("posts", w.ada));
  his.auth_record_id = "cyd";
  CHECK(keep(his));
  CHECK(w.may("posts", w.ada));
  CHECK(w.may("posts", called("cyd")));
  CHECK_FALSE(w.may("posts", called("cyd")));
}

TEST_CASE("what a rule, a revocation or time ends frees its place",
          "[actors][subscription_quota]") {
  bounded w(2);
  auto c = w.connect();
  const auto listened = [&] {
    for (int i = 0; i < 2; ++i) w.listen(c, *w.subscribe("posts", w.ada));
    CHECK_FALSE(w.may("posts", w.ada));
  };
  listened();
  auto rules = open_rules();
  rules["list"] = nullptr;
  REQUIRE(w.set_rules("posts", rules).result);
  REQUIRE(w.set_rules("posts", open_rules()).result);
  w.settle();
  listened();
  revocation what;
  what.collection_id = w.ada.collection_id;
  what.record_id = w.ada.record_id;
  what.issued_s = 100;
  what.until_ms = now_ms() + 1'000'000;
  REQUIRE(w.ask<revoke_answer>(w.store, revocation_ptr{std::make_shared<const revocation>(what)})
              .result);
  w.ada.token.issued_s = 101;
  const auto idle = *w.subscribe("posts", w.ada);
  CHECK(w.may("posts", w.ada));
  CHECK_FALSE(w.may("posts", w.ada));
  auto stale = std::make_shared<stale_candidates>();
  stale->channels = {*channel_id::parse(idle.uuid)};
  stale->cutoff_ms = now_ms() + 1'000;
  caf::anon_send(w.find("posts").actor, stale_candidates_ptr{stale});
  w.settle();
  CHECK(w.may("posts", w.ada));
}

TEST_CASE("after any operations the counts are those of what is stored",
          "[actors][subscription_quota]") {
  const auto seed = GENERATE(1U, 2U, 3U);
  CAPTURE(seed);
  std::mt19937 random(seed);
  constexpr std::size_t max = 3;
  bounded w(max);
  std::vector<storage::connection> made;
  for (int round = 0; round < 150; ++round) {
    const std::string name = random() % 2 == 0 ? "posts" : "notes";
    const auto who = called("u" + std::to_string(random() % 4));
    std::map<std::string, std::size_t> has;
    std::erase_if(made, [&](const auto& c) { return !w.connection(c.uuid); });
    for (const auto& c : made) ++has[c.auth_record_id];
    switch (random() % 8) {
      case 0:
        w.restart();
        break;
      case 1:
        if (random() % 4 != 0) break;
        REQUIRE(w.ask<collection_answer>(w.registry, collection_removal{name}).result);
        w.collection(name);
        break;
      case 2:
      case 3:
        if (!made.empty()) w.drop(made[random() % made.size()]);
        break;
      default: {
        auto c = w.subscribe(name, who);
        REQUIRE(c.has_value() == (has[who.record_id] < max));
        if (c) made.push_back(std::move(*c));
      }
    }
  }
}

}  // namespace velo::actors
