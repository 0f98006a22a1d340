// How many messages a change costs: one for each I/O thread, however many hear of it.

#include "actors/stages.hpp"
#include "tests/actors/support/world.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace velo::actors {

namespace {

struct io_thread {
  io_thread(world& w, stage_clock& stages)
      : loop(*w.system),
        attached("velo.realtime."),
        actor(w.system->spawn<loop_behavior>(std::ref(loop), std::ref(attached), &stages)) {}
  ~io_thread() {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    loop.run_all();
  }

  manual_loop loop;
  attachments attached;
  std::vector<std::unique_ptr<fake_session>> sessions;
  loop_actor actor;
};

std::uint64_t count(const duration_histogram& h) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < duration_histogram::bucket_count; ++i) sum += h.bucket(i);
  return sum;
}

}  // namespace

TEST_CASE("a change is one message for each thread with a subscriber", "[actors][fan_out]") {
  stage_clock stages;
  stages.turn_on();
  engine_options options;
  options.stages = &stages;
  world w(options);
  const auto posts = w.collection("posts");
  const auto collection = w.find("posts").actor;
  std::array<std::unique_ptr<io_thread>, 3> threads;
  for (auto& t : threads) t = std::make_unique<io_thread>(w, stages);
  const auto settle = [&] {
    for (std::size_t ran = 1; ran > 0;) {
      w.settle();
      ran = 0;
      for (auto& t : threads) ran += t->loop.run_all();
    }
  };

  constexpr std::size_t sessions = 40;
  for (std::size_t i = 0; i < sessions; ++i) {
    const auto stored = w.subscribe("posts");
    REQUIRE(stored);
    // The third thread has nobody.
    const auto index = static_cast<std::uint32_t>(i % 2);
    auto& thread = *threads[index];
    auto& session = *thread.sessions.emplace_back(std::make_unique<fake_session>());
    attach_request request;
    request.channel = *channel_id::parse(stored->uuid);
    request.app_id = stored->app_id;
    request.is_private = !stored->is_public;
    request.socket_id = "1." + std::to_string(i);
    request.attachment = thread.attached.add(session, request.channel, request.is_private);
    request.loop = index;
    request.answer_to = thread.actor;
    caf::anon_send(collection, std::make_shared<const attach_request>(std::move(request)));
  }
  settle();

  constexpr std::uint64_t changes = 5;
  for (std::uint64_t n = 0; n < changes; ++n) w.create(posts, "r" + std::to_string(n));
  settle();
  for (std::size_t i = 0; i < 2; ++i) {
    for (const auto& session : threads[i]->sessions)
      CHECK(session->story() == "succeeded created:r0 created:r1 created:r2 created:r3 created:r4");
  }
  CHECK(count(stages.of(stage::hand_over)) == 2 * changes);
  CHECK(count(stages.of(stage::match)) == changes);
  CHECK(count(stages.of(stage::write)) == 2 * changes);
}

TEST_CASE("nobody looks at the clock where stages are not measured", "[actors][fan_out]") {
  stage_clock off;
  CHECK(off.now() == 0);
  CHECK(off.end(stage::parse, 1) == 0);
  CHECK(count(off.of(stage::parse)) == 0);
  off.turn_on();
  CHECK(off.now() > 0);
  CHECK(off.end(stage::parse, 0) == 0);
  CHECK(count(off.of(stage::parse)) == 0);
  CHECK(off.end(stage::parse, off.now()) > 0);
  CHECK(count(off.of(stage::parse)) == 1);
}

TEST_CASE("durations fall into powers of two of a microsecond", "[actors][fan_out]") {
  using namespace std::chrono_literals;
  const auto [duration, bucket] = GENERATE(table<std::chrono::nanoseconds, std::size_t>({
      {-5ns, 0},
      {0ns, 0},
      {999ns, 0},
      {1us, 1},
      {1999ns, 1},
      {2us, 2},
      {1ms, 10},
      {1s, 20},
      {3600s, duration_histogram::bucket_count - 1},
  }));
  duration_histogram h;
  h.record(duration);
  CHECK(h.bucket(bucket) == 1);
  CHECK(h.sum() == std::max(duration, std::chrono::nanoseconds(0)));
}

}  // namespace velo::actors
