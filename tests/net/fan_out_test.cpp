// The way of an event from the loop's attachments to many sockets: what it costs
// is counted, not timed.

#include "actors/loop.hpp"
#include "net/send_batch.hpp"
#include "tests/net/allocation_counter.hpp"
#include "tests/net/websocket_fixture.hpp"
#include "tests/support/catch.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

using namespace velo::net;
using namespace velo::net::test;
using velo::actors::attachment_id;
using velo::actors::attachments;
using velo::actors::fan_out;

namespace {

constexpr std::size_t record_bytes = 200;

/// Sockets that all listen on channels of their own.
struct audience {
  explicit audience(std::size_t count) {
    server.settings.outbox.frames_max = 100'000;
    server.settings.outbox.bytes_max = 64U << 20U;
    for (std::size_t i = 0; i < count; ++i) clients.push_back(server.connect());
    server.on_loop([&] {
      const auto channel = *velo::actors::channel_id::parse(channel_uuid);
      sessions = server.sessions();
      for (const auto& session : sessions)
        targets.push_back(attached.add(*session, channel, targets.size() % 2 == 1));
    });
  }

  [[nodiscard]] fan_out message(int number, std::size_t padding = record_bytes) const {
    return {std::make_shared<const velo::actors::event>(numbered_event(number, padding)), targets,
            0, nullptr};
  }

  /// Events `from` to `to` to all, in one turn of the loop.
  void fan_out_in_one_turn(int from, int to, std::size_t padding = record_bytes) {
    server.on_loop([&] {
      for (int n = from; n < to; ++n) attached.deliver(message(n, padding));
    });
  }

  void require_received(std::size_t client, int from, int to) {
    for (int n = from; n < to; ++n) {
      const auto frame = clients[client].read_json();
      REQUIRE(number_of(frame) == n);
      const auto* prefix = client % 2 == 1 ? "private-velo.realtime." : "velo.realtime.";
      REQUIRE(frame["channel"] == prefix + std::string(channel_uuid));
    }
  }
  void require_all_received(int from, int to) {
    for (std::size_t i = 0; i < clients.size(); ++i) require_received(i, from, to);
  }

  /// By the loop, up to the end of the turn under way.
  std::uint64_t counted(counter socket_counters::*which) {
    std::uint64_t value = 0;
    server.on_loop([&] { value = (server.loop.counters().*which).value(); });
    return value;
  }

  websocket_server server;
  attachments attached{std::string(channel_prefix)};
  std::vector<raw_client> clients;
  std::vector<std::shared_ptr<velo::actors::session>> sessions;
  std::vector<attachment_id> targets;
};

}  // namespace

TEST_CASE("the events of one turn reach a socket in one system call at most", "[net][fan_out]") {
  constexpr std::size_t count = 40;
  constexpr int events = 64;
  audience all(count);
  const auto sends = all.counted(&socket_counters::sends);
  const auto deliveries = all.counted(&socket_counters::deliveries);
  all.fan_out_in_one_turn(0, events);
  all.require_all_received(0, events);
  REQUIRE(all.counted(&socket_counters::deliveries) - deliveries == count * events);
  const auto calls = all.counted(&socket_counters::sends) - sends;
  if (all.server.shares_sends) {
    // By their bytes, two sockets at least fit into each call.
    REQUIRE(calls <= count / 2);
  } else {
    REQUIRE(calls == count);
  }
}

TEST_CASE("a turn with one event costs one system call for a batch of sockets", "[net][fan_out]") {
  constexpr std::size_t count = 2 * send_batch::sends_max + 2;
  audience all(count);
  const auto sends = all.counted(&socket_counters::sends);
  for (int n = 0; n < 20; ++n) {
    all.fan_out_in_one_turn(n, n + 1);
    all.require_all_received(n, n + 1);
  }
  const std::size_t calls = all.server.shares_sends ? 3 : count;
  REQUIRE(all.counted(&socket_counters::sends) - sends == 20 * calls);
}

TEST_CASE("what a fan-out allocates does not depend on how many hear of it", "[net][fan_out]") {
  const auto allocations = [](std::size_t sockets) {
    audience all(sockets);
    constexpr int warm_up = 20;
    constexpr int measured = 100;
    constexpr int per_turn = 4;
    int n = 0;
    const auto turn = [&] {
      std::vector<fan_out> messages;
      messages.reserve(per_turn);
      for (int i = 0; i < per_turn; ++i) messages.push_back(all.message(n++));
      std::uint64_t before = 0;
      std::uint64_t after = 0;
      all.server.on_loop([&] {
        before = allocations_of_this_thread();
        for (const auto& m : messages) all.attached.deliver(m);
      });
      // Behind the end of that turn.
      all.server.on_loop([&] { after = allocations_of_this_thread(); });
      all.require_all_received(n - per_turn, n);
      return after - before;
    };
    for (int i = 0; i < warm_up; ++i) turn();
    std::uint64_t sum = 0;
    for (int i = 0; i < measured; ++i) sum += turn();
    return sum;
  };
  const auto few = allocations(4);
  const auto many = allocations(64);
  CHECK(few == many);
}

TEST_CASE("a large event is sent without a copy for each socket", "[net][fan_out]") {
  constexpr std::size_t large = 300'000;
  audience all(20);
  std::weak_ptr<const velo::actors::event> what;
  std::uint64_t held = 0;
  all.server.on_loop([&] {
    auto m = all.message(1, large);
    what = m.what;
    all.attached.deliver(m);
  });
  all.server.on_loop([&] { held = all.server.loop.buffers().idle_bytes(); });
  REQUIRE(held < large);
  all.fan_out_in_one_turn(2, 3);
  all.require_all_received(1, 3);
  // The last socket has let go of it.
  all.server.on_loop([&] { REQUIRE(what.expired()); });
}

TEST_CASE("large and small events keep their order", "[net][fan_out]") {
  audience all(3);
  all.server.on_loop([&] {
    for (int n = 0; n < 30; ++n) {
      all.attached.deliver(all.message(n, n % 3 == 1 ? 20'000U : record_bytes));
      if (n % 7 == 0) all.sessions[0]->subscription_succeeded("between");
    }
  });
  for (int n = 0; n < 30; ++n) {
    REQUIRE(number_of(all.clients[0].read_json()) == n);
    if (n % 7 == 0) REQUIRE(all.clients[0].read_json()["channel"] == "between");
  }
  all.require_received(1, 0, 30);
  all.require_received(2, 0, 30);
}

TEST_CASE("more deliveries than a turn holds are sent before it ends", "[net][fan_out]") {
  audience all(2);
  constexpr int events = 40'000;
  constexpr int at_once = 5000;
  for (int from = 0; from < events; from += at_once) {
    all.fan_out_in_one_turn(from, from + at_once, 10);
    all.require_all_received(from, from + at_once);
  }
  // One turn alone holds fewer than these.
  all.server.on_loop([&] {
    for (int n = 0; n < events; ++n) all.attached.deliver(all.message(n, 10));
  });
  all.require_all_received(0, events);
}

TEST_CASE("a slow reader gets every event once and in order, others are not held up",
          "[net][fan_out]") {
  audience all(2);
  websocket_server::options how;
  how.send_buffer = 1;  // the kernel's minimum
  // Less than what is sent; with the least of all, TCP itself waits 200 ms for each step.
  how.receive_buffer = 100'000;
  auto slow = all.server.connect(how);
  std::shared_ptr<velo::actors::session> session;
  all.server.on_loop([&] {
    session = all.server.sessions().back();
    all.targets.push_back(
        all.attached.add(*session, *velo::actors::channel_id::parse(channel_uuid), false));
  });
  constexpr int events = 2000;
  for (int n = 0; n < events; n += 20) {
    all.fan_out_in_one_turn(n, n + 20, n % 400 == 0 ? 6000 : record_bytes);
    all.require_all_received(n, n + 20);
  }
  slow.send(opcode::ping, "behind all of it");
  std::string head;
  for (int n = 0; n < events; ++n) {
    head = slow.read_bytes(1);
    head += slow.read_bytes(1);
    REQUIRE(static_cast<unsigned char>(head[0]) == 0x81);
    REQUIRE(static_cast<unsigned char>(head[1]) == 126);
    const auto high = static_cast<unsigned char>(slow.read_bytes(1)[0]);
    const auto length = high * 256U + static_cast<unsigned char>(slow.read_bytes(1)[0]);
    std::string text;
    while (text.size() < length) text += slow.read_bytes(1);
    REQUIRE(number_of(nlohmann::json::parse(text)) == n);
  }
  REQUIRE(slow.read().payload == "behind all of it");
}

TEST_CASE("a close in the middle of a turn lets pass what came before it", "[net][fan_out]") {
  audience all(2);
  all.server.on_loop([&] {
    all.attached.deliver(all.message(0));
    all.sessions[0]->close(4200, "moved");
    all.attached.deliver(all.message(1));
  });
  all.require_received(0, 0, 1);
  REQUIRE(all.clients[0].read_json()["data"]["code"] == 4200);
  REQUIRE(all.clients[0].read().code() == 4200);
  all.require_received(1, 0, 2);
}

TEST_CASE("thousands of sockets that die in the middle of a fan-out harm nobody else",
          "[net][fan_out]") {
  constexpr std::size_t at_a_time = 250;
  constexpr std::size_t rounds = 10;
  constexpr int events = 8;
  for (std::size_t round = 0; round < rounds; ++round) {
    audience all(at_a_time);
    for (int n = 0; n < events; ++n) {
      all.server.on_loop([&] {
        all.attached.deliver(all.message(n));
        // Dead when their frames are sent, or found dead by reading.
        for (std::size_t i = 0; n == 3 && i < at_a_time; ++i)
          if (i % 5 != 0) all.clients[i].abort();
        all.attached.deliver(all.message(n + events));
      });
    }
    for (std::size_t i = 0; i < at_a_time; i += 5) {
      for (int n = 0; n < events; ++n) {
        REQUIRE(number_of(all.clients[i].read_json()) == n);
        REQUIRE(number_of(all.clients[i].read_json()) == n + events);
      }
    }
    REQUIRE(all.server.log.wait_for(at_a_time * 4 / 5).size() == at_a_time * 4 / 5);
  }
}
