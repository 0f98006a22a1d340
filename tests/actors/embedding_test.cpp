// The engine in an application: actors that subscribe, writes without a network,
// several engines in one process.

#include "actors/engine.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace velo::actors {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto patience = 20s;

// What a subscriber was told, for the test's thread to wait for.
class told {
 public:
  void add(std::string what, json payload, std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    all_.push_back({std::move(what), std::move(payload), sequence});
    come_.notify_all();
  }
  struct entry {
    std::string what;
    json payload;
    std::uint64_t sequence = 0;
  };
  entry next() {
    std::unique_lock lock(mutex_);
    if (!come_.wait_for(lock, patience, [this] { return !all_.empty(); })) {
      FAIL("nothing was told");
    }
    auto first = std::move(all_.front());
    all_.pop_front();
    return first;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return all_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable come_;
  std::deque<entry> all_;
};

class listener final : public subscriber_actor::base {
 public:
  listener(caf::actor_config& config, std::shared_ptr<told> to)
      : subscriber_actor::base(config), to_(std::move(to)) {}
  behavior_type make_behavior() override {
    return {
        [this](const subscription_event_ptr& e) { to_->add(e->name, *e->payload, e->sequence); },
        [this](const subscription_over_ptr& o) {
          to_->add("over", {{"status", o->why.status}, {"reason", o->why.reason}}, 0);
        },
    };
  }

 private:
  std::shared_ptr<told> to_;
};

struct application {
  explicit application(caf::actor_system& s, const std::filesystem::path& data)
      : system(s), engine(engine::start(s, data, {}, nullptr).value()) {}

  subscriber_actor spawn(const std::shared_ptr<told>& to) { return system.spawn<listener>(to); }
  std::string create(const std::string& collection, json fields) {
    return engine->write({.collection_id = collection, .fields = std::move(fields)})
        .value()
        .record_id;
  }
  outcome<written> update(const std::string& collection, const std::string& id, json fields) {
    return engine->write({.kind = write_kind::update,
                          .collection_id = collection,
                          .record_id = id,
                          .fields = std::move(fields)});
  }
  caf::actor_system& system;
  std::unique_ptr<actors::engine> engine;
};

void users_and_posts(application& a) {
  a.engine->declare({{"name", "users"}, {"type", "auth"}}).value();
  a.engine
      ->declare({{"name", "posts"},
                 {"rules", {{"list", "@request.auth.id = owner"}, {"create", ""}}},
                 {"hidden", {"secret"}}})
      .value();
}

identity user_of(application& a, const std::string& id) {
  const auto users = a.engine->declare({{"name", "users"}, {"type", "auth"}}).value();
  return {.kind = identity_kind::user, .collection_id = users->id, .record_id = id};
}

}  // namespace

TEST_CASE("an actor hears what its filter matches and its identity may see",
          "[actors][embedding]") {
  storage::temp_directory directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  application a(system, directory.data());
  users_and_posts(a);
  a.create("users", {{"id", "ann"}});
  const auto heard = std::make_shared<told>();
  const auto begun = a.engine->subscribe(
      a.spawn(heard),
      {.collection = "posts", .filter = "n > 1", .who = user_of(a, "ann"), .sequence = true});
  REQUIRE(begun.has_value());
  a.create("posts", {{"id", "p1"}, {"n", 2}, {"owner", "bob"}});
  a.create("posts", {{"id", "p2"}, {"n", 1}, {"owner", "ann"}});
  a.create("posts", {{"id", "p3"}, {"n", 2}, {"owner", "ann"}, {"secret", "s"}});
  const auto first = heard->next();
  CHECK(first.what == "created");
  CHECK(first.payload.at("record").at("id") == "p3");
  CHECK_FALSE(first.payload.at("record").contains("secret"));
  CHECK(first.sequence == begun->sequence + 3);
  CHECK(first.payload.at("epoch") == begun->epoch);

  REQUIRE(a.update("posts", "p3", {{"n", 5}}).has_value());
  CHECK(heard->next().what == "updated");

  // The user's end is the subscription's.
  a.engine->write({.kind = write_kind::remove, .collection_id = "users", .record_id = "ann"})
      .value();
  const auto last = heard->next();
  CHECK(last.what == "over");
  CHECK(last.payload.at("status") == 401);
}

TEST_CASE("an actor goes on where it was, or is told to reset", "[actors][embedding]") {
  storage::temp_directory directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  subscription wanted{.collection = "posts", .sequence = true};
  {
    application a(system, directory.data());
    a.engine->declare({{"name", "posts"}}).value();
    const auto heard = std::make_shared<told>();
    const auto begun = a.engine->subscribe(a.spawn(heard), wanted);
    REQUIRE(begun.has_value());
    a.create("posts", {{"id", "p1"}});
    const auto last = heard->next();
    wanted.since = last.sequence;
    wanted.epoch = last.payload.at("epoch");
    a.create("posts", {{"id", "p2"}});
    a.create("posts", {{"id", "p3"}});
  }
  application a(system, directory.data());
  const auto heard = std::make_shared<told>();
  REQUIRE(a.engine->subscribe(a.spawn(heard), wanted).has_value());
  a.create("posts", {{"id", "p4"}});
  for (const auto* id : {"p2", "p3", "p4"})
    CHECK(heard->next().payload.at("record").at("id") == id);

  wanted.epoch = "another";
  const auto lost = std::make_shared<told>();
  REQUIRE(a.engine->subscribe(a.spawn(lost), wanted).has_value());
  CHECK(lost->next().payload.at("action") == "reset");
}

TEST_CASE("a snapshot comes first, then every later change", "[actors][embedding]") {
  storage::temp_directory directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  application a(system, directory.data());
  a.engine->declare({{"name", "posts"}}).value();
  a.create("posts", {{"id", "p1"}, {"n", 1}});
  a.create("posts", {{"id", "p2"}, {"n", 2}});
  const auto heard = std::make_shared<told>();
  REQUIRE(a.engine
              ->subscribe(a.spawn(heard), {.collection = "posts",
                                           .filter = "n > 1",
                                           .fields = {"n"},
                                           .transitions = true,
                                           .snapshot = true})
              .has_value());
  // Only now: the snapshot is taken after the subscription is answered, and would show
  // a change that was faster.
  const auto snapshot = heard->next();
  CHECK(snapshot.payload.at("action") == "snapshot");
  CHECK(snapshot.payload.at("records") == json::parse(R"([{"id": "p2", "n": 2}])"));
  REQUIRE(a.update("posts", "p1", {{"n", 7}}).has_value());
  CHECK(heard->next().payload ==
        json::parse(R"({"action": "entered", "record": {"id": "p1", "n": 7}})"));
}

TEST_CASE("a subscription ends with its actor, by unsubscribe, and by the rule",
          "[actors][embedding]") {
  storage::temp_directory directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  application a(system, directory.data());
  a.engine->declare({{"name", "posts"}, {"rules", {{"list", ""}}}}).value();
  const auto stays = std::make_shared<told>();
  const auto leaves = std::make_shared<told>();
  const auto dies = std::make_shared<told>();
  REQUIRE(a.engine->subscribe(a.spawn(stays), {.collection = "posts", .who = {}}).has_value());
  const auto left = a.engine->subscribe(a.spawn(leaves), {.collection = "posts", .who = {}});
  REQUIRE(left.has_value());
  const auto mortal = a.spawn(dies);
  REQUIRE(a.engine->subscribe(mortal, {.collection = "posts", .who = {}}).has_value());
  // The end of one of its subscriptions does not hide the actor's end from the other.
  const auto second = a.engine->subscribe(mortal, {.collection = "posts", .who = {}});
  REQUIRE(second.has_value());
  a.engine->unsubscribe(second->id);
  a.engine->unsubscribe(left->id);
  a.engine->unsubscribe(left->id);
  caf::anon_send_exit(mortal, caf::exit_reason::user_shutdown);
  caf::scoped_actor self(system);
  self->wait_for(mortal);
  a.create("posts", {{"id", "p1"}});
  CHECK(stays->next().what == "created");

  // No trace of them is left in the database.
  const auto stored = [&] {
    const auto transaction = a.engine->database().begin_read().value();
    return a.engine->database().connections.list(transaction, "", 10).value().size();
  };
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (stored() > 1 && std::chrono::steady_clock::now() < deadline) a.engine->flush();
  CHECK(stored() == 1);

  a.engine->declare({{"name", "posts"}, {"rules", {{"list", nullptr}}}}).value();
  const auto over = stays->next();
  CHECK(over.what == "over");
  CHECK(over.payload.at("reason") == "rule_changed");
  CHECK(leaves->empty());
  CHECK(dies->empty());
}

TEST_CASE("what is wrong with a subscription or a write is said", "[actors][embedding]") {
  storage::temp_directory directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  application a(system, directory.data());
  a.engine->declare({{"name", "posts"}}).value();
  const auto nobody = a.spawn(std::make_shared<told>());
  const auto refused = [&](const subscription& wanted) {
    const auto answer = a.engine->subscribe(nobody, wanted);
    REQUIRE_FALSE(answer.has_value());
    return answer.error();
  };
  CHECK(refused({.collection = "none"}).errors.at(0).first == "collection");
  CHECK(refused({.collection = "posts", .filter = "n >"}).errors.at(0).first == "filter");
  CHECK(refused({.collection = "posts", .events = {"made"}}).errors.at(0).first == "events");
  CHECK(refused({.collection = "posts", .snapshot = true, .since = 1}).errors.at(0).first ==
        "since");
  CHECK(refused({.collection = "posts", .who = {}}).kind == failure_kind::unauthenticated);
  CHECK(a.engine->write({.collection_id = "none"}).error().errors.at(0).first == "collection");
  CHECK(a.engine->write({.collection_id = "posts"}, {}).error().kind ==
        failure_kind::unauthenticated);
  a.engine->stop();
  CHECK(refused({.collection = "posts"}).kind == failure_kind::unavailable);
  CHECK(a.engine->write({.collection_id = "posts"}).error().kind == failure_kind::unavailable);
  a.engine->unsubscribe({});
}

TEST_CASE("two engines of one process share nothing", "[actors][embedding]") {
  storage::temp_directory one_directory;
  storage::temp_directory other_directory;
  caf::actor_system_config config;
  caf::actor_system system(config);
  application one(system, one_directory.data());
  application other(system, other_directory.data());
  const auto at_one = std::make_shared<told>();
  const auto at_other = std::make_shared<told>();
  for (auto* a : {&one, &other}) a->engine->declare({{"name", "posts"}}).value();
  REQUIRE(one.engine->subscribe(one.spawn(at_one), {.collection = "posts"}).has_value());
  REQUIRE(other.engine->subscribe(other.spawn(at_other), {.collection = "posts"}).has_value());
  one.create("posts", {{"id", "p1"}});
  other.create("posts", {{"id", "q1"}});
  CHECK(at_one->next().payload.at("record").at("id") == "p1");
  CHECK(at_other->next().payload.at("record").at("id") == "q1");
  one.engine->stop();
  other.create("posts", {{"id", "q2"}});
  CHECK(at_other->next().payload.at("record").at("id") == "q2");
  CHECK(at_one->empty());
}

}  // namespace velo::actors
