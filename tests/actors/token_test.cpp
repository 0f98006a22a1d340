// Subscriptions that end with their token: by time, by a word of the superuser,
// across a restart, and what a newer token saves.

#include "actors/time_text.hpp"
#include "tests/actors/support/world.hpp"

#include <chrono>
#include <string>

namespace velo::actors {

namespace {

identity with_token(identity who, std::string id, std::int64_t expires_ms,
                    std::int64_t issued_s = 0) {
  who.token = {std::move(id), issued_s, expires_ms};
  return who;
}

struct tokens : world {
  explicit tokens(engine_options o = {}) : world(std::move(o), resuming::yes) {
    posts = collection("posts");
    users = collection("users", {{"type", "auth"}});
    create(users, "ada");
  }
  identity ada(std::string id, std::int64_t expires_ms, std::int64_t issued_s = 0) {
    return with_token(user_of(users, "ada"), std::move(id), expires_ms, issued_s);
  }
  bool refresh(const storage::connection& c, const identity& who) {
    return ask<bool>(store, renew_token{*channel_id::parse(c.uuid), who.token, who.claims});
  }
  void revoke(revocation what) {
    what.until_ms = now_ms() + 1'000'000;
    const auto done = ask<revoke_answer>(
        store, revocation_ptr{std::make_shared<const revocation>(std::move(what))});
    REQUIRE(done.result.has_value());
  }
  void look() {
    for (const auto& shard : find("posts").shards) caf::anon_send(shard, look_at_tokens{});
    settle();
  }
  /// The stored expiry is put into the past, and the collection made to look.
  void let_expire(const storage::connection& c) { refresh(c, ada("", 1)); }

  std::string posts, users;
};

}  // namespace

TEST_CASE("delivery stops when the token has expired, and the record stays", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto made = *w.subscribe("posts", w.ada("t1", now_ms() + 3'600'000));
  w.listen(c, made);
  w.create(w.posts, "r1");
  w.pass(std::chrono::seconds{1});  // Its client acknowledges that.
  w.let_expire(made);
  w.create(w.posts, "r2");
  CHECK(c.session->story() == "succeeded created:r1 error:401");
  CHECK(c.session->log.back().reason == "token_expired");
  CHECK(w.connection(made.uuid).has_value());

  // Nobody listens on it, until a new token speaks for it; then nothing was lost.
  w.listen(c, made);
  CHECK(c.session->log.back().status == 401);
  REQUIRE(w.refresh(made, w.ada("t2", now_ms() + 3'600'000)));
  w.listen(c, made);
  w.create(w.posts, "r3");
  CHECK(c.session->story() ==
        "succeeded created:r1 error:401 error:401 succeeded created:r2 created:r3");
}

TEST_CASE("what is committed when a token expires is for nobody who lived by it",
          "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto made = *w.subscribe("posts", w.ada("", now_ms() + 150));
  w.listen(c, made);
  // No message wakes the collection here: only the change does.
  while (now_ms() < made.token.expires_ms) w.create(w.posts, "before");
  w.create(w.posts, "after");
  for (const auto& h : c.session->log)
    if (h.data.contains("record")) CHECK(h.data.at("record").at("id") != "after");
  CHECK(c.session->log.back().status == 401);
}

TEST_CASE("an end is announced, also to those who come later", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto made = *w.subscribe("posts", w.ada("", now_ms() + 3'600'000));
  w.listen(c, made);
  w.look();
  CHECK(c.session->story() == "succeeded");
  // Of a life that is shorter than two notices, half has to pass.
  const auto end = now_ms() + 2'000;
  w.refresh(made, w.ada("", end));
  while (now_ms() < end - 1'000) w.look();
  w.look();
  CHECK(c.session->story() == "succeeded auth_expiring");
  CHECK(c.session->log.back().data ==
        json({{"action", "auth_expiring"}, {"expires_at", time_text(end)}}));
  auto late = w.connect();
  w.listen(late, made);
  CHECK(late.session->story() == "succeeded auth_expiring");
  w.look();
  CHECK(late.session->story() == "succeeded auth_expiring");
  // Renewed, there is nothing to announce any more.
  w.refresh(made, w.ada("", now_ms() + 3'600'000));
  auto later = w.connect();
  w.listen(later, made);
  CHECK(later.session->story() == "succeeded");
}

TEST_CASE("a refreshed subscription goes on without an end", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto made = *w.subscribe("posts", w.ada("t1", now_ms() + 200));
  w.listen(c, made);
  REQUIRE(w.refresh(made, w.ada("t2", now_ms() + 3'600'000)));
  while (now_ms() < made.token.expires_ms) w.create(w.posts, "r1");
  w.look();
  w.create(w.posts, "r2");
  CHECK(c.session->log.back().data.at("record").at("id") == "r2");
  // The token that spoke for it before is of no concern any more.
  w.revoke({{}, {}, "t1", 0, 0});
  w.create(w.posts, "r3");
  CHECK(c.session->log.back().data.at("record").at("id") == "r3");
  w.revoke({{}, {}, "t2", 0, 0});
  w.create(w.posts, "r4");
  CHECK(c.session->log.back().reason == "revoked");
}

TEST_CASE("a renewal that is durable saves it, however late its word comes", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto made = *w.subscribe("posts", w.ada("t1", now_ms() + 100));
  w.listen(c, made);
  // The store's word waits in the collection's mailbox behind its own look.
  const auto shard = w.find("posts").shards.front();
  while (now_ms() < made.token.expires_ms) {
  }
  auto later = made;
  later.token.expires_ms = now_ms() + 3'600'000;
  {
    auto txn = w.database->begin_write().value();
    w.database->connections.put(txn, later).value();
    txn.commit().value();
  }
  w.look();
  w.create(w.posts, "r1");
  CHECK(c.session->log.back().data.at("record").at("id") == "r1");
}

TEST_CASE("a renewal before the last word takes it back, and nothing is lost", "[actors][tokens]") {
  engine_options o;
  o.rebind_slice = 1;
  tokens w(std::move(o));
  w.define({{"history", GENERATE("durable", "memory")}}, "posts");
  const auto shard = w.find("posts").shards.front();
  std::vector<storage::connection> made;
  std::vector<client> clients;
  const auto expires_ms = now_ms() + 300;
  for (int i = 0; i < 6; ++i) {
    made.push_back(*w.subscribe("posts", w.ada("t", expires_ms)));
    clients.push_back(w.connect());
    w.listen(clients.back(), made.back());
  }
  w.create(w.posts, "r1");
  REQUIRE(now_ms() < expires_ms);
  while (now_ms() < expires_ms) {
  }

  // All are over after one look, which has told the first alone; a change comes while they are.
  caf::anon_send(shard, look_at_tokens{});
  auto second = operation(write_kind::create, "r2");
  second.collection_id = w.posts;
  w.begin_write({superuser, {second}, false, std::nullopt});
  REQUIRE(w.step());
  auto txn = w.database->begin_write().value();
  for (auto at = made.begin() + 1; at != made.end(); ++at) {
    at->token.expires_ms = now_ms() + 3'600'000;
    w.database->connections.put(txn, *at).value();
  }
  txn.commit().value();
  w.settle();
  w.create(w.posts, "r3");
  CHECK(clients.front().session->story() == "succeeded created:r1 error:401");
  for (auto at = clients.begin() + 1; at != clients.end(); ++at)
    CHECK(at->session->story() == "succeeded created:r1 created:r2 created:r3");
}

TEST_CASE("revoking a user ends what lives and what sleeps, over a restart", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto heard = *w.subscribe("posts", w.ada("a", 0, 100));
  const auto asleep = *w.subscribe("posts", w.ada("b", 0, 100));
  const auto bob = *w.subscribe("posts", with_token(claimant({{"id", "bob"}}), "c", 0, 100));
  w.listen(c, heard);
  w.listen(c, bob);
  w.revoke({w.users, "ada", {}, 200, 0});
  CHECK_FALSE(w.connection(heard.uuid).has_value());
  w.create(w.posts, "r1");
  CHECK(c.session->story() == "succeeded succeeded error:401 created:r1");
  w.hang_up(c);
  w.restart();
  auto d = w.connect();
  w.listen(d, asleep);
  CHECK(d.session->story() == "error:401");
  CHECK(d.session->log.back().reason == "revoked");
  CHECK_FALSE(w.connection(asleep.uuid).has_value());
  // Old tokens are refused everywhere, newer ones are not.
  CHECK(w.subscribe("posts", w.ada("d", 0, 200)).error().kind == failure_kind::unauthenticated);
  CHECK(w.create(w.posts, "r2", {}, w.ada("", 0, 0)).error().kind == failure_kind::unauthenticated);
  CHECK(w.subscribe("posts", w.ada("d", 0, 201)).has_value());
}

TEST_CASE("revoking one token leaves the user's others", "[actors][tokens]") {
  tokens w;
  auto c = w.connect();
  const auto first = *w.subscribe("posts", w.ada("a", 0));
  const auto second = *w.subscribe("posts", w.ada("b", 0));
  w.listen(c, first);
  w.listen(c, second);
  w.revoke({{}, {}, "a", 0, 0});
  w.create(w.posts, "r1");
  CHECK(c.session->story() == "succeeded succeeded error:401 created:r1");
  CHECK(w.subscribe("posts", w.ada("a", 0)).error().kind == failure_kind::unauthenticated);
  CHECK(w.subscribe("posts", w.ada("b", 0)).has_value());
}

TEST_CASE("revocations are bounded and pruned", "[actors][tokens]") {
  engine_options o;
  o.revocations_max = 2;
  tokens w(std::move(o));
  const auto revoke = [&](const std::string& id, std::int64_t until_ms) {
    return w
        .ask<revoke_answer>(
            w.store,
            revocation_ptr{std::make_shared<const revocation>(revocation{{}, {}, id, 0, until_ms})})
        .result.has_value();
  };
  CHECK(revoke("a", 1));
  CHECK(revoke("b", now_ms() + 1'000'000));
  CHECK(revoke("c", now_ms() + 1'000'000));  // "a" has made room
  CHECK_FALSE(revoke("d", now_ms() + 1'000'000));
  CHECK(revoke("c", now_ms() + 2'000'000));  // it is one of them
  CHECK(w.subscribe("posts", w.ada("a", 0)).has_value());
  CHECK(w.subscribe("posts", w.ada("b", 0)).error().kind == failure_kind::unauthenticated);
}

}  // namespace velo::actors
