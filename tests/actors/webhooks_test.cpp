// Delivery of webhooks: order, repetition, what a restart keeps, what is dropped.

#include "actors/webhooks.hpp"
#include "tests/actors/support/world.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

using namespace std::chrono_literals;
using kind = webhook_event_kind;

namespace {

/// Keeps what is posted until the test answers it.
struct fake_transport final : webhook_transport {
  struct request {
    std::size_t target = 0;
    std::string body;
    std::function<void(std::string)> done;
  };

  void post(const std::string&, std::size_t target, std::string body,
            std::function<void(std::string)> done) override {
    requests.push_back({target, std::move(body), std::move(done)});
  }

  std::vector<request> requests;
};

struct hooked : world {
  fake_transport transport;
  webhook_options settings;
  webhook_queue_actor hooks;

  hooked() {
    settings.app_id = "app";
    settings.targets = {{"http://one", {}, {}}};
  }
  ~hooked() { end(); }

  void begin() {
    hooks = system->spawn<webhook_behavior>(settings, store, std::cref(*database),
                                            std::ref(static_cast<webhook_transport&>(transport)));
    settle();
    pass(5ms);
  }
  void end() {
    if (!hooks) return;
    caf::anon_send_exit(hooks, caf::exit_reason::user_shutdown);
    hooks = nullptr;
    transport.requests.clear();
    settle();
  }
  void restart_all() {
    ask<ack>(hooks, flush{});
    end();
    restart();
    begin();
  }
  void tell(kind k, const std::string& channel, const std::string& user = {}) {
    auto e = std::make_shared<webhook_event>();
    e->kind = k;
    e->channel = channel;
    e->user_id = user;
    caf::anon_send(hooks, webhook_event_ptr{std::move(e)});
    settle();
  }
  // Answers the oldest request; gives the channels of its events.
  std::vector<std::string> answer(const std::string& why_not = {},
                                  std::size_t expected_target = 0) {
    REQUIRE_FALSE(transport.requests.empty());
    auto r = std::move(transport.requests.front());
    transport.requests.erase(transport.requests.begin());
    CHECK(r.target == expected_target);
    r.done(why_not);
    settle();
    std::vector<std::string> channels;
    const auto body = json::parse(r.body);
    for (const auto& e : body.at("events")) channels.push_back(e.at("channel"));
    return channels;
  }
  [[nodiscard]] std::size_t stored() const {
    std::size_t count = 0;
    const auto txn = database->begin_read().value();
    database->webhooks
        .for_each(txn, "app",
                  [&](storage::webhook_entry&&) {
                    ++count;
                    return true;
                  })
        .value();
    return count;
  }
};

using channels = std::vector<std::string>;

}  // namespace

TEST_CASE("an event is on disk until it was accepted", "[actors][webhooks]") {
  hooked w;
  w.begin();
  w.tell(kind::channel_occupied, "a");
  REQUIRE(w.transport.requests.size() == 1);
  CHECK(w.stored() == 1);
  CHECK(json::parse(w.transport.requests[0].body).at("time_ms").is_number());
  CHECK(w.answer() == channels{"a"});
  CHECK(w.stored() == 0);
  CHECK(w.transport.requests.empty());
}

TEST_CASE("one request is under way at a time; what happens meanwhile goes with the next",
          "[actors][webhooks]") {
  hooked w;
  w.begin();
  for (const auto* name : {"a", "b", "c"}) w.tell(kind::channel_occupied, name);
  REQUIRE(w.transport.requests.size() == 1);
  CHECK(w.answer() == channels{"a"});
  REQUIRE(w.transport.requests.size() == 1);
  CHECK(w.answer() == channels{"b", "c"});
}

TEST_CASE(
    "what is not accepted is tried again with growing pauses, the same to the byte, then "
    "given up",
    "[actors][webhooks]") {
  hooked w;
  w.settings.retry_time = 10s;
  w.begin();
  w.tell(kind::channel_occupied, "a");
  w.tell(kind::channel_occupied, "b");
  const auto body = w.transport.requests.at(0).body;
  for (const auto pause : {1s, 2s, 4s}) {
    w.answer("status 500");
    CHECK(w.transport.requests.empty());
    w.pass(pause - 100ms);
    CHECK(w.transport.requests.empty());
    w.pass(200ms);
    REQUIRE(w.transport.requests.size() == 1);
    CHECK(w.transport.requests[0].body == body);
  }
  CHECK(w.stored() == 2);
  // Eight more seconds would be more than ten in all.
  CHECK(w.answer("status 500") == channels{"a"});
  REQUIRE(w.transport.requests.size() == 1);
  CHECK(w.answer() == channels{"b"});
  CHECK(w.stored() == 0);
}

TEST_CASE("a restart loses nothing that was not accepted, and keeps the order",
          "[actors][webhooks]") {
  hooked w;
  w.begin();
  w.tell(kind::channel_occupied, "a");
  w.tell(kind::channel_occupied, "b");
  w.answer("no answer");
  w.restart_all();
  REQUIRE(w.transport.requests.size() == 1);
  CHECK(w.answer() == channels{"a", "b"});
  w.tell(kind::channel_occupied, "c");
  CHECK(w.answer() == channels{"c"});
  CHECK(w.stored() == 0);
}

TEST_CASE("a leaving that a restart interrupted is told of after it, or taken back",
          "[actors][webhooks]") {
  hooked w;
  w.begin();
  w.tell(kind::channel_vacated, "a");
  w.tell(kind::channel_vacated, "b");
  CHECK(w.transport.requests.empty());
  CHECK(w.stored() == 2);
  w.restart_all();
  w.tell(kind::channel_occupied, "a");
  CHECK(w.stored() == 1);
  w.pass(3s);
  CHECK(w.answer() == channels{"b"});
  CHECK(w.transport.requests.empty());
  CHECK(w.stored() == 0);
}

TEST_CASE("whoever was present at a crash and does not come back has left", "[actors][webhooks]") {
  hooked w;
  w.begin();
  for (const auto* name : {"presence-a", "presence-b"}) {
    w.tell(kind::channel_occupied, name);
    w.tell(kind::member_added, name, "ada");
  }
  w.tell(kind::channel_occupied, "left");
  w.tell(kind::channel_vacated, "left");
  w.pass(3s);
  while (!w.transport.requests.empty()) w.answer();
  w.restart_all();
  w.pass(3s);
  CHECK(w.transport.requests.empty());
  w.tell(kind::channel_occupied, "presence-b");
  w.tell(kind::member_added, "presence-b", "ada");
  SECTION("once the time to return is over") {
    w.pass(8s);
    REQUIRE(w.transport.requests.size() == 1);
    const auto told = json::parse(w.transport.requests[0].body).at("events");
    REQUIRE(told.size() == 2);
    CHECK(told[0].at("name") == "member_removed");
    CHECK(told[0].at("user_id") == "ada");
    CHECK(told[1].at("name") == "channel_vacated");
    CHECK(w.answer() == channels{"presence-a", "presence-a"});
    CHECK(w.stored() == 0);
    w.restart_all();
    w.pass(11s);
    // Who had come back is present still, and has left now.
    CHECK(w.answer() == channels{"presence-b", "presence-b"});
  }
  SECTION("however often the server goes down meanwhile") {
    w.restart_all();
    w.pass(11s);
    CHECK(w.answer() == channels{"presence-a", "presence-a", "presence-b", "presence-b"});
    w.restart_all();
    w.pass(11s);
    CHECK(w.transport.requests.empty());
  }
}

TEST_CASE("each webhook gets what it asked for and nothing else", "[actors][webhooks]") {
  hooked w;
  w.settings.targets = {{"http://one", {kind::channel_occupied}, {}},
                        {"http://two", {}, "presence-"}};
  w.begin();
  w.tell(kind::cache_miss, "cache-a");
  CHECK(w.transport.requests.empty());
  CHECK(w.stored() == 0);
  w.tell(kind::member_added, "presence-b", "ada");
  CHECK(w.answer("", 1) == channels{"presence-b"});
  w.tell(kind::channel_occupied, "presence-c");
  REQUIRE(w.transport.requests.size() == 2);
  CHECK(w.answer("", 0) == channels{"presence-c"});
  CHECK(w.answer("", 1) == channels{"presence-c"});
}

TEST_CASE("an event that nobody wants still takes back one that somebody does",
          "[actors][webhooks]") {
  hooked w;
  w.settings.targets = {{"http://one", {kind::channel_vacated}, {}}};
  w.begin();
  w.tell(kind::channel_vacated, "a");
  w.tell(kind::channel_occupied, "a");
  w.pass(10s);
  CHECK(w.transport.requests.empty());
  CHECK(w.stored() == 0);
}

TEST_CASE("one webhook that does not answer keeps no other waiting", "[actors][webhooks]") {
  hooked w;
  w.settings.targets = {{"http://one", {}, {}}, {"http://two", {}, {}}};
  w.begin();
  w.tell(kind::channel_occupied, "a");
  REQUIRE(w.transport.requests.size() == 2);
  w.transport.requests.erase(w.transport.requests.begin());  // never answered
  w.answer("", 1);
  w.tell(kind::channel_occupied, "b");
  CHECK(w.answer("", 1) == channels{"b"});
}

TEST_CASE("where too many wait, the oldest that is not being sent goes", "[actors][webhooks]") {
  hooked w;
  w.settings.events_max = 3;
  w.begin();
  for (const auto* name : {"a", "b", "c", "d", "e"}) w.tell(kind::channel_occupied, name);
  CHECK(w.answer() == channels{"a"});
  CHECK(w.answer() == channels{"d", "e"});
  CHECK(w.stored() == 0);
}

TEST_CASE("events for a webhook that is no longer configured are dropped", "[actors][webhooks]") {
  hooked w;
  w.begin();
  w.tell(kind::channel_occupied, "a");
  w.settings.targets = {{"http://other", {}, {}}};
  w.restart_all();
  CHECK(w.transport.requests.empty());
  w.tell(kind::channel_occupied, "b");
  CHECK(w.answer() == channels{"b"});
  CHECK(w.stored() == 0);
}

}  // namespace velo::actors
