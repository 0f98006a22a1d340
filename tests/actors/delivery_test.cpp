// Who hears of a change, when, and in which order.

#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

const json only_owner{{"rules", {{"list", "@request.auth.id = owner"}}}};

/// Two stored users, Ada and Bob.
struct users_world : world {
  std::string users = collection("users", {{"type", "auth"}});
  identity ada = user_of(users, "ada");
  identity bob = user_of(users, "bob");

  users_world() {
    create(users, "ada", {{"role", "reader"}});
    create(users, "bob", {{"role", "reader"}});
  }
};

}  // namespace

TEST_CASE("a change is heard with its action and record", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  const auto made = w.create(posts, "r1", {{"title", "x"}});
  w.update(posts, "r1", {{"title", "y"}});
  w.remove(posts, "r1");
  REQUIRE(c.session->story() == "succeeded created:r1 updated:r1 deleted:r1");
  CHECK(c.session->log[1].data == json{{"action", "created"}, {"record", *made->record}});
  CHECK(c.session->log[3].data.at("record").at("title") == "y");
}

TEST_CASE("an event leaves after its commit, never before", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  int events = 0;
  c.session->on_deliver = [&](const fake_session::heard& heard) {
    ++events;
    const auto id = heard.data.at("record").at("id").get<std::string>();
    CHECK(w.record(posts, id) == heard.data.at("record"));
  };
  for (int i = 0; i < 5; ++i) w.create(posts, "r" + std::to_string(i));
  CHECK(events == 5);
}

TEST_CASE("a collection's events come in the order of their sequence", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  std::vector<reply<write_answer_ptr>> replies;
  for (int i = 0; i < 20; ++i) {
    auto o = operation(write_kind::create, "r" + std::to_string(i));
    o.collection_id = posts;
    replies.push_back(w.begin_write({superuser, {o}, false, std::nullopt}));
    if (i % 3 == 0) w.step();
  }
  w.settle();
  std::string expected = "succeeded";
  std::map<std::uint64_t, std::string> by_sequence;
  for (const auto& r : replies) by_sequence.emplace((*r)->sequence, (*r)->results[0]->record_id);
  for (const auto& [sequence, id] : by_sequence) expected += " created:" + id;
  CHECK(c.session->story() == expected);
}

TEST_CASE("each of two users gets only what is his", "[actors][delivery]") {
  users_world w;
  const auto posts = w.collection("posts", only_owner);
  auto a = w.connect();
  auto b = w.connect();
  const auto of_ada = w.subscribe("posts", w.ada);
  const auto of_bob = w.subscribe("posts", w.bob);
  REQUIRE(of_ada);
  CHECK_FALSE(of_ada->is_public);
  w.listen(a, *of_ada);
  w.listen(b, *of_bob);
  w.create(posts, "r1", {{"owner", "ada"}});
  w.create(posts, "r2", {{"owner", "bob"}});
  w.create(posts, "r3");
  w.create(posts, "r4", {{"owner", nullptr}});
  w.create(posts, "r5", {{"owner", "ada"}});
  CHECK(a.session->story() == "succeeded created:r1 created:r5");
  CHECK(b.session->story() == "succeeded created:r2");
  CHECK(w.subscribe("posts").error().kind == failure_kind::unauthenticated);
}

TEST_CASE("a filter and a list of events narrow", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c,
           *w.subscribe("posts", guest, "status = open", {}, {{"events", {"updated", "deleted"}}}));
  w.create(posts, "r1", {{"status", "open"}});
  w.update(posts, "r1", {{"title", "x"}});
  w.update(posts, "r1", {{"status", "closed"}});
  w.remove(posts, "r1");
  CHECK(c.session->story() == "succeeded updated:r1");
}

TEST_CASE("options of odd types are nobody's end", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  for (const json& options : {json{{"events", {1, nullptr, "created"}}}, json{{"events", 7}},
                              json{{"query", 7}}, json(7), json::array()}) {
    CAPTURE(options.dump());
    const auto s = w.subscribe("posts", guest, {}, {}, options);
    REQUIRE(s);
    auto c = w.connect();
    w.listen(c, *s);
    CHECK(c.session->story() == "succeeded");
    CHECK(w.create(posts, ""));
  }
}

TEST_CASE("a delete is judged on the last state", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", guest, "status = open"));
  w.create(posts, "closed", {{"status", "open"}});
  w.update(posts, "closed", {{"status", "closed"}});
  w.create(posts, "opened", {{"status", "new"}});
  w.update(posts, "opened", {{"status", "open"}});
  w.remove(posts, "closed");
  w.write(posts, ingested(rules::action::deleted, "opened"), ingester);
  CHECK(c.session->story() == "succeeded created:closed updated:opened deleted:opened");
}

TEST_CASE("attached comes before any event, and nothing after the end", "[actors][delivery]") {
  // Wherever in a stream of changes the client subscribes and leaves.
  const int at = GENERATE(range(0, 60, 3));
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  for (int i = 0; i < 10; ++i) {
    auto o = operation(write_kind::create, "r" + std::to_string(i));
    o.collection_id = posts;
    w.begin_write({superuser, {o}, false, std::nullopt});
  }
  for (int i = 0; i < at; ++i) w.step();
  w.listen(c, s);
  w.create(posts, "between");
  auto drop = std::make_shared<drop_connection>();
  drop->channel = *channel_id::parse(s.uuid);
  drop->why = {"NotFound", "ended", 404, "unsubscribed"};
  caf::anon_send(w.store, drop_connection_ptr{std::move(drop)});
  w.create(posts, "after");
  const auto story = c.session->story();
  CAPTURE(at, story);
  CHECK(story.starts_with("succeeded"));
  CHECK(story.find("created:between") != std::string::npos);
  CHECK(story.ends_with("error:404"));
  // No gap and no double among what it heard.
  std::size_t heard = 0;
  for (int i = 0; i < 10; ++i) {
    const auto name = "created:r" + std::to_string(i);
    const auto first = story.find(name);
    heard += first != std::string::npos ? 1 : 0;
    CHECK((first == std::string::npos || story.find(name, first + 1) == std::string::npos));
  }
  CHECK(c.session->log.size() == heard + 3);
}

TEST_CASE("a socket that does not listen any more hears nothing", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto stays = w.connect();
  auto leaves = w.connect();
  auto dies = w.connect();
  for (auto* c : {&stays, &leaves, &dies}) w.listen(*c, s);
  w.create(posts, "r1");
  w.unlisten(leaves, s);
  w.hang_up(dies);
  w.create(posts, "r2");
  CHECK(stays.session->story() == "succeeded created:r1 created:r2");
  CHECK(leaves.session->story() == "succeeded created:r1");
  CHECK(dies.session->story() == "succeeded created:r1");
  CHECK(w.attached.size() == 1);
}

// -- exclude self --------------------------------------------------------------------

TEST_CASE("the socket that caused a change is left out, by subscription or by where it lives",
          "[actors][delivery]") {
  users_world w;
  const auto posts = w.collection("posts");
  auto mine = w.connect();
  auto tab = w.connect();
  const auto made_with = *w.subscribe("posts", w.ada, {}, mine.socket_id);
  const auto lives_on = *w.subscribe("posts", w.ada);
  w.listen(mine, made_with);
  w.listen(mine, lives_on);
  w.listen(tab, lives_on);
  w.write(posts, operation(write_kind::create, "r1"), w.ada, mine.socket_id);
  CHECK(mine.session->story() == "succeeded succeeded");
  CHECK(tab.session->story() == "succeeded created:r1");
  w.write(posts, operation(write_kind::create, "r2"), w.ada);
  CHECK(mine.session->story() == "succeeded succeeded created:r2 created:r2");
}

TEST_CASE("nobody may silence somebody else", "[actors][delivery]") {
  users_world w;
  const auto posts = w.collection("posts");
  auto victim = w.connect();
  w.listen(victim, *w.subscribe("posts", w.ada, {}, victim.socket_id));
  w.write(posts, operation(write_kind::create, "r1"), w.bob, victim.socket_id);
  w.write(posts, operation(write_kind::create, "r2"), guest, victim.socket_id);
  CHECK(victim.session->story() == "succeeded created:r1 created:r2");
  // Superuser and ingest write in everybody's name.
  w.write(posts, operation(write_kind::create, "r3"), superuser, victim.socket_id);
  w.write(posts, ingested(rules::action::created, "r4"), ingester, victim.socket_id);
  w.write(posts, operation(write_kind::create, "r5"), superuser);
  CHECK(victim.session->story() == "succeeded created:r1 created:r2 created:r5");
}

TEST_CASE("a subscription made with somebody else's socket id silences only itself",
          "[actors][delivery]") {
  users_world w;
  const auto posts = w.collection("posts");
  auto victim = w.connect();
  auto odd = w.connect();
  w.listen(victim, *w.subscribe("posts", w.ada));
  w.listen(odd, *w.subscribe("posts", w.bob, {}, victim.socket_id));
  w.write(posts, operation(write_kind::create, "r1"), w.bob, odd.socket_id);
  w.write(posts, operation(write_kind::create, "r2"), w.bob, victim.socket_id);
  CHECK(victim.session->story() == "succeeded created:r1 created:r2");
  CHECK(odd.session->story() == "succeeded");
}

// -- hidden fields -------------------------------------------------------------------

TEST_CASE("hidden fields are in no event, for nobody", "[actors][delivery]") {
  world w;
  const auto posts = w.collection("posts", {{"hidden", {"secret"}}});
  auto c = w.connect();
  auto root = w.connect();
  w.listen(c, *w.subscribe("posts"));
  w.listen(root, *w.subscribe("posts", superuser));
  w.create(posts, "r1", {{"secret", "s"}, {"title", "x"}});
  w.update(posts, "r1", {{"secret", "t"}});
  w.remove(posts, "r1");
  for (const auto* client : {&c, &root}) {
    REQUIRE(client->session->log.size() == 4);
    for (std::size_t i = 1; i < 4; ++i) {
      CHECK_FALSE(client->session->log[i].data.at("record").contains("secret"));
      CHECK(client->session->log[i].data.at("record").at("title") == "x");
    }
  }
  CHECK(w.record(posts, "r1") == std::nullopt);
}

TEST_CASE("a filter may not name a hidden field, of the collection or of the user",
          "[actors][delivery]") {
  world w;
  const auto users = w.collection("users", {{"type", "auth"}, {"hidden", {"phone"}}});
  w.create(users, "ada", {{"phone", "123"}});
  w.collection("posts", {{"hidden", {"secret"}}});
  for (const char* filter : {"secret = 1", "@record.secret = 1", "@request.auth.phone = phone"}) {
    CAPTURE(filter);
    const auto s = w.subscribe("posts", user_of(users, "ada"), filter);
    REQUIRE(s.has_error());
    CHECK(s.error().errors.at(0).first == "filter");
  }
  CHECK(w.subscribe("posts", user_of(users, "ada"), "phone = 1"));
  // Whom the rule forbids is not told what is hidden.
  w.set_rules("posts", {{"list", nullptr}});
  CHECK(w.subscribe("posts", guest, "secret = 1").error().kind == failure_kind::unauthenticated);
}

TEST_CASE("a bad filter is refused with its column", "[actors][delivery]") {
  world w;
  w.collection("posts");
  const auto s = w.subscribe("posts", guest, "a = 1 OR");
  REQUIRE(s.has_error());
  CHECK(s.error().kind == failure_kind::invalid);
  CHECK(s.error().message.find("column 9") != std::string::npos);
}

}  // namespace velo::actors
