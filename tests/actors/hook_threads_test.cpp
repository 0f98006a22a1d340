// Hooks on real threads: those that throw, and those that hang until the test
// lets them go.

#include "actors/engine.hpp"
#include "actors/hook_thread.hpp"
#include "tests/actors/support/values.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>

namespace velo::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto answer_max = 20s;
constexpr auto soon = 50ms;

struct running {
  explicit running(const std::filesystem::path& data) {
    engine_options options;
    options.apps = {"app"};
    engine = engine::start(system, data, std::move(options), nullptr).value();
    posts = (*engine->declare({{"name", "posts"}, {"rules", {{"create", ""}, {"list", ""}}}}))->id;
  }
  outcome<written> create(const std::string& id) {
    auto request = std::make_shared<write_request>();
    request->writer = superuser;
    request->operations.push_back(operation(write_kind::create, id, {{"n", 1}}));
    request->operations.back().collection_id = posts;
    caf::scoped_actor self(system);
    std::optional<outcome<written>> result;
    self->request(engine->store(), answer_max, write_request_ptr{request})
        .receive([&](const write_answer_ptr& a) { result = a->results.at(0); },
                 [](const caf::error& e) { FAIL(caf::to_string(e)); });
    return *result;
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  std::unique_ptr<actors::engine> engine;
  std::string posts;
};

/// Holds whoever waits for it until it ends.
struct gate {
  std::promise<void> promise;
  std::shared_future<void> opened{promise.get_future()};
  ~gate() {
    if (opened.wait_for(0s) != std::future_status::ready) promise.set_value();
  }
};

}  // namespace

TEST_CASE("C++ hooks run beside the engine: one that throws refuses, others change",
          "[actors][hooks]") {
  storage::temp_directory directory;
  running r(directory.data());
  r.engine->hooks().on(hook_event::record_creating, [](const hook_call& call) {
    if (call.record_id == "bad") throw std::runtime_error("broken");
    if (call.record_id == "worse") throw 5;
    auto record = *call.record;
    record["n"] = 2;
    return hook_verdict::change(std::move(record));
  });
  CHECK(r.create("a")->record->at("n") == 2);
  CHECK(r.create("bad").error().kind == failure_kind::unavailable);
  CHECK(r.create("worse").error().kind == failure_kind::unavailable);
  CHECK(r.create("b")->record->at("n") == 2);
}

TEST_CASE("one that hangs costs its timeout, and neither the engine nor its end",
          "[actors][hooks]") {
  storage::temp_directory directory;
  gate g;
  {
    running r(directory.data());
    r.engine->hooks().on(hook_event::record_creating,
                         [opened = g.opened](const hook_call& call) {
                           if (call.record_id == "hang") opened.wait();
                           return hook_verdict::proceed();
                         },
                         {.timeout = soon});
    CHECK(r.create("hang").error().kind == failure_kind::unavailable);
    CHECK(r.create("behind").error().kind == failure_kind::unavailable);
    r.engine->stop();
  }
}

TEST_CASE("a thread for hooks is waited for so long, then left alone until it is back",
          "[actors][hooks]") {
  hook_thread thread;
  gate g;
  CHECK(thread.run([] {}, answer_max));
  CHECK(!thread.run([opened = g.opened] { opened.wait(); }, soon));
  CHECK(!thread.run([] {}, answer_max));
  g.promise.set_value();
  // What is posted behind it runs when it is back.
  std::promise<void> back;
  thread.post([&back] { back.set_value(); });
  REQUIRE(back.get_future().wait_for(answer_max) == std::future_status::ready);
  CHECK(thread.run([] {}, answer_max));
}

TEST_CASE("a hook for subscribers that hangs shows nothing, or what there was", "[actors][hooks]") {
  const auto policy = GENERATE(hook_failure_policy::closed, hook_failure_policy::open);
  gate g;
  subscriber_hook_guard guard;
  const auto hooks = std::make_shared<const subscriber_hooks>(
      subscriber_hooks{{[opened = g.opened](const subscriber_call&) {
                          opened.wait();
                          return hook_verdict::proceed();
                        },
                        {.timeout = soon, .on_failure = policy}}});
  subscriber_call call;
  call.record_id = "a";
  call.record = std::make_shared<const json>(json{{"id", "a"}});
  for (int again = 0; again < 2; ++again) {
    const auto shown = guard.show(hooks, {call, call});
    REQUIRE(shown.size() == 2);
    CHECK(shown[0] == (policy == hook_failure_policy::open ? call.record : nullptr));
  }
  g.promise.set_value();
}

}  // namespace velo::actors
