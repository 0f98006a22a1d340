// What changes under a live subscription: rules, hidden fields, users, and the
// collection itself.

#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

struct auth_world : world {
  std::string users = collection("users", {{"type", "auth"}});
  identity ada = user_of(users, "ada");

  auth_world() { create(users, "ada", {{"role", "reader"}, {"team", "red"}}); }
};

const json for_members{{"list", "@request.auth.id != ''"}};

}  // namespace

// -- rules -----------------------------------------------------------------------------

TEST_CASE("a public subscription that turns private ends, its name is no secret",
          "[actors][in_force]") {
  auth_world w;
  w.collection("posts");
  const auto of_guest = *w.subscribe("posts");
  const auto of_ada = *w.subscribe("posts", w.ada);
  REQUIRE(of_ada.is_public);
  auto c = w.connect();
  w.listen(c, of_guest);
  w.listen(c, of_ada);
  REQUIRE(w.set_rules("posts", for_members).result);
  CHECK(c.session->log.at(2).what == "error");
  for (const auto& heard : {c.session->log.at(2), c.session->log.at(3)}) {
    CHECK(heard.status == 403);
    CHECK(heard.reason == "rule_changed");
  }
  CHECK_FALSE(w.connection(of_guest.uuid));
  CHECK_FALSE(w.connection(of_ada.uuid));
  w.create(w.find("posts").definition->id, "r1");
  CHECK(c.session->log.size() == 4);
}

TEST_CASE("a rule change keeps whom it still allows and applies at once", "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.id = owner"}}}});
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", w.ada));
  w.create(posts, "r1", {{"owner", "ada"}});
  w.set_rules("posts", {{"list", "@request.auth.id = editor"}});
  w.create(posts, "r2", {{"owner", "ada"}});
  w.create(posts, "r3", {{"editor", "ada"}});
  w.set_rules("posts", {{"list", nullptr}});
  w.create(posts, "r4", {{"editor", "ada"}});
  CHECK(c.session->story() == "succeeded created:r1 created:r3 error:403");
}

TEST_CASE("a private subscription goes on where the rule opens", "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts", {{"rules", for_members}});
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", w.ada));
  w.set_rules("posts", {{"list", ""}});
  w.create(posts, "r1");
  CHECK(c.session->story() == "succeeded created:r1");
}

TEST_CASE("a rule change is answered once it is in force", "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  auto input = std::make_shared<collection_input>();
  input->target = "posts";
  input->fields = std::make_shared<const json>(json{{"rules", {{"list", nullptr}}}});
  const auto changed =
      w.begin<collection_answer>(w.registry, collection_input_ptr{std::move(input)});
  while (!changed.has_come()) REQUIRE(w.step());
  auto o = operation(write_kind::create, "r1");
  o.collection_id = posts;
  w.begin_write({superuser, {o}, false, std::nullopt});
  w.settle();
  CHECK(c.session->story() == "succeeded error:403");
}

TEST_CASE("changes before a rule change are judged by the old rule, those after by the new",
          "[actors][in_force]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  const auto begin = [&](const std::string& id) {
    auto o = operation(write_kind::create, id);
    o.collection_id = posts;
    w.begin_write({superuser, {o}, false, std::nullopt});
    w.step();  // The asker asks; the store is not run.
  };
  const auto definition = std::make_shared<storage::collection>(*w.find("posts").definition);
  definition->rules.list = "id = 'r2'";
  auto message = std::make_shared<collection_definition>();
  message->definition = definition;
  message->shards = w.find("posts").shards;
  begin("r1");
  caf::anon_send(w.store, collection_definition_ptr{std::move(message)});
  begin("r2");
  begin("r3");
  w.settle();
  CHECK(c.session->story() == "succeeded created:r1 created:r2");
}

TEST_CASE("a subscription that nobody listens to yet obeys a rule change as well",
          "[actors][in_force]") {
  world w;
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  w.set_rules("posts", {{"list", nullptr}});
  auto c = w.connect();
  w.listen(c, s);
  CHECK(c.session->story() == "error:403");
  CHECK_FALSE(w.connection(s.uuid));
}

TEST_CASE("who may subscribe, and what is public", "[actors][in_force]") {
  auth_world w;
  const auto check = [&](const json& rule, const identity& who, const std::string& filter) {
    w.set_rules("posts", {{"list", rule}});
    const auto s = w.subscribe("posts", who, filter);
    if (s.has_error())
      return std::string(s.error().kind == failure_kind::forbidden ? "403" : "401");
    return std::string(s->is_public ? "public" : "private");
  };
  w.collection("posts");
  CHECK(check("", guest, "") == "public");
  CHECK(check("", w.ada, "a = 1") == "public");
  CHECK(check("", w.ada, "@request.auth.id = owner") == "private");
  CHECK(check("@request.auth.id = owner", w.ada, "") == "private");
  CHECK(check("@request.auth.id = owner OR a = 1", guest, "") == "public");
  CHECK(check("@request.auth.id != ''", guest, "") == "401");
  CHECK(check("@request.auth.role = 'admin'", w.ada, "") == "403");
  CHECK(check(nullptr, w.ada, "") == "403");
  CHECK(check(nullptr, guest, "") == "401");
  CHECK(check(nullptr, superuser, "") == "private");
  CHECK(check("", superuser, "") == "private");
  CHECK(check("", ingester, "") == "403");
  CHECK(check("@request.query.x = y OR a = 1", w.ada, "") == "private");
}

// -- hidden fields ---------------------------------------------------------------------

TEST_CASE("hiding a field ends the subscriptions whose filter names it, and no others",
          "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts");
  auto named = w.connect();
  auto plain = w.connect();
  w.listen(named, *w.subscribe("posts", guest, "rank > 0"));
  w.listen(plain, *w.subscribe("posts"));
  w.define({{"hidden", {"rank"}}}, "posts");
  w.create(posts, "r1", {{"rank", 1}});
  CHECK(named.session->story() == "succeeded error:403");
  CHECK(named.session->log.back().reason == "field_hidden");
  REQUIRE(plain.session->story() == "succeeded created:r1");
  CHECK_FALSE(plain.session->log.back().data.at("record").contains("rank"));
}

TEST_CASE("hiding a field of the users ends filters that compare with it, in every collection",
          "[actors][in_force]") {
  auth_world w;
  w.collection("posts");
  auto named = w.connect();
  auto plain = w.connect();
  w.listen(named, *w.subscribe("posts", w.ada, "team = 1 OR @request.auth.team = team"));
  w.listen(plain, *w.subscribe("posts", w.ada, "@request.auth.role = role"));
  w.define({{"hidden", {"team"}}}, "users");
  CHECK(named.session->story() == "succeeded error:403");
  CHECK(plain.session->story() == "succeeded");
}

// -- users -----------------------------------------------------------------------------

TEST_CASE("live auth: a changed user is judged anew from the next change on",
          "[actors][in_force]") {
  auth_world w;
  const auto posts =
      w.collection("posts", {{"rules", {{"list", "@request.auth.role = audience"}}}});
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", w.ada));
  w.create(posts, "r1", {{"audience", "reader"}});
  w.create(posts, "r2", {{"audience", "admin"}});
  w.update(w.users, "ada", {{"role", "admin"}});
  w.create(posts, "r3", {{"audience", "reader"}});
  w.create(posts, "r4", {{"audience", "admin"}});
  w.update(w.users, "ada", {{"role", nullptr}});
  w.create(posts, "r5", {{"audience", "admin"}});
  w.create(posts, "r6");
  CHECK(c.session->story() == "succeeded created:r1 created:r4");
}

TEST_CASE("live auth: a user and what follows in the same batch keep their order",
          "[actors][in_force]") {
  auth_world w;
  const auto posts =
      w.collection("posts", {{"rules", {{"list", "@request.auth.role = audience"}}}});
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", w.ada));
  write_request together{superuser, {}, false, std::nullopt};
  const auto add = [&](const std::string& to, write_operation o) {
    o.collection_id = to;
    together.operations.push_back(std::move(o));
  };
  add(posts, operation(write_kind::create, "r1", {{"audience", "admin"}}));
  add(w.users, operation(write_kind::update, "ada", {{"role", "admin"}}));
  add(posts, operation(write_kind::create, "r2", {{"audience", "admin"}}));
  add(w.users, operation(write_kind::update, "ada", {{"role", "reader"}}));
  add(posts, operation(write_kind::create, "r3", {{"audience", "admin"}}));
  w.write(together);
  CHECK(c.session->story() == "succeeded created:r2");
}

TEST_CASE("a deleted user's subscriptions end, and that user is nobody any more",
          "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts", w.ada);
  const auto unheard = *w.subscribe("posts", w.ada);
  auto c = w.connect();
  w.listen(c, s);
  w.remove(w.users, "ada");
  CHECK(c.session->story() == "succeeded error:401");
  CHECK(w.subscribe("posts", w.ada).error().kind == failure_kind::unauthenticated);
  const auto refused = w.write({w.ada, {}, false, std::nullopt}).refused;
  REQUIRE(refused);
  CHECK(refused->kind == failure_kind::unauthenticated);
  w.listen(c, unheard);
  CHECK(c.session->log.back().status == 401);
  CHECK_FALSE(w.connection(unheard.uuid));
  // Also a token of old times that brings claims.
  auto old = w.ada;
  old.claims = std::make_shared<const json>(json{{"id", "ada"}});
  CHECK(w.subscribe("posts", old).error().kind == failure_kind::unauthenticated);
  w.create(posts, "r1");
  CHECK(c.session->story() == "succeeded error:401 error:401");
}

TEST_CASE("dropping the users' collection ends what its users listen to", "[actors][in_force]") {
  auth_world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  auto g = w.connect();
  w.listen(c, *w.subscribe("posts", w.ada));
  w.listen(g, *w.subscribe("posts"));
  CHECK(w.ask<collection_answer>(w.registry, collection_removal{"users"}).result);
  w.create(posts, "r1");
  CHECK(c.session->story() == "succeeded error:401");
  CHECK(g.session->story() == "succeeded created:r1");
}

// -- claims ----------------------------------------------------------------------------

TEST_CASE("newer claims take the place of older ones, never the reverse", "[actors][in_force]") {
  world w;
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.team = team"}}}});
  const auto red = claimant({{"id", "u1"}, {"team", "red"}, {"iat", 100}});
  const auto s = *w.subscribe("posts", red);
  auto c = w.connect();
  w.listen(c, s);
  const auto bring = [&](json claims) {
    auto change = std::make_shared<identity_change>();
    change->collection_id = "users";
    change->record_id = "u1";
    change->auth = std::make_shared<const json>(std::move(claims));
    change->claims = true;
    caf::anon_send(w.store, identity_change_ptr{std::move(change)});
    w.settle();
  };
  bring({{"id", "u1"}, {"team", "blue"}, {"iat", 99}});
  w.create(posts, "r1", {{"team", "red"}});
  bring({{"id", "u1"}, {"team", "blue"}, {"iat", 101.5}});
  w.create(posts, "r2", {{"team", "red"}});
  w.create(posts, "r3", {{"team", "blue"}});
  CHECK(c.session->story() == "succeeded created:r1 created:r3");
  CHECK(w.connection(s.uuid)->claims.at("team") == "blue");
  // Of an odd type, the claim says nothing of its age.
  bring({{"id", "u1"}, {"team", "green"}, {"iat", "tomorrow"}});
  w.create(posts, "r4", {{"team", "blue"}});
  CHECK(c.session->story() == "succeeded created:r1 created:r3 created:r4");
}

TEST_CASE("newer claims do not bring back a subscription that is gone", "[actors][in_force]") {
  world w;
  w.collection("posts");
  const auto s = *w.subscribe("posts", claimant({{"id", "u1"}, {"iat", 100}}));
  auto c = w.connect();
  w.listen(c, s);
  // One request both brings a newer token and unsubscribes.
  auto change = std::make_shared<identity_change>();
  change->collection_id = "users";
  change->record_id = "u1";
  change->auth = std::make_shared<const json>(json{{"id", "u1"}, {"iat", 101}});
  change->claims = true;
  auto drop = std::make_shared<drop_connection>();
  drop->channel = *channel_id::parse(s.uuid);
  drop->why = {"NotFound", "ended", 404, "unsubscribed"};
  caf::anon_send(w.store, identity_change_ptr{std::move(change)});
  caf::anon_send(w.store, drop_connection_ptr{std::move(drop)});
  w.settle();
  CHECK_FALSE(w.connection(s.uuid));
  CHECK(c.session->story() == "succeeded error:404");
}

TEST_CASE("a stored user outranks claims that come late", "[actors][in_force]") {
  world w;
  const auto users = w.collection("users", {{"type", "auth"}});
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.team = team"}}}});
  auto who = claimant({{"id", "u1"}, {"team", "red"}, {"iat", 100}});
  who.collection_id = users;
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", who));
  w.create(posts, "r1", {{"team", "red"}});
  w.create(users, "u1", {{"team", "blue"}});
  // AUTH looked before the record was stored.
  auto change = std::make_shared<identity_change>();
  change->collection_id = users;
  change->record_id = "u1";
  change->auth = std::make_shared<const json>(json{{"id", "u1"}, {"team", "red"}, {"iat", 101}});
  change->claims = true;
  caf::anon_send(w.store, identity_change_ptr{std::move(change)});
  w.settle();
  w.create(posts, "r2", {{"team", "red"}});
  w.create(posts, "r3", {{"team", "blue"}});
  CHECK(c.session->story() == "succeeded created:r1 created:r3");
}

TEST_CASE("renewed claims are kept with the connection, unless it is gone or they are older",
          "[actors][in_force]") {
  world w;
  w.collection("posts");
  const auto s = *w.subscribe("posts", claimant({{"id", "u1"}, {"iat", 100}}));
  const auto renew = [&](const std::string& uuid, json claims) {
    return w.ask<bool>(w.store, renew_claims{*channel_id::parse(uuid),
                                             std::make_shared<const json>(std::move(claims))});
  };
  CHECK(renew(s.uuid, {{"id", "u1"}, {"iat", 101}, {"team", "red"}}));
  CHECK(w.connection(s.uuid)->claims.at("team") == "red");
  CHECK(renew(s.uuid, {{"id", "u1"}, {"iat", 99}, {"team", "blue"}}));
  CHECK(w.connection(s.uuid)->claims.at("team") == "red");
  CHECK_FALSE(renew("6f9619ff-8b86-4011-b42d-00cf4fc964ff", {{"id", "u1"}}));
}

// -- the collection --------------------------------------------------------------------

TEST_CASE("dropping a collection ends its subscriptions and forgets its name",
          "[actors][in_force]") {
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, s);
  CHECK(w.ask<collection_answer>(w.registry, collection_removal{posts}).result);
  CHECK(c.session->story() == "succeeded error:404");
  CHECK_FALSE(w.connection(s.uuid));
  CHECK(w.find("posts").definition == nullptr);
  CHECK_FALSE(w.create(posts, "r1"));
  CHECK(w.collection("posts") != posts);
}

TEST_CASE("whoever asks a collection that is being dropped is answered", "[actors][in_force]") {
  // However far the drop is when the others ask.
  const int at = GENERATE(range(0, 25));
  CAPTURE(at);
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  const auto handle = w.find("posts");
  auto c = w.connect();
  const auto dropped = w.begin<collection_answer>(w.registry, collection_removal{posts});
  const auto subscribed = w.begin<subscribe_answer>(
      handle.actor, subscribe_request_ptr{std::make_shared<const subscribe_request>(
                        subscribe_request{guest, "app", {}, {}, json::object()})});
  for (int i = 0; i < at; ++i) w.step();
  w.begin_listen(c, s);
  const auto late = w.begin<subscribe_answer>(
      handle.actor, subscribe_request_ptr{std::make_shared<const subscribe_request>(
                        subscribe_request{guest, "app", {}, {}, json::object()})});
  w.settle();
  CHECK((*dropped).result);
  CHECK(subscribed.has_come());
  CHECK(late.has_come());
  REQUIRE_FALSE(c.session->log.empty());
  CHECK(c.session->log.back().status == 404);
  CHECK(w.attached.size() == 0);
}

}  // namespace velo::actors
