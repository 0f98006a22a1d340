// A rule change under live subscriptions: judged in slices, in force at one
// point, answered after it. And a collection of several shards.

#include "tests/actors/support/world.hpp"

#include <deque>
#include <set>

namespace velo::actors {

namespace {

engine_options in_slices_of(std::size_t n) {
  engine_options o;
  o.rebind_slice = n;
  return o;
}

struct sliced : world {
  std::string posts;
  std::string users = collection("users", {{"type", "auth"}});
  identity ada = user_of(users, "ada");
  std::deque<client> clients;

  explicit sliced(unsigned shards = 1, json rules = open_rules()) : world(in_slices_of(1)) {
    posts = collection("posts", {{"shards", shards}, {"rules", std::move(rules)}});
    create(users, "ada", {{"role", "reader"}});
  }
  /// A step of each actor in turn, where step() lets one go on as long as it has messages.
  bool step() {
    auto& jobs = coordinator().jobs;
    if (!jobs.empty()) {
      jobs.push_back(jobs.front());
      jobs.pop_front();
    }
    const bool delivered = loop->run_all() > 0;
    return world::step() || delivered;
  }
  client& listener(const std::string& filter = {}, const identity& who = guest) {
    clients.push_back(connect());
    listen(clients.back(), *subscribe("posts", who, filter));
    return clients.back();
  }
  reply<collection_answer> begin_rule(const json& list) {
    return begin_change({{"rules", {{"list", list}}}});
  }
  reply<collection_answer> begin_change(json fields) {
    auto input = std::make_shared<collection_input>();
    input->target = "posts";
    input->fields = std::make_shared<const json>(std::move(fields));
    return begin<collection_answer>(registry, collection_input_ptr{std::move(input)});
  }
  void begin_create(const std::string& id, json fields = json::object()) {
    begin_create({operation(write_kind::create, id, std::move(fields))});
  }
  /// In this order, one behind the other.
  void begin_create(std::vector<write_operation> all) {
    for (auto& o : all) o.collection_id = posts;
    begin_write({superuser, std::move(all), false, std::nullopt});
  }
  /// Runs until the store has kept the definition, and so the build has begun.
  void run_until_kept(const json& list) {
    const auto kept = [&] {
      const auto transaction = database->begin_read().value();
      const auto rule = database->collections.get(transaction, posts).value()->rules.list;
      return list.is_null() ? !rule : rule == list.get<std::string>();
    };
    while (!kept()) REQUIRE(step());
  }
  int steps_until(const reply<collection_answer>& answer) {
    int steps = 0;
    for (; !answer.has_come(); ++steps) REQUIRE(step());
    settle();
    return steps;
  }
  std::string stories() const {
    std::string all;
    for (const auto& c : clients) all += (all.empty() ? "" : " | ") + c.session->story();
    return all;
  }
};

}  // namespace

TEST_CASE("changes go on being matched by the old rule while the new one is made ready",
          "[actors][rule_change]") {
  const unsigned shards = GENERATE(1U, 3U);
  CAPTURE(shards);
  sliced w(shards, {{"list", "a = 1"}, {"create", ""}, {"view", ""}});
  for (int i = 0; i < 40; ++i) w.listener("n = " + std::to_string(i));
  const auto changed = w.begin_rule("a = 2");
  w.run_until_kept("a = 2");
  // Far from done: forty subscriptions, one a slice.
  int heard_before = 0;
  int writes = 0;
  while (!changed.has_come()) {
    const int n = writes % 40;
    const auto before = w.clients[n].session->log.size();
    const auto id = std::to_string(writes);
    w.begin_create({operation(write_kind::create, "old" + id, {{"a", 1}, {"n", n}}),
                    operation(write_kind::create, "new" + id, {{"a", 2}, {"n", n}})});
    ++writes;
    for (int i = 0; i < 30 && !changed.has_come(); ++i) w.step();
    const auto& log = w.clients[n].session->log;
    if (!changed.has_come() && log.size() > before && log.back().data.at("record").at("a") == 1)
      ++heard_before;
    REQUIRE(writes < 1000);
  }
  CHECK(heard_before >= 2);
  w.settle();
  std::set<std::string> heard;
  for (const auto& c : w.clients)
    for (const auto& h : c.session->log)
      if (h.data.is_object()) heard.insert(h.data.at("record").at("id").get<std::string>());
  // One order for all shards: up to one change by the old rule, from there on by
  // the new one; no change by both, none by neither.
  bool is_new = false;
  for (int i = 0; i < writes; ++i) {
    const auto id = std::to_string(i);
    if (!heard.contains("old" + id)) is_new = true;
    CHECK(heard.contains("old" + id) == !is_new);
    if (heard.contains("new" + id)) is_new = true;
    CHECK(heard.contains("new" + id) == is_new);
  }
}

TEST_CASE("no writer waits for a rule change", "[actors][rule_change]") {
  sliced w;
  for (int i = 0; i < 50; ++i) w.listener();
  const auto changed = w.begin_rule("a = 1");
  w.run_until_kept("a = 1");
  auto o = operation(write_kind::create, "r1");
  o.collection_id = w.posts;
  const auto written = w.begin_write({superuser, {o}, false, std::nullopt});
  while (!written.has_come()) REQUIRE(w.step());
  CHECK_FALSE(changed.has_come());
  CHECK((*written)->results.at(0));
  w.settle();
  CHECK((*changed).result);
}

TEST_CASE("a change that cannot alter a verdict judges nobody anew", "[actors][rule_change]") {
  const auto steps = [](int listeners, const json& fields) {
    sliced w;
    for (int i = 0; i < listeners; ++i) w.listener("a = 1");
    return w.steps_until(w.begin_change(fields));
  };
  const json create_rule{{"rules", {{"create", "a = 1"}}}};
  CHECK(steps(20, create_rule) == steps(0, create_rule));
  const json same_meaning{{"rules", {{"list", "  "}}}};
  CHECK(steps(20, same_meaning) == steps(0, same_meaning));
  const json guarded{{"guarded", {"role"}}};
  CHECK(steps(20, guarded) == steps(0, guarded));
  // While these do.
  const json list_rule{{"rules", {{"list", "a = 1"}}}};
  CHECK(steps(20, list_rule) > steps(0, list_rule));
  const json hidden{{"hidden", {"secret"}}};
  CHECK(steps(20, hidden) > steps(0, hidden));
}

TEST_CASE("whoever comes, goes or changes while a rule is made ready is right before and after",
          "[actors][rule_change]") {
  const unsigned shards = GENERATE(1U, 3U);
  const int moment = GENERATE(range(0, 60, 3));
  CAPTURE(shards, moment);
  sliced w(shards, {{"list", "@request.auth.id != ''"}, {"create", ""}});
  for (int i = 0; i < 20; ++i) w.listener("n = " + std::to_string(i), w.ada);
  auto& role = w.listener("role = @request.auth.role", w.ada);
  auto& leaver = w.listener("", w.ada);
  const auto later = *w.subscribe("posts", w.ada, "n = 100");
  const auto left = *w.subscribe("posts", w.ada);
  auto newcomer = w.connect();

  const auto changed = w.begin_rule("@request.auth.id != '' AND open = true");
  w.run_until_kept("@request.auth.id != '' AND open = true");
  for (int i = 0; i < moment; ++i) w.step();
  w.begin_listen(newcomer, later);
  caf::anon_send(leaver.actor, session_closed{});
  auto o = operation(write_kind::update, "ada", {{"role", "admin"}});
  o.collection_id = w.users;
  w.begin_write({superuser, {o}, false, std::nullopt});
  w.settle();
  REQUIRE((*changed).result);

  w.create(w.posts, "p1", {{"n", 100}, {"open", true}});
  w.create(w.posts, "p2", {{"n", 100}});
  w.create(w.posts, "p3", {{"role", "admin"}, {"open", true}});
  w.create(w.posts, "p4", {{"role", "reader"}, {"open", true}});
  CHECK(newcomer.session->story() == "succeeded created:p1");
  CHECK(role.session->story() == "succeeded created:p3");
  CHECK(leaver.session->story() == "succeeded");
}

TEST_CASE("who subscribes by the new rule hears nothing that the old one still forbids",
          "[actors][rule_change]") {
  sliced w(1, {{"list", "owner = @request.auth.id"}, {"create", ""}});
  for (int i = 0; i < 150; ++i) w.listener("", w.ada);
  const auto posts = w.find("posts").actor;
  const auto changed = w.begin_rule("");
  w.run_until_kept("");
  // Public by the rule that is coming: strangers may listen as well.
  auto promised = w.begin<subscribe_answer>(
      posts, subscribe_request_ptr{std::make_shared<const subscribe_request>(
                 subscribe_request{w.ada, "app", {}, {}, json::object()})});
  while (!promised.has_come()) REQUIRE(w.step());
  REQUIRE_FALSE(changed.has_come());
  const auto s = *(*promised).result;
  CHECK(s.is_public);
  auto stranger = w.connect();
  w.begin_listen(stranger, s);
  while (stranger.session->log.empty()) REQUIRE(w.step());
  REQUIRE_FALSE(changed.has_come());
  w.begin_create("r1", {{"owner", "ada"}});
  while (w.clients[0].session->log.size() < 2) REQUIRE(w.step());
  REQUIRE_FALSE(changed.has_come());
  w.settle();
  w.create(w.posts, "r2", {{"owner", "ada"}});
  CHECK(stranger.session->story() == "succeeded created:r2");
  CHECK(w.clients[0].session->story() == "succeeded created:r1 created:r2");
}

TEST_CASE("who is allowed no more by the rule on its way cannot come in by the old one",
          "[actors][rule_change]") {
  sliced w;
  for (int i = 0; i < 150; ++i) w.listener("", w.ada);
  const auto stored = *w.subscribe("posts");
  auto c = w.connect();
  const auto changed = w.begin_rule(nullptr);
  w.run_until_kept(nullptr);
  w.begin_listen(c, stored);
  while (c.session->log.empty()) REQUIRE(w.step());
  CHECK_FALSE(changed.has_come());
  CHECK(c.session->story() == "error:403");
  w.settle();
  for (const auto& each : w.clients) CHECK(each.session->story() == "succeeded error:403");
}

TEST_CASE("a field that is being hidden is in no event from then on", "[actors][rule_change]") {
  sliced w;
  for (int i = 0; i < 150; ++i) w.listener();
  const auto changed = w.begin_change({{"hidden", {"secret"}}});
  const auto kept = [&] {
    const auto transaction = w.database->begin_read().value();
    return !w.database->collections.get(transaction, w.posts).value()->hidden.empty();
  };
  while (!kept()) REQUIRE(w.step());
  w.begin_create("r1", {{"secret", 1}});
  while (w.clients[0].session->log.size() < 2) REQUIRE(w.step());
  CHECK_FALSE(changed.has_come());
  CHECK_FALSE(w.clients[0].session->log.back().data.at("record").contains("secret"));
  w.settle();
}

TEST_CASE("the end of many is told in slices, and none of them hears anything after the change",
          "[actors][rule_change]") {
  const unsigned shards = GENERATE(1U, 3U);
  sliced w(shards);
  for (int i = 0; i < 30; ++i) w.listener();
  const auto changed = w.begin_rule("@request.auth.id != ''");
  for (bool written = false; !changed.has_come();) {
    REQUIRE(w.step());
    // Some have been told, the others not yet.
    if (!written && w.clients[7].session->log.size() == 2) {
      w.begin_create("late");
      written = true;
    }
  }
  w.settle();
  for (const auto& c : w.clients) CHECK(c.session->log.at(1).what != "created");
  for (const auto& c : w.clients) CHECK(c.session->story() == "succeeded error:403");
  CHECK(w.attached.size() == 0);
}

TEST_CASE("two definitions that come at once take effect one after the other",
          "[actors][rule_change]") {
  sliced w;
  for (int i = 0; i < 10; ++i) w.listener();
  const auto posts = w.find("posts");
  const auto tell = [&](const std::string& rule) {
    const auto definition = std::make_shared<storage::collection>(*posts.definition);
    definition->rules.list = rule;
    return w.begin<ack>(posts.actor, collection_ptr{definition});
  };
  const auto first = tell("a = 1");
  const auto second = tell("a = 2");
  w.settle();
  CHECK(first.has_come());
  CHECK(second.has_come());
  w.create(w.posts, "r1", {{"a", 1}});
  w.create(w.posts, "r2", {{"a", 2}});
  CHECK(w.clients[0].session->story() == "succeeded created:r2");
}

TEST_CASE("a collection that is dropped while a rule is made ready answers who waits",
          "[actors][rule_change]") {
  sliced w;
  for (int i = 0; i < 20; ++i) w.listener();
  const auto changed = w.begin_rule("a = 1");
  w.run_until_kept("a = 1");
  const auto dropped = w.begin<collection_answer>(w.store, collection_removal{w.posts});
  w.settle();
  CHECK(changed.has_come());
  CHECK((*dropped).result);
  CHECK(w.clients[0].session->story() == "succeeded error:404");
}

// -- shards ------------------------------------------------------------------------------

TEST_CASE("shards share the subscriptions, and each hears all changes in order",
          "[actors][shards]") {
  sliced w(4);
  CHECK(w.find("posts").shards.size() == 4);
  for (int i = 0; i < 40; ++i) w.listener();
  for (int i = 0; i < 5; ++i) w.begin_create("r" + std::to_string(i));
  w.settle();
  for (const auto& c : w.clients)
    CHECK(c.session->story() == "succeeded created:r0 created:r1 created:r2 created:r3 created:r4");
}

TEST_CASE("another number of shards takes effect at the next start", "[actors][shards]") {
  sliced w(1);
  const auto s = *w.subscribe("posts");
  REQUIRE(w.define({{"shards", 3}}, "posts").result);
  CHECK(w.find("posts").definition->shards == 3);
  CHECK(w.find("posts").shards.size() == 1);
  w.clients.clear();
  w.restart();
  CHECK(w.find("posts").shards.size() == 3);
  auto c = w.connect();
  w.listen(c, s);
  w.create(w.posts, "r1");
  CHECK(c.session->story() == "succeeded created:r1");
}

}  // namespace velo::actors
