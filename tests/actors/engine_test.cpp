// The whole engine on real threads, with a socket's loop run by the test.

#include "actors/engine.hpp"
#include "actors/connection.hpp"
#include "tests/actors/support/fakes.hpp"
#include "tests/actors/support/values.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <atomic>
#include <set>

namespace velo::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_max = 20s;

engine_options default_options() {
  engine_options o;
  o.apps = {"app"};
  return o;
}

struct running {
  explicit running(const std::filesystem::path& data, engine_options options = default_options())
      : system(config), engine(engine::start(system, data, std::move(options), nullptr).value()) {}

  template <class Answer, class Handle, class Message>
  Answer ask(const Handle& to, Message message) {
    caf::scoped_actor self(system);
    std::optional<Answer> answer;
    self->request(to, answer_max, std::move(message))
        .receive([&](const Answer& a) { answer = a; },
                 [](const caf::error& e) { FAIL(caf::to_string(e)); });
    return *answer;
  }
  std::string collection(json fields) {
    fields["rules"] = {{"list", ""}, {"view", ""}, {"create", ""}, {"update", ""}, {"delete", ""}};
    return (*engine->declare(fields))->id;
  }
  collection_handle find(const std::string& name) {
    return ask<collection_handle>(engine->registry(), name);
  }
  write_answer write(write_request request) {
    return *ask<write_answer_ptr>(
        engine->store(),
        write_request_ptr{std::make_shared<const write_request>(std::move(request))});
  }

  caf::actor_system_config config;
  caf::actor_system system;
  std::unique_ptr<actors::engine> engine;
};

write_request create_in(const std::string& collection_id, std::string id) {
  auto o = operation(write_kind::create, std::move(id));
  o.collection_id = collection_id;
  return {superuser, {std::move(o)}, false, std::nullopt};
}

}  // namespace

TEST_CASE("many concurrent writers are all answered, each with a sequence of its own",
          "[actors][engine]") {
  storage::temp_directory directory;
  running r(directory.data());
  const auto posts = r.collection({{"name", "posts"}});
  constexpr int writers = 200;
  const auto answers = std::make_shared<std::atomic<int>>(0);
  const auto sequences = std::make_shared<std::array<std::atomic<std::uint64_t>, writers>>();
  for (int i = 0; i < writers; ++i) {
    auto message = write_request_ptr{
        std::make_shared<const write_request>(create_in(posts, "r" + std::to_string(i)))};
    r.system.spawn([=, store = r.engine->store()](caf::event_based_actor* self) {
      self->request(store, caf::infinite, message).then([=](const write_answer_ptr& a) {
        (*sequences)[i] = a->sequence;
        ++*answers;
      });
    });
  }
  r.system.await_actors_before_shutdown(true);
  // Each answer comes; the test's own limit of time bounds the wait.
  const auto deadline = std::chrono::steady_clock::now() + answer_max;
  while (*answers < writers && std::chrono::steady_clock::now() < deadline) r.engine->flush();
  REQUIRE(*answers == writers);
  std::set<std::uint64_t> distinct(sequences->begin(), sequences->end());
  CHECK(distinct.size() == writers);
  CHECK(*distinct.rbegin() == writers);
}

TEST_CASE("what was acknowledged is there after a restart, the connection goes on",
          "[actors][engine]") {
  storage::temp_directory directory;
  std::string posts;
  storage::connection stored;
  const auto repeatable = [&] {
    auto request = create_in(posts, "");
    request.repeat = idempotency{std::string(32, 'k'), "body"};
    return request;
  };
  std::string first_id;
  {
    running r(directory.data());
    posts = r.collection({{"name", "posts"}});
    CHECK(r.write(create_in(posts, "r1")).results.at(0));
    first_id = r.write(repeatable()).results.at(0)->record_id;
    const auto wanted = std::make_shared<const subscribe_request>(
        subscribe_request{guest, "app", {}, "n > 1", json::object()});
    stored = *r.ask<subscribe_answer>(r.find("posts").actor, subscribe_request_ptr{wanted}).result;
  }
  running r(directory.data());
  CHECK(r.find("posts").definition->id == posts);
  CHECK(r.write(create_in(posts, "r1")).results.at(0).error().kind == failure_kind::conflict);
  CHECK(r.write(repeatable()).results.at(0)->record_id == first_id);

  manual_loop loop(r.system);
  attachments attached("velo.realtime.");
  auto answers = r.system.spawn<loop_behavior>(std::ref(loop), std::ref(attached));
  connection_context context{
      loop, 0, attached, answers, r.engine->registry(), r.engine->database(), "velo.realtime.",
      1000, {}};
  auto client = std::make_shared<fake_session>();
  auto connection = spawn_connection(context, client, "app", "1.1");
  caf::anon_send(connection, client_subscribe{"velo.realtime." + stored.uuid});
  REQUIRE(loop.run_until([&] { return !client->log.empty(); }));
  for (const int n : {1, 2}) {
    auto request = create_in(posts, "n" + std::to_string(n));
    request.operations[0].fields["n"] = n;
    CHECK(r.write(std::move(request)).results.at(0));
  }
  REQUIRE(loop.run_until([&] { return client->log.size() >= 2; }));
  CHECK(client->story() == "succeeded created:n2");

  caf::anon_send(connection, session_closed{});
  caf::anon_send_exit(answers, caf::exit_reason::user_shutdown);
  REQUIRE(loop.run_until([&] { return attached.size() == 0; }));
  connection = nullptr;
  answers = nullptr;
  context.answers = nullptr;
  context.registry = nullptr;
  loop.run_all();
  r.engine->stop();
}

TEST_CASE("an engine that was stopped answers that it was", "[actors][engine]") {
  storage::temp_directory directory;
  running r(directory.data());
  r.collection({{"name", "posts"}});
  r.engine->stop();
  r.engine->stop();
  CHECK(r.engine->declare({{"name", "other"}}).error().kind == failure_kind::unavailable);
  r.engine->flush();
}

TEST_CASE("a declaration of odd types is refused", "[actors][engine]") {
  storage::temp_directory directory;
  running r(directory.data());
  for (const json& odd : {json{{"name", 7}}, json::object(), json::array(), json("x"), json()}) {
    CAPTURE(odd.dump());
    CHECK(r.engine->declare(odd).error().kind == failure_kind::invalid);
  }
}

TEST_CASE("a directory in use is not opened twice", "[actors][engine]") {
  storage::temp_directory directory;
  running r(directory.data());
  const auto second = engine::start(r.system, directory.data(), default_options(), nullptr);
  REQUIRE(second.has_error());
  CHECK(second.error() == storage::errc::locked_by_other_process);
}

TEST_CASE("stale connections go, by the engine's own clock", "[actors][engine]") {
  storage::temp_directory directory;
  auto options = default_options();
  options.stale_after = 100ms;
  running r(directory.data(), options);
  r.collection({{"name", "posts"}});
  const auto wanted = std::make_shared<const subscribe_request>(
      subscribe_request{guest, "app", {}, {}, json::object()});
  const auto stored =
      *r.ask<subscribe_answer>(r.find("posts").actor, subscribe_request_ptr{wanted}).result;
  const auto is_there = [&] {
    const auto transaction = r.engine->database().begin_read().value();
    return r.engine->database().connections.get(transaction, stored.uuid).value().has_value();
  };
  const auto deadline = std::chrono::steady_clock::now() + answer_max;
  while (is_there() && std::chrono::steady_clock::now() < deadline) r.engine->flush();
  CHECK_FALSE(is_there());
}

}  // namespace velo::actors
