// Who comes back hears what was missed: once, in order, and nothing else.

#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

using std::chrono::milliseconds;

struct resume_world : world {
  explicit resume_world(engine_options o = {}) : world(std::move(o), resuming::yes) {}

  /// Created by a client that hangs up without having acknowledged anything more.
  void vanish(client& c) {
    c.session->answers_pings = false;
    hang_up(c);
  }
  events_page events(const storage::connection& of, std::uint64_t after, std::size_t limit = 100,
                     std::string epoch = {}) {
    auto wanted = std::make_shared<events_request>();
    wanted->channel = *channel_id::parse(of.uuid);
    wanted->after = after;
    wanted->limit = limit;
    wanted->epoch = std::move(epoch);
    return *ask<events_answer>(find(of.collection_id).actor, events_request_ptr{wanted}).result;
  }
};

std::string created(int first, int last) {
  std::string story;
  for (int i = first; i <= last; ++i) story += " created:r" + std::to_string(i);
  return story;
}

}  // namespace

TEST_CASE("what came between subscribing over HTTP and listening is heard", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  w.create(posts, "r0");
  const auto channel = *w.subscribe("posts");
  w.create(posts, "r1");
  w.create(posts, "r2");
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r3");
  CHECK(c.session->story() == "succeeded" + created(1, 3));
}

TEST_CASE("a client that comes back goes on after what it acknowledged", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  auto first = w.connect();
  w.listen(first, channel);
  w.create(posts, "r1");
  w.create(posts, "r2");
  w.pass(milliseconds{1'100});  // pinged, and answered
  first.session->answers_pings = false;
  w.create(posts, "r3");
  w.pass(milliseconds{1'100});
  CHECK(first.session->pings == 1);
  w.hang_up(first);
  w.create(posts, "r4");

  auto second = w.connect();
  w.listen(second, channel);
  w.create(posts, "r5");
  CHECK(second.session->story() == "succeeded" + created(3, 5));
}

TEST_CASE("positions outlive a restart of the server", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  auto first = w.connect();
  w.listen(first, channel);
  for (int i = 1; i <= 5; ++i) w.create(posts, "r" + std::to_string(i));
  w.pass(milliseconds{1'100});
  w.pass(milliseconds{1'100});
  w.hang_up(first);
  w.restart();
  w.create(posts, "r6");
  auto second = w.connect();
  w.listen(second, channel);
  w.create(posts, "r7");
  CHECK(second.session->story() == "succeeded" + created(6, 7));
}

TEST_CASE("a long replay goes part by part and joins what is live", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  for (int i = 1; i <= 2'000; ++i) w.create(posts, "r" + std::to_string(i));
  auto c = w.connect();
  c.session->answers_pings = false;
  w.listen(c, channel);
  // It takes no more than a part before it has answered.
  const auto heard = c.session->log.size();
  CHECK(heard > 1);
  CHECK(heard < 300);
  // Others are not held up, and what comes meanwhile comes behind.
  auto other = w.connect();
  w.listen(other, *w.subscribe("posts"));
  w.create(posts, "r2001");
  CHECK(other.session->story() == "succeeded" + created(2'001, 2'001));
  c.session->answers_pings = true;
  for (; c.session->pings > 0; --c.session->pings) c.session->acks->ponged();
  w.settle();
  w.create(posts, "r2002");
  CHECK(c.session->story() == "succeeded" + created(1, 2'002));
}

TEST_CASE("writes during a replay are heard once and in order, however they interleave",
          "[actors][resume]") {
  for (int pause = 1; pause < 40; ++pause) {
    resume_world w;
    const auto posts = w.collection("posts");
    const auto channel = *w.subscribe("posts");
    int written = 0;
    const auto write_one = [&] {
      auto o = operation(write_kind::create, "r" + std::to_string(++written));
      o.collection_id = posts;
      return w.begin_write({superuser, {o}, false, std::nullopt});
    };
    for (int i = 0; i < 300; ++i) write_one();
    w.settle();
    auto c = w.connect();
    w.begin_listen(c, channel);
    for (int i = 0; i < 60; ++i) {
      for (int step = 0; step < pause; ++step) w.step();
      write_one();
    }
    w.settle();
    REQUIRE(c.session->story() == "succeeded" + created(1, written));
  }
}

TEST_CASE("nobody's acknowledgement counts for another socket of the channel", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  auto stuck = w.connect();
  auto stranger = w.connect();
  w.listen(stuck, channel);
  w.listen(stranger, channel);
  stuck.session->answers_pings = false;
  w.create(posts, "r1");
  w.create(posts, "r2");
  w.pass(milliseconds{1'100});

  SECTION("while the stuck socket still seems to be there") {
    auto back = w.connect();
    w.listen(back, channel);
    CHECK(back.session->story() == "succeeded" + created(1, 2));
  }
  SECTION("after it is gone, and the stranger has gone on") {
    w.hang_up(stuck);
    w.create(posts, "r3");
    w.pass(milliseconds{1'100});
    auto back = w.connect();
    w.listen(back, channel);
    CHECK(back.session->story() == "succeeded" + created(1, 3));
  }
  SECTION("after both have left") {
    w.hang_up(stuck);
    w.hang_up(stranger);
    auto one = w.connect();
    w.listen(one, channel);
    CHECK(one.session->story() == "succeeded" + created(1, 2));
    auto other = w.connect();
    w.listen(other, channel);
    CHECK(other.session->story() == "succeeded" + created(1, 2));
  }
  SECTION("though a newcomer was there before it") {
    w.hang_up(stuck);
    auto newcomer = w.connect();
    w.listen(newcomer, channel);
    w.pass(milliseconds{1'100});
    auto back = w.connect();
    w.listen(back, channel);
    CHECK(back.session->story() == "succeeded" + created(1, 2));
  }
}

TEST_CASE("a stranger that can be told takes nobody's place, whatever it acknowledges",
          "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  const auto connect = [&w](std::uint64_t client) {
    auto c = w.connect();
    c.session->acks->client = client;
    return c;
  };
  auto first = connect(1);
  w.listen(first, channel);
  w.create(posts, "r1");
  w.pass(milliseconds{1'100});
  w.hang_up(first);
  w.create(posts, "r2");

  auto stranger = connect(2);
  w.listen(stranger, channel);
  w.create(posts, "r3");
  w.pass(milliseconds{1'100});
  w.hang_up(stranger);
  w.create(posts, "r4");

  SECTION("the one that was away hears all of it") {}
  SECTION("after a restart, too") {
    w.pass(milliseconds{1'100});
    w.restart();
  }
  auto back = connect(1);
  w.listen(back, channel);
  CHECK(back.session->story() == "succeeded" + created(2, 4));
  w.pass(milliseconds{1'100});
  w.hang_up(back);
  // And the stranger goes on where it was itself.
  auto again = connect(2);
  w.listen(again, channel);
  CHECK(again.session->story() == "succeeded" + created(4, 4));
}

TEST_CASE("no more than 256 events of a channel are sent unacknowledged, nor heard twice",
          "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, channel);
  c.session->answers_pings = false;
  for (int i = 1; i <= 1'000; ++i) w.create(posts, "r" + std::to_string(i));
  CHECK(c.session->story() == "succeeded" + created(1, 256));
  SECTION("the rest follows what is acknowledged") {
    c.session->answers_pings = true;
    for (int i = 0; i < 100 && c.session->pings > 0; ++i) {
      --c.session->pings;
      c.session->acks->ponged();
    }
    w.settle();
    w.create(posts, "r1001");
    CHECK(c.session->story() == "succeeded" + created(1, 1'001));
  }
  SECTION("whoever comes back hears those again, and the rest once") {
    w.hang_up(c);
    auto back = w.connect();
    w.listen(back, channel);
    w.create(posts, "r1001");
    CHECK(back.session->story() == "succeeded" + created(1, 1'001));
  }
  SECTION("what waits is bounded") {
    for (int i = 1'001; i <= 5'000; ++i) w.create(posts, "r" + std::to_string(i));
    CHECK(c.session->log.back().what == "close");
    CHECK(c.session->log.back().status == 4100);
    CHECK(c.session->acks->held_bytes() == 0);
  }
  SECTION("and goes with its socket") {
    CHECK(c.session->acks->held_bytes() > 0);
    w.hang_up(c);
    CHECK(c.session->acks->held_bytes() == 0);
  }
}

TEST_CASE("positions go with their collection", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r1");
  w.pass(milliseconds{1'100});
  w.pass(milliseconds{1'100});
  w.hang_up(c);
  const begin_position newcomer{channel.number, "9.9", 0, 0};
  SECTION("and are there before") {
    CHECK(w.ask<begin_answer>(w.resume.positions, newcomer).what != begin_answer::kind::fresh);
  }
  SECTION("at once and on disk") {
    CHECK(w.ask<collection_answer>(w.registry, collection_removal{"posts"}).result);
    w.pass(milliseconds{1'100});
    CHECK(w.ask<begin_answer>(w.resume.positions, newcomer).what == begin_answer::kind::fresh);
  }
}

TEST_CASE("a client that comes and goes hears nothing again that it acknowledged",
          "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  int written = 0;
  for (int round = 0; round < 10; ++round) {
    auto c = w.connect();
    const int first = written + 1;
    w.create(posts, "r" + std::to_string(++written));
    w.listen(c, channel);
    w.create(posts, "r" + std::to_string(++written));
    CHECK(c.session->story() == "succeeded" + created(first, written));
    w.pass(milliseconds{1'100});
    w.hang_up(c);
  }
}

TEST_CASE("a replay is judged by the rule of today, and a changed one resets", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts", guest, "title != secret");
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r1", {{"title", "open"}});
  w.pass(milliseconds{1'100});
  w.hang_up(c);
  w.create(posts, "r2", {{"title", "open"}});
  json rules = open_rules();
  rules["list"] = "title != closed";
  REQUIRE(w.set_rules("posts", rules).result);
  auto back = w.connect();
  w.listen(back, channel);
  CHECK(back.session->story() == "succeeded reset");
  w.create(posts, "r3", {{"title", "closed"}});
  w.create(posts, "r4", {{"title", "open"}});
  CHECK(back.session->story() == "succeeded reset created:r4");
  w.pass(milliseconds{1'100});
  w.hang_up(back);
  auto again = w.connect();
  w.listen(again, channel);
  CHECK(again.session->story() == "succeeded");
}

TEST_CASE("what is past retention is one reset", "[actors][resume]") {
  engine_options options;
  options.history_count_max = 2;
  resume_world w(options);
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts");
  for (int i = 1; i <= 5; ++i) w.create(posts, "r" + std::to_string(i));
  w.pass(milliseconds{6'000});
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r6");
  CHECK(c.session->story() == "succeeded reset created:r6");
  w.pass(milliseconds{1'100});
  w.hang_up(c);
  auto back = w.connect();
  w.listen(back, channel);
  CHECK(back.session->story() == "succeeded");
}

TEST_CASE("resume: false hears only what comes", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts", guest, {}, {}, {{"resume", false}});
  w.create(posts, "r1");
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r2");
  CHECK(c.session->story() == "succeeded created:r2");
}

TEST_CASE("history memory resumes within a run; none does not", "[actors][resume]") {
  resume_world w;
  const auto* history = GENERATE("memory", "none");
  const auto posts = w.collection("posts", {{"history", history}});
  const auto channel = *w.subscribe("posts");
  w.create(posts, "r1");
  w.create(posts, "r2");
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r3");
  const bool memory = history == std::string("memory");
  CHECK(c.session->story() == "succeeded" + created(memory ? 1 : 3, 3));
  w.pass(milliseconds{1'100});
  w.hang_up(c);
  w.restart();
  auto back = w.connect();
  w.listen(back, channel);
  w.create(posts, "r4");
  CHECK(back.session->story() ==
        (memory ? "succeeded reset" : std::string("succeeded")) + created(4, 4));
}

TEST_CASE("since replays what the log holds, or resets", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  for (int i = 1; i <= 5; ++i) w.create(posts, "r" + std::to_string(i));
  const auto heard = [&](json options) {
    const auto channel = *w.subscribe("posts", guest, {}, {}, std::move(options));
    auto c = w.connect();
    w.listen(c, channel);
    return c.session->story();
  };
  const auto epoch = w.subscribe("posts")->epoch;
  CHECK(heard({{"since", 3}}) == "succeeded" + created(4, 5));
  CHECK(heard({{"since", 0}, {"epoch", epoch}}) == "succeeded" + created(1, 5));
  CHECK(heard({{"since", 5}}) == "succeeded");
  CHECK(heard({{"since", 6}}) == "succeeded reset");
  CHECK(heard({{"since", 3}, {"epoch", "another"}}) == "succeeded reset");
}

TEST_CASE("sequence and fields shape events, live and replayed alike", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts", {{"hidden", {"secret"}}});
  const auto channel =
      *w.subscribe("posts", guest, {}, {},
                   {{"sequence", true}, {"fields", {"title", "secret", "none"}}, {"since", 0}});
  w.create(posts, "r1", {{"title", "a"}, {"secret", "s"}, {"body", "b"}});
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r2", {{"title", "c"}, {"secret", "s"}, {"body", "b"}});
  REQUIRE(c.session->log.size() == 3);
  for (int i = 1; i <= 2; ++i) {
    const auto& data = c.session->log[i].data;
    CHECK(data.at("record") ==
          json{{"id", "r" + std::to_string(i)}, {"title", i == 1 ? "a" : "c"}});
    CHECK(data.at("sequence") == i);
    CHECK(data.at("epoch") == channel.epoch);
  }
}

TEST_CASE("transitions tell what enters and leaves, live and replayed alike", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts", {{"hidden", {"secret"}}});
  const auto channel =
      *w.subscribe("posts", guest, "status = open", {}, {{"transitions", true}, {"since", 0}});
  const auto change = [&](const std::string& suffix) {
    w.create(posts, "r" + suffix, {{"status", "open"}, {"secret", "s"}});
    w.update(posts, "r" + suffix, {{"title", "x"}});
    w.update(posts, "r" + suffix, {{"status", "done"}});
    w.update(posts, "r" + suffix, {{"title", "y"}});
    w.update(posts, "r" + suffix, {{"status", "open"}});
    w.remove(posts, "r" + suffix);
  };
  change("1");
  auto c = w.connect();
  w.listen(c, channel);
  change("2");
  CHECK(c.session->story() ==
        "succeeded created:r1 updated:r1 left:r1 entered:r1 deleted:r1"
        " created:r2 updated:r2 left:r2 entered:r2 deleted:r2");
  CHECK(c.session->log.at(3).data.at("record").at("status") == "open");
  for (const auto& h : c.session->log)
    if (h.data.is_object()) CHECK_FALSE(h.data.at("record").contains("secret"));
}

TEST_CASE("a snapshot is the matching records, then every later change", "[actors][resume]") {
  resume_world w;
  const auto* history = GENERATE("durable", "memory", "none");
  const auto posts = w.collection("posts", {{"history", history}});
  for (int i = 1; i <= 3; ++i)
    w.create(posts, "r" + std::to_string(i), {{"status", i == 2 ? "done" : "open"}});
  const auto channel = *w.subscribe("posts", guest, "status = open", {}, {{"snapshot", true}});
  w.create(posts, "r4", {{"status", "open"}});
  auto c = w.connect();
  w.listen(c, channel);
  w.create(posts, "r5", {{"status", "open"}});
  CHECK(c.session->story() == "succeeded snapshot:r1,r3,r4, created:r5");
  CHECK(c.session->log.at(1).data.at("last") == true);
  CHECK(c.session->log.at(1).data.at("sequence") == 4);
}

TEST_CASE("an empty snapshot is one page, a large one is many", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts");
  const auto channel = *w.subscribe("posts", guest, {}, {}, {{"snapshot", true}});
  auto c = w.connect();
  w.listen(c, channel);
  REQUIRE(c.session->story() == "succeeded snapshot:");
  for (int i = 0; i < 1'200; ++i) w.create(posts, "r" + std::to_string(i));
  auto d = w.connect();
  w.listen(d, *w.subscribe("posts", guest, {}, {}, {{"snapshot", true}}));
  std::size_t records = 0;
  for (std::size_t i = 1; i < d.session->log.size(); ++i) {
    const auto& page = d.session->log[i].data;
    CHECK(page.at("records").size() <= 500);
    CHECK(page.at("last") == (i + 1 == d.session->log.size()));
    records += page.at("records").size();
  }
  CHECK(records == 1'200);
}

TEST_CASE("writes during a snapshot leave no gap and no double, however they interleave",
          "[actors][resume]") {
  const auto* history = GENERATE("durable", "memory", "none");
  for (int pause = 1; pause < 30; ++pause) {
    resume_world w;
    const auto posts = w.collection("posts", {{"history", history}});
    for (int i = 0; i < 1'100; ++i)
      w.create(posts, "r" + std::to_string(1000 + i), {{"n", 0}, {"even", i % 2 == 0}});
    const auto channel =
        *w.subscribe("posts", guest, "even = true", {}, {{"snapshot", true}, {"sequence", true}});
    auto c = w.connect();
    w.begin_listen(c, channel);
    for (int i = 0; i < 80; ++i) {
      for (int step = 0; step < pause; ++step) w.step();
      auto o = operation(write_kind::update, "r" + std::to_string(1000 + i * 37 % 1'100),
                         {{"n", i + 1}});
      o.collection_id = posts;
      w.begin_write({superuser, {o}, false, std::nullopt});
    }
    w.settle();
    // What a client makes of it, each record's state moving forward only.
    std::map<std::string, int> state;
    std::uint64_t last = 0;
    for (const auto& h : c.session->log) {
      if (h.what == "snapshot") {
        for (const auto& r : h.data.at("records"))
          CHECK(state.emplace(r.at("id"), r.at("n")).second);
      } else if (h.what == "updated") {
        const auto& r = h.data.at("record");
        REQUIRE(state.contains(r.at("id")));
        CHECK(state[r.at("id")] < r.at("n").get<int>());
        state[r.at("id")] = r.at("n");
        CHECK(h.data.at("sequence").get<std::uint64_t>() > last);
        last = h.data.at("sequence");
      }
    }
    CHECK(state.size() == 550);
    for (const auto& [id, n] : state) REQUIRE(w.record(posts, id)->at("n") == n);
  }
}

TEST_CASE("a rule or user change resets a live list, with a new snapshot", "[actors][resume]") {
  resume_world w;
  const auto users = w.collection("users", {{"type", "auth"}});
  w.create(users, "ada", {{"team", "a"}});
  const auto ada = user_of(users, "ada");
  json rules = open_rules();
  rules["list"] = "team = @request.auth.team";
  const auto posts = w.collection("posts", {{"rules", rules}});
  w.create(posts, "r1", {{"team", "a"}});
  w.create(posts, "r2", {{"team", "b"}});
  const bool snapshot = GENERATE(true, false);
  const auto channel =
      *w.subscribe("posts", ada, {}, {}, {{"snapshot", snapshot}, {"transitions", true}});
  auto c = w.connect();
  w.listen(c, channel);
  w.update(users, "ada", {{"name", "Ada"}});  // nothing that the rule asks for
  w.update(users, "ada", {{"team", "b"}});
  w.create(posts, "r3", {{"team", "b"}});
  rules["list"] = "team = @request.auth.team && id != r2";
  REQUIRE(w.set_rules("posts", rules).result);
  w.create(posts, "r4", {{"team", "b"}});
  CHECK(c.session->story() == (snapshot
                                   ? "succeeded snapshot:r1, reset snapshot:r2, created:r3 reset "
                                     "snapshot:r3, created:r4"
                                   : "succeeded reset created:r3 reset created:r4"));
}

TEST_CASE("events over HTTP are the matching changes after a sequence", "[actors][resume]") {
  resume_world w;
  const auto posts = w.collection("posts", {{"hidden", {"secret"}}});
  const auto channel = *w.subscribe("posts", guest, "n < 3");
  for (int i = 0; i < 5; ++i) w.create(posts, "r" + std::to_string(i), {{"n", i}, {"secret", "s"}});
  auto page = w.events(channel, 0, 2);
  auto data = json::parse('[' + page.events + ']');
  REQUIRE(data.size() == 2);
  CHECK(data[1].at("record").at("id") == "r1");
  CHECK(data[1].at("sequence") == 2);
  CHECK_FALSE(data[1].at("record").contains("secret"));
  CHECK(page.sequence == 2);
  CHECK_FALSE(page.reset);
  page = w.events(channel, page.sequence);
  CHECK(json::parse('[' + page.events + ']').size() == 1);
  CHECK(page.sequence == 5);
  CHECK(w.events(channel, 5).events.empty());
  CHECK(w.events(channel, 6).reset);
  CHECK(w.events(channel, 0, 100, "another").reset);
}

}  // namespace velo::actors
