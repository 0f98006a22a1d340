// One client's subscriptions: what is refused, repeated, limited, and come back to.

#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

void subscribe_to(world& w, const client& c, const std::string& wire_name) {
  caf::anon_send(c.actor, client_subscribe{wire_name});
  w.settle();
}

}  // namespace

TEST_CASE("a channel that is none is refused", "[actors][connection]") {
  world w;
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  for (const auto& name : {std::string("orders"), std::string("velo.realtime.x"),
                           std::string("velo.realtime.6f9619ff-8b86-4011-b42d-00cf4fc964ff"),
                           "private-" + world::wire_name(s)}) {
    CAPTURE(name);
    subscribe_to(w, c, name);
    CHECK(c.session->log.back().what == "error");
    CHECK(c.session->log.back().status == 404);
    CHECK(c.session->log.back().channel == name);
  }
  CHECK(w.attached.size() == 0);
}

TEST_CASE("a private channel is not to be had by its public name", "[actors][connection]") {
  world w;
  const auto users = w.collection("users", {{"type", "auth"}});
  w.create(users, "ada");
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.id != ''"}}}});
  const auto s = *w.subscribe("posts", user_of(users, "ada"));
  auto c = w.connect();
  auto owner = w.connect();
  subscribe_to(w, c, "velo.realtime." + s.uuid);
  CHECK(c.session->story() == "error:404");
  w.listen(owner, s);
  subscribe_to(w, c, "velo.realtime." + s.uuid);  // also where it is live
  w.create(posts, "r1");
  CHECK(c.session->story() == "error:404 error:404");
  CHECK(owner.session->story() == "succeeded created:r1");
}

TEST_CASE("a channel belongs to one app", "[actors][connection]") {
  world w;
  w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect("other");
  w.listen(c, s);
  CHECK(c.session->story() == "error:404");
}

TEST_CASE("subscribing twice is answered twice and heard once", "[actors][connection]") {
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  w.begin_listen(c, s);
  w.begin_listen(c, s);  // still under way: the one answer will do
  w.settle();
  w.listen(c, s);
  w.create(posts, "r1");
  CHECK(c.session->story() == "succeeded succeeded created:r1");
  CHECK(w.attached.size() == 1);
}

TEST_CASE("unsubscribing before the answer leaves nothing behind", "[actors][connection]") {
  const int at = GENERATE(range(0, 12));
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  w.begin_listen(c, s);
  for (int i = 0; i < at; ++i) w.step();
  caf::anon_send(c.actor, client_unsubscribe{world::wire_name(s)});
  w.settle();
  w.create(posts, "r1");
  CHECK(c.session->story().find("created") == std::string::npos);
  CHECK(w.attached.size() == 0);
  w.listen(c, s);
  w.create(posts, "r2");
  CHECK(c.session->story().ends_with("succeeded created:r2"));
}

TEST_CASE("a socket that goes while it subscribes leaves nothing behind", "[actors][connection]") {
  const int at = GENERATE(range(0, 12));
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  const std::weak_ptr<fake_session> session = c.session;
  w.begin_listen(c, s);
  for (int i = 0; i < at; ++i) w.step();
  w.hang_up(c);
  const auto told = c.session->log.size();
  w.create(posts, "r1");
  CHECK(c.session->log.size() == told);
  CHECK(w.attached.size() == 0);
  c.session.reset();
  CHECK(session.expired());
}

TEST_CASE("an actor that is ended lets go of its session as well", "[actors][connection]") {
  world w;
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, s);
  caf::anon_send_exit(c.actor, caf::exit_reason::kill);
  w.settle();
  CHECK(w.attached.size() == 0);
  w.create(posts, "r1");
  CHECK(c.session->story() == "succeeded");
}

TEST_CASE("a connection has a limit of subscriptions; what has ended does not count",
          "[actors][connection]") {
  world w;
  w.context->subscriptions_max = 2;
  w.collection("posts");
  std::vector<storage::connection> all;
  for (int i = 0; i < 4; ++i) all.push_back(*w.subscribe("posts"));
  auto c = w.connect();
  for (int i = 0; i < 3; ++i) w.listen(c, all[i]);
  CHECK(c.session->story() == "succeeded succeeded error:429");
  w.unlisten(c, all[0]);
  w.listen(c, all[2]);
  CHECK(c.session->story() == "succeeded succeeded error:429 succeeded");
  w.set_rules("posts", {{"list", nullptr}});  // ends both
  w.set_rules("posts", {{"list", ""}});
  w.listen(c, *w.subscribe("posts"));
  CHECK(c.session->story().ends_with("succeeded"));
}

TEST_CASE("a record channel has a limit of sockets", "[actors][connection]") {
  engine_options options;
  options.sockets_per_channel_max = 2;
  world w(options);
  const auto posts = w.collection("posts");
  const auto s = *w.subscribe("posts");
  auto first = w.connect();
  auto second = w.connect();
  auto third = w.connect();
  for (auto* c : {&first, &second, &third}) w.listen(*c, s);
  CHECK(third.session->story() == "error:429");
  w.hang_up(first);
  w.listen(third, s);
  w.create(posts, "r1");
  CHECK(second.session->story() == "succeeded created:r1");
  CHECK(third.session->story() == "error:429 succeeded created:r1");
}

TEST_CASE("a connection goes on after a restart, with filter, identity and exclude-self",
          "[actors][connection]") {
  world w;
  const auto users = w.collection("users", {{"type", "auth"}});
  w.create(users, "ada", {{"team", "red"}});
  const auto ada = user_of(users, "ada");
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.team = team"}}}});
  const auto s = *w.subscribe("posts", ada, "rank > 1", {}, {{"events", {"created"}}});
  auto c = w.connect();
  w.listen(c, s);
  w.hang_up(c);
  w.restart();
  auto again = w.connect();
  w.listen(again, s);
  w.create(posts, "r1", {{"team", "red"}, {"rank", 1}});
  w.create(posts, "r2", {{"team", "blue"}, {"rank", 2}});
  w.create(posts, "r3", {{"team", "red"}, {"rank", 2}});
  w.update(posts, "r3", {{"rank", 3}});
  w.write(posts, operation(write_kind::create, "r4", {{"team", "red"}, {"rank", 2}}), ada,
          again.socket_id);
  CHECK(again.session->story() == "succeeded created:r3");
}

TEST_CASE("a close goes to the session", "[actors][connection]") {
  world w;
  auto c = w.connect();
  caf::anon_send(c.actor, close_connection{4201, "Pong did not come."});
  w.settle();
  CHECK(c.session->story() == "close:4201");
}

}  // namespace velo::actors
