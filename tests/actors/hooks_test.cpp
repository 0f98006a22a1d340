// Hooks under a scheduler that runs nothing by itself: what each may do, in which
// order, what happens when one fails, and that what it took away stays away.

#include "actors/hook_set.hpp"
#include "storage/environment.hpp"
#include "tests/actors/support/world.hpp"

#include <map>
#include <vector>

namespace velo::actors {

namespace {

using namespace std::chrono_literals;

/// Hooks that answer at once, and those that answer when the test says so.
struct hooked_world : world {
  explicit hooked_world(resuming resumes = resuming::no) : world({}, resumes) {}

  /// `f` answers with a hook_result.
  template <class F>
  void on(hook_event event, F f, hook_options with = {}) {
    hooks->on_async(
        event,
        [f](const hook_call_ptr& call, const std::function<void(hook_result)>& done) {
          done(f(*call));
        },
        std::move(with));
    settle();
  }

  struct asked {
    hook_call_ptr call;
    std::function<void(hook_result)> done;
  };
  std::shared_ptr<std::vector<asked>> hold(hook_event event, hook_options with = {}) {
    auto held = std::make_shared<std::vector<asked>>();
    hooks->on_async(
        event,
        [held](const hook_call_ptr& call, std::function<void(hook_result)> done) {
          held->push_back({call, std::move(done)});
        },
        std::move(with));
    settle();
    return held;
  }
  void answer(const asked& a, hook_result result = hook_verdict::proceed()) {
    a.done(std::move(result));
    settle();
  }
  storage::connection listening(const client& c, const std::string& name, std::string filter = {},
                                json options = json::object()) {
    const auto stored = subscribe(name, guest, std::move(filter), {}, std::move(options));
    REQUIRE(stored);
    listen(c, *stored);
    return *stored;
  }
  /// The matching changes after the beginning, for one who asks.
  events_page caught_up(const std::string& name, const storage::connection& of) {
    auto wanted = std::make_shared<events_request>();
    wanted->channel = *channel_id::parse(of.uuid);
    const auto answer = ask<events_answer>(find(name).actor, events_request_ptr{wanted});
    REQUIRE(answer.result);
    return *answer.result;
  }
};

hook_verdict with_field(const hook_call& call, const char* field, const json& value) {
  auto record = *call.record;
  record[field] = value;
  return hook_verdict::change(std::move(record));
}

json last_record(const client& c) {
  REQUIRE(!c.session->log.empty());
  return c.session->log.back().data.at("record");
}

}  // namespace

TEST_CASE("a hook changes what is created, updated and deleted, or refuses it", "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  w.on(hook_event::record_creating, [](const hook_call& call) -> hook_result {
    if (call.record->value("title", "") == "spam") return hook_verdict::refuse("No spam.");
    return with_field(call, "slug", "s-" + call.record->value("title", ""));
  });
  w.on(hook_event::record_updating, [](const hook_call& call) -> hook_result {
    auto record = *call.record;
    record.erase("draft");
    record["was"] = call.old_record->value("title", "");
    return hook_verdict::change(std::move(record));
  });
  w.on(hook_event::record_deleting, [](const hook_call& call) -> hook_result {
    if (call.record->value("kept", false)) return hook_verdict::refuse("It is kept.");
    return hook_verdict::proceed();
  });

  const auto made = w.create(posts, "a", {{"title", "one"}, {"draft", true}});
  REQUIRE(made);
  CHECK(made->record->at("slug") == "s-one");
  CHECK(w.record(posts, "a")->at("slug") == "s-one");
  const auto refused = w.create(posts, "b", {{"title", "spam"}});
  CHECK(refused.error().kind == failure_kind::invalid);
  CHECK(refused.error().message == "No spam.");
  CHECK(!w.record(posts, "b"));

  REQUIRE(w.update(posts, "a", {{"title", "two"}, {"kept", true}}));
  const auto now = *w.record(posts, "a");
  CHECK(now.at("was") == "one");
  CHECK(!now.contains("draft"));
  CHECK(now.at("created") == made->record->at("created"));
  CHECK(now.at("updated") > made->record->at("updated"));

  CHECK(w.remove(posts, "a").error().message == "It is kept.");
  CHECK(w.record(posts, "a"));
  REQUIRE(w.update(posts, "a", {{"kept", false}}));
  REQUIRE(w.remove(posts, "a"));
  CHECK(!w.record(posts, "a"));
}

TEST_CASE("the highest priority is asked first, and each sees what those before it made",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  const auto append = [&](const char* letter, int priority) {
    w.on(hook_event::record_creating,
         [letter](const hook_call& call) -> hook_result {
           return with_field(call, "path", call.record->value("path", "") + letter);
         },
         {.priority = priority});
  };
  append("c", 0);
  append("d", 0);
  append("a", 20);
  append("z", -5);
  append("b", 10);
  CHECK(w.create(posts, "r")->record->at("path") == "abcdz");
}

TEST_CASE("rules are asked of what a hook has made of the record; the client's fields stay his",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts", {{"guarded", {"score"}}});
  w.set_rules("posts", {{"list", ""},
                        {"create", "@request.auth.id = owner"},
                        {"update", "@request.auth.id = owner"}});
  const auto ada = claimant({{"id", "ada"}});
  bool hands_over = false;
  unsigned asked = 0;
  const auto make_owner = [&](const hook_call& call) -> hook_result {
    ++asked;
    auto record = *call.record;
    record["owner"] = hands_over ? "eve" : call.who.record_id;
    record["score"] = 7;
    return hook_verdict::change(std::move(record));
  };
  w.on(hook_event::record_creating, make_owner);
  w.on(hook_event::record_updating, make_owner);

  const auto made = w.create(posts, "a", {{"n", 1}}, ada);
  REQUIRE(made);  // The rule would have refused what the client sent.
  CHECK(made->record->at("score") == 7);
  CHECK(w.create(posts, "b", {{"score", 9}}, ada).error().errors.at(0).first == "score");
  CHECK(w.update(posts, "a", {{"score", 9}}, ada).error().errors.at(0).first == "score");
  hands_over = true;
  CHECK(w.update(posts, "a", {{"n", 2}}, ada).error().kind == failure_kind::forbidden);
  CHECK(w.record(posts, "a")->at("n") == 1);

  // Whoever may do nothing of the kind causes no call.
  asked = 0;
  w.set_rules("posts", {{"create", nullptr}, {"update", nullptr}});
  CHECK(w.create(posts, "c", {}, ada).error().kind == failure_kind::forbidden);
  CHECK(!w.update(posts, "a", {{"n", 3}}, ada));
  CHECK(w.update(posts, "none", {}, superuser).error().kind == failure_kind::not_found);
  CHECK(asked == 0);
}

TEST_CASE("a hook that throws, changes the id or answers nonsense has failed", "[actors][hooks]") {
  const auto mistake = GENERATE(0, 1, 2, 3, 4, 5);
  const auto policy = GENERATE(hook_failure_policy::closed, hook_failure_policy::open);
  hooked_world w;
  const auto posts = w.collection("posts");
  w.hooks->on_async(
      hook_event::record_creating,
      [mistake](const hook_call_ptr& call, const std::function<void(hook_result)>& done) {
        json deep = json::object();
        for (int i = 0; i < 1000; ++i) deep = json{{"d", std::move(deep)}};
        switch (mistake) {
          case 0:
            throw std::runtime_error("broken");
          case 1:
            return done(with_field(*call, "id", "other"));
          case 2:
            return done(hook_verdict::change(json::array({1})));
          case 3:
            return done(with_field(*call, "x", "\xff"));
          case 4:
            return done(with_field(*call, "x", std::move(deep)));
          default:
            done(hook_failure{"status 500"});
            done(hook_verdict::refuse("twice"));  // Only the first counts.
        }
      },
      {.on_failure = policy});
  w.settle();
  const auto made = w.create(posts, "a", {{"n", 1}});
  if (policy == hook_failure_policy::open) {
    REQUIRE(made);
    CHECK(w.record(posts, "a")->at("n") == 1);
    CHECK(!w.record(posts, "a")->contains("x"));
  } else {
    CHECK(made.error().kind == failure_kind::unavailable);
    CHECK(!w.record(posts, "a"));
  }
  // The engine is none the worse for it.
  REQUIRE(w.remove(posts, policy == hook_failure_policy::open ? "a" : "none").has_value() ==
          (policy == hook_failure_policy::open));
}

TEST_CASE("one that hangs has failed after its timeout; so have those that wait behind it",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  const auto held = w.hold(hook_event::record_creating, {.timeout = 1s});
  const auto create = [&](const std::string& id) {
    auto o = operation(write_kind::create, id);
    o.collection_id = posts;
    return w.begin_write({superuser, {std::move(o)}, false, std::nullopt});
  };
  const auto first = create("a");
  const auto second = create("b");
  w.settle();
  CHECK(held->size() == 1);  // One at a time is this hook's concurrency.
  w.pass(900ms);
  CHECK(!first.has_come());
  w.pass(200ms);
  REQUIRE(first.has_come());
  CHECK((*first)->results[0].error().kind == failure_kind::unavailable);
  CHECK((*second)->results[0].error().kind == failure_kind::unavailable);

  // It comes back, too late for the one, in time for the next.
  w.answer(held->front());
  const auto third = create("c");
  w.settle();
  REQUIRE(held->size() == 2);
  w.answer(held->back());
  CHECK((*third)->results[0]);
}

TEST_CASE("a collection's writes keep their order while hooks are asked, and hold up no other",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  const auto notes = w.collection("notes");
  const auto held = w.hold(hook_event::broadcast, {.timeout = 1h, .concurrency = 100});
  const auto listener = w.connect();
  w.listening(listener, "posts");
  const auto create = [&](const std::string& in, const std::string& id) {
    auto o = operation(write_kind::create, id);
    o.collection_id = in;
    return w.begin_write({superuser, {std::move(o)}, false, std::nullopt});
  };
  const auto a = create(posts, "a");
  w.settle();
  const auto b = create(posts, "b");
  w.settle();
  const auto other = create(notes, "n");
  w.settle();
  REQUIRE(held->size() == 3);  // All are asked about at a time.
  w.answer(held->at(2));
  CHECK(other.has_come());
  w.answer(held->at(1));
  CHECK(!b.has_come());
  // An update of what is on its way finds it.
  auto o = operation(write_kind::update, "a", {{"n", 1}});
  o.collection_id = posts;
  const auto c = w.begin_write({superuser, {std::move(o)}, false, std::nullopt});
  w.settle();
  CHECK(held->size() == 3);
  w.answer(held->at(0));
  REQUIRE(a.has_come());
  REQUIRE(b.has_come());
  CHECK((*a)->sequence == 1);
  CHECK((*b)->sequence == 2);
  REQUIRE(held->size() == 4);
  CHECK(held->at(3).call->old_record->at("id") == "a");
  CHECK(!c.has_come());
  const auto flushed = w.begin<ack>(w.store, flush{true});
  w.settle();
  CHECK(!flushed.has_come());
  w.answer(held->at(3));
  CHECK((*c)->sequence == 3);
  CHECK(flushed.has_come());
  CHECK(listener.session->story() == "succeeded created:a created:b updated:a");
}

TEST_CASE("an atomic request, and a batch, are written when hooks have spoken about all of it",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  w.on(hook_event::record_creating, [](const hook_call& call) -> hook_result {
    if (call.record->at("id") == "bad") return hook_verdict::refuse("Bad.");
    return with_field(call, "seen", true);
  });
  const auto request = [&](bool atomic, std::initializer_list<const char*> ids) {
    write_request r{superuser, {}, atomic, std::nullopt};
    for (const auto* id : ids) {
      auto o = operation(write_kind::create, id);
      o.collection_id = posts;
      r.operations.push_back(std::move(o));
    }
    return r;
  };
  auto all_or_none = w.write(request(true, {"a", "bad"}));
  CHECK(!all_or_none.results[0]);
  CHECK(!w.record(posts, "a"));
  auto some = w.write(request(false, {"b", "bad", "c", "b"}));
  CHECK(some.results[0]);
  CHECK(some.results[1].error().message == "Bad.");
  CHECK(some.results[2]->record->at("seen") == true);
  CHECK(some.results[3].error().kind == failure_kind::conflict);
  CHECK(some.sequence == 2);
}

TEST_CASE("a repeated request is answered from memory: no hook is asked again", "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  unsigned asked = 0;
  w.on(hook_event::record_creating,
       [&](const hook_call& call) -> hook_result { return with_field(call, "n", ++asked); });
  const auto send = [&] {
    auto o = operation(write_kind::create, "");
    o.collection_id = posts;
    return w.write({superuser, {std::move(o)}, false, idempotency{std::string(32, 'k'), "body"}});
  };
  const auto first = send();
  const auto again = send();
  REQUIRE(first.results[0]);
  CHECK(again.results[0]->record_id == first.results[0]->record_id);
  CHECK(again.results[0]->record->at("n") == 1);
  CHECK(asked == 1);
}

TEST_CASE("ingested changes are told to hooks, not asked about, but for their broadcast",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  std::string heard;
  w.on(hook_event::record_creating,
       [&](const hook_call&) -> hook_result { return hook_verdict::refuse("never"); });
  w.on(hook_event::broadcast, [&](const hook_call& call) -> hook_result {
    heard += "broadcast:" + call.record_id + (call.ingested ? "! " : " ");
    return hook_verdict::proceed();
  });
  w.on(hook_event::record_created, [&](const hook_call& call) -> hook_result {
    heard += "created:" + call.record_id + ':' + std::to_string(call.sequence);
    return hook_verdict::proceed();
  });
  REQUIRE(w.write(posts, ingested(rules::action::created, "a"), ingester));
  CHECK(heard == "broadcast:a! created:a:1");
}

TEST_CASE("notices come in a collection's order, and what fails there harms nobody",
          "[actors][hooks]") {
  hooked_world w;
  const auto posts = w.collection("posts");
  const auto created = w.hold(hook_event::record_created, {.timeout = 1s, .concurrency = 8});
  const auto updated = w.hold(hook_event::record_updated);
  const auto deleted = w.hold(hook_event::record_deleted);
  REQUIRE(w.create(posts, "a", {{"n", 1}}));
  REQUIRE(w.create(posts, "b"));
  REQUIRE(w.update(posts, "a", {{"n", 2}}));
  REQUIRE(w.remove(posts, "b"));
  REQUIRE(created->size() == 1);
  w.answer(created->at(0), hook_failure{"status 500"});
  REQUIRE(created->size() == 2);
  CHECK(created->at(1).call->record_id == "b");
  w.pass(2s);
  REQUIRE(updated->size() == 1);
  CHECK(updated->at(0).call->old_record->at("n") == 1);
  CHECK(updated->at(0).call->record->at("n") == 2);
  CHECK(deleted->at(0).call->sequence == 4);
}

TEST_CASE("notices for a hook that never answers are given up one timeout after the other",
          "[actors][hooks]") {
  hooked_world w;
  const auto created = w.hold(hook_event::record_created, {.timeout = 1s});
  const auto notify = [&](const std::string& collection, int number) {
    auto notice = std::make_shared<hook_call>();
    notice->event = hook_event::record_created;
    notice->collection_id = collection;
    notice->record_id = std::to_string(number);
    caf::anon_send(w.hooks->runner(), hook_call_ptr{std::move(notice)});
  };
  constexpr int in_line = 8'000;
  for (int i = 0; i < in_line; ++i) notify("posts", i);
  w.settle();
  REQUIRE(created->size() == 1);
  // Each second some more expire before their turn: more of them than may wait at a time.
  constexpr int others = 1'500;
  constexpr int seconds = 8;
  for (int second = 0; second < seconds; ++second) {
    for (int i = 0; i < others; ++i) notify(std::to_string(i), second);
    w.pass(1s);
  }
  CHECK(created->size() == 1);
  for (int i = 0; i < others; ++i) notify(std::to_string(i), seconds);
  // It comes to: of a line there is the next one to tell, not the end of it.
  w.answer(created->front());
  for (std::size_t i = 1; i < created->size() && created->back().call->collection_id != "posts";
       ++i)
    w.answer(created->at(i));
  CHECK(created->back().call->collection_id == "posts");
  CHECK(created->back().call->record_id == std::to_string(seconds));
}

// -- broadcasts ----------------------------------------------------------------------

TEST_CASE("what a broadcast hook takes away stays away, live, in replay, snapshot and catch-up",
          "[actors][hooks]") {
  const auto history = GENERATE("durable", "memory");
  hooked_world w(world::resuming::yes);
  const auto posts = w.collection("posts", {{"history", history}, {"hidden", {"password"}}});
  w.on(hook_event::broadcast, [](const hook_call& call) -> hook_result {
    CHECK(call.record->contains("password"));
    if (call.record->value("secret", false)) return hook_verdict::refuse();
    auto record = *call.record;
    record.erase("salary");
    record["password"] = "put in by the hook";
    record["by"] = "hook";
    return hook_verdict::change(std::move(record));
  });
  auto live = w.connect();
  const auto stored = w.listening(live, "posts", "", {{"transitions", true}});
  const json full{{"salary", 9}, {"password", "p"}, {"n", 1}};
  REQUIRE(w.create(posts, "a", full));
  auto secret = full;
  secret["secret"] = true;
  REQUIRE(w.create(posts, "b", secret));
  REQUIRE(w.update(posts, "a", {{"n", 2}}));
  CHECK(live.session->story() == "succeeded created:a updated:a");
  const auto check = [](const json& record) {
    CHECK(record.at("by") == "hook");
    CHECK(!record.contains("salary"));
    CHECK(!record.contains("password"));
  };
  check(last_record(live));
  // The record itself is whole.
  CHECK(w.record(posts, "a")->at("salary") == 9);
  CHECK(w.record(posts, "b")->at("salary") == 9);

  SECTION("catch-up") {
    const auto page = w.caught_up("posts", stored);
    const auto events = json::parse('[' + page.events + ']');
    REQUIRE(events.size() == 2);
    for (const auto& e : events) check(e.at("record"));
    CHECK(page.sequence == 3);
  }
  SECTION("replay") {
    auto late = w.connect();
    w.listening(late, "posts", "", {{"since", 0}});
    CHECK(late.session->story() == "succeeded created:a updated:a");
    for (std::size_t i = 1; i < late.session->log.size(); ++i)
      check(late.session->log[i].data.at("record"));
  }
  SECTION("snapshot, also after a restart without hooks") {
    if (std::string(history) == "durable") {
      w.hang_up(live);
      w.restart();
    }
    auto late = w.connect();
    w.listening(late, "posts", "", {{"snapshot", true}});
    CHECK(late.session->story() == "succeeded snapshot:a,");
    check(late.session->log.back().data.at("records").at(0));
    if (std::string(history) == "durable") {
      REQUIRE(w.update(posts, "b", {{"n", 3}}));  // No hook says anything now.
      CHECK(late.session->story() == "succeeded snapshot:a, updated:b");
      auto later = w.connect();
      w.listening(later, "posts", "", {{"snapshot", true}});
      CHECK(later.session->story() == "succeeded snapshot:a,b,");
    }
  }
}

TEST_CASE("who loses sight of a record is shown what he was shown before", "[actors][hooks]") {
  hooked_world w(world::resuming::yes);
  const auto posts = w.collection("posts");
  w.on(hook_event::broadcast, [](const hook_call& call) -> hook_result {
    if (call.record->value("mute", false)) return hook_verdict::refuse();
    auto record = *call.record;
    record.erase("salary");
    return hook_verdict::change(std::move(record));
  });
  const auto watcher = w.connect();
  w.listening(watcher, "posts", "n = 1", {{"transitions", true}});
  REQUIRE(w.create(posts, "a", {{"n", 1}, {"salary", 9}}));
  REQUIRE(w.update(posts, "a", {{"n", 2}}));
  CHECK(watcher.session->story() == "succeeded created:a left:a");
  CHECK(last_record(watcher).at("n") == 1);
  CHECK(!last_record(watcher).contains("salary"));

  REQUIRE(w.create(posts, "b", {{"n", 1}, {"salary", 9}, {"mute", true}}));
  REQUIRE(w.update(posts, "b", {{"n", 2}, {"mute", false}}));
  CHECK(last_record(watcher) == json{{"id", "b"}});

  REQUIRE(w.create(posts, "c", {{"n", 1}}));
  REQUIRE(w.remove(posts, "c"));
  CHECK(last_record(watcher).at("id") == "c");
}

TEST_CASE("a broadcast whose hook fails is suppressed, or goes on, as it says", "[actors][hooks]") {
  const auto policy = GENERATE(hook_failure_policy::closed, hook_failure_policy::open);
  hooked_world w;
  const auto posts = w.collection("posts");
  w.on(hook_event::broadcast,
       [](const hook_call&) -> hook_result { return hook_failure{"status 500"}; },
       {.on_failure = policy});
  const auto listener = w.connect();
  w.listening(listener, "posts");
  REQUIRE(w.create(posts, "a"));  // The write itself is never refused for it.
  CHECK(listener.session->story() ==
        (policy == hook_failure_policy::open ? "succeeded created:a" : "succeeded"));
}

TEST_CASE("connecting hooks add to the metadata, or refuse", "[actors][hooks]") {
  hooked_world w;
  w.on(hook_event::connecting, [](const hook_call& call) -> hook_result {
    if (call.query->value("token", "") != "good") return hook_verdict::refuse("Who are you?");
    return hook_verdict::change({{"tenant", 7}});
  });
  w.on(hook_event::connecting, [](const hook_call& call) -> hook_result {
    return hook_verdict::change({{"seen", call.metadata->at("tenant")}});
  });
  const auto connect = [&](const char* token) {
    hook_call call;
    call.event = hook_event::connecting;
    call.query = std::make_shared<const json>(json{{"token", token}});
    return w.ask<hook_outcome_ptr>(w.hooks->runner(),
                                   hook_call_ptr{std::make_shared<const hook_call>(call)});
  };
  const auto good = connect("good");
  CHECK(good->what == hook_outcome::kind::changed);
  CHECK(*good->value == json{{"tenant", 7}, {"seen", 7}});
  const auto bad = connect("bad");
  CHECK(bad->what == hook_outcome::kind::refused);
  CHECK(bad->message == "Who are you?");
}

TEST_CASE("hooks for each subscriber are asked live, in replay, snapshot and catch-up",
          "[actors][hooks]") {
  hooked_world w(world::resuming::yes);
  const auto posts = w.collection("posts", {{"hidden", {"password"}}});
  w.hooks->on_subscriber_broadcast([](const subscriber_call& call) -> hook_verdict {
    if (call.record->value("only", "") == "others") return hook_verdict::refuse();
    if (call.record->value("broken", false)) throw std::runtime_error("broken");
    auto record = *call.record;
    record["for"] = call.metadata ? call.metadata->at("tenant") : json(call.identity);
    record["password"] = "hidden after it";
    return hook_verdict::change(std::move(record));
  });
  const auto first = w.connect();
  w.hooks->keep_metadata(first.socket_id, std::make_shared<const json>(json{{"tenant", 7}}));
  const auto stored = w.listening(first, "posts");
  const auto second = w.connect();
  w.listening(second, "posts");
  REQUIRE(w.create(posts, "a"));
  REQUIRE(w.create(posts, "b", {{"only", "others"}}));
  REQUIRE(w.create(posts, "c", {{"broken", true}}));
  CHECK(first.session->story() == "succeeded created:a");
  CHECK(last_record(first).at("for") == 7);
  CHECK(last_record(second).at("for") == "");
  CHECK(!last_record(second).contains("password"));

  const auto third = w.connect();
  w.hooks->keep_metadata(third.socket_id, std::make_shared<const json>(json{{"tenant", 8}}));
  w.listening(third, "posts", "", {{"snapshot", true}});
  CHECK(third.session->story() == "succeeded snapshot:a,");
  CHECK(third.session->log.back().data.at("records").at(0).at("for") == 8);
  const auto fourth = w.connect();
  w.listening(fourth, "posts", "", {{"since", 0}});
  CHECK(fourth.session->story() == "succeeded created:a");
  CHECK(last_record(fourth).at("for") == "");
  const auto events = json::parse('[' + w.caught_up("posts", stored).events + ']');
  REQUIRE(events.size() == 1);
  CHECK(events[0].at("record").at("for") == "");
  CHECK(!events[0].at("record").contains("password"));
}

}  // namespace velo::actors
