// What waits for an outside server: order, batches, bounds; and what a call says.

#include "net/driver_lanes.hpp"
#include "actors/event_body.hpp"
#include "net/outside_driver.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <random>
#include <set>

namespace velo::net {

namespace {

using nlohmann::json;

outgoing_event named(std::string name, std::string data = "{}") {
  outgoing_event e;
  e.name = std::move(name);
  e.data = actors::escape_json(data);
  return e;
}

std::vector<std::string> channels(std::size_t count, const std::string& stem = "c") {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(stem + std::to_string(i));
  return out;
}

}  // namespace

TEST_CASE("a quiet driver sends an event to all its channels in one call", "[net][driver]") {
  driver_lanes lanes({});
  CHECK(lanes.add(named("created"), channels(60)) == 0);
  const auto call = lanes.next();
  REQUIRE(call);
  CHECK(call->is_one_event());
  CHECK(call->deliveries() == 60);
  CHECK_FALSE(lanes.next());
  CHECK(lanes.oldest_unsettled() == 1);
  lanes.done(*call);
  CHECK(lanes.oldest_unsettled() == lanes.last() + 1);
  CHECK(lanes.events() == 0);
  CHECK(lanes.bytes() == 0);
}

TEST_CASE("no call has more than 100 channels, and all are told", "[net][driver]") {
  driver_lanes lanes({.lanes = 3});
  lanes.add(named("created"), channels(1234));
  std::set<std::string> told;
  std::size_t calls = 0;
  while (auto call = lanes.next()) {
    ++calls;
    CHECK(call->is_one_event());
    CHECK(call->deliveries() <= 100);
    for (const auto& part : call->parts) told.insert(part.channels.begin(), part.channels.end());
    lanes.done(*call);
  }
  CHECK(told.size() == 1234);
  CHECK(calls <= 13 + 3);
}

TEST_CASE("what waits in a lane goes as a batch of at most 10", "[net][driver]") {
  driver_lanes lanes({.lanes = 1});
  lanes.add(named("first"), {"a"});
  const auto first = lanes.next();
  for (int i = 0; i < 12; ++i) lanes.add(named("e" + std::to_string(i)), {"a"});
  CHECK_FALSE(lanes.next());
  lanes.done(*first);
  const auto second = lanes.next();
  REQUIRE(second);
  CHECK_FALSE(second->is_one_event());
  CHECK(second->deliveries() == 10);
  CHECK(second->parts.front().event->name == "e0");
  lanes.done(*second);
  CHECK(lanes.next()->deliveries() == 2);
}

TEST_CASE("a channel's events keep their order whatever is tried how often", "[net][driver]") {
  const auto seed = GENERATE(range(1U, 30U));
  std::mt19937 random(seed);
  driver_lanes lanes({.lanes = 1 + seed % 7});
  std::map<std::string, std::uint64_t> heard;
  std::vector<outgoing_call> under_way;
  std::set<std::string> busy;
  std::size_t sent = 0;
  std::size_t told = 0;
  for (int step = 0; step < 2000 || lanes.events() > 0; ++step) {
    REQUIRE(step < 100'000);
    if (step < 2000 && random() % 2 == 0) {
      std::set<std::string> some;
      for (auto n = 1 + random() % (random() % 20 == 0 ? 150 : 5); n > 0; --n)
        some.insert("c" + std::to_string(random() % 200));
      sent += some.size();
      lanes.add(named("e"), {some.begin(), some.end()});
    }
    if (auto call = lanes.next()) {
      for (const auto& part : call->parts) {
        for (const auto& channel : part.channels) {
          // Not while an earlier call with this channel is under way.
          bool elsewhere = false;
          for (const auto& other : under_way)
            for (const auto& p : other.parts)
              elsewhere = elsewhere || std::count(p.channels.begin(), p.channels.end(), channel);
          CHECK_FALSE(elsewhere);
          auto& last = heard[channel];
          CHECK(part.event->number > last);
          last = part.event->number;
          ++told;
        }
      }
      under_way.push_back(std::move(*call));
    }
    if (!under_way.empty() && random() % 3 == 0) {
      const auto at = under_way.begin() + static_cast<std::ptrdiff_t>(random() % under_way.size());
      lanes.done(*at);
      under_way.erase(at);
    }
  }
  CHECK(told == sent);
  CHECK(lanes.bytes() == 0);
}

TEST_CASE("a full queue drops the oldest that waits, or the newest", "[net][driver]") {
  const bool oldest = GENERATE(true, false);
  driver_lanes lanes({.lanes = 1, .events_max = 3, .drop_oldest = oldest});
  CHECK(lanes.add(named("e0"), {"a"}) == 0);
  const auto under_way = lanes.next();
  CHECK(lanes.add(named("e1"), {"a"}) == 0);
  CHECK(lanes.add(named("e2"), {"a"}) == 0);
  CHECK(lanes.add(named("e3"), {"a"}) == 1);
  CHECK(lanes.events() == 3);
  lanes.done(*under_way);
  const auto rest = lanes.next();
  REQUIRE(rest);
  std::string names;
  for (const auto& part : rest->parts) names += part.event->name;
  CHECK(names == (oldest ? "e2e3" : "e1e2"));
  lanes.done(*rest);
  CHECK(lanes.events() == 0);
  CHECK(lanes.bytes() == 0);
}

TEST_CASE("the queue is bounded by bytes, too", "[net][driver]") {
  driver_lanes lanes({.lanes = 2, .bytes_max = 10'000});
  std::size_t dropped = 0;
  for (int i = 0; i < 100; ++i) dropped += lanes.add(named("e", std::string(900, 'x')), {"a", "b"});
  CHECK(dropped > 150);
  CHECK(dropped + lanes.events() == 200);
  CHECK(lanes.bytes() <= 10'000);
  // What can never fit does not empty the queue.
  const auto before = lanes.events();
  CHECK(lanes.add(named("e", std::string(20'000, 'x')), {"a"}) == 1);
  CHECK(lanes.events() == before);
}

TEST_CASE("a call's body is what the Pusher API reads", "[net][driver]") {
  driver_lanes lanes({.lanes = 1});
  auto e = named("created", R"({"action":"created","record":{"id":"r","text":"\"\\ü"}})");
  e.socket_id = "1.2";
  lanes.add(std::move(e), {"a", "b"});
  const auto one = lanes.next();
  const auto body = json::parse(body_of(*one));
  CHECK(body.at("name") == "created");
  CHECK(body.at("channels") == json{"a", "b"});
  CHECK(body.at("socket_id") == "1.2");
  CHECK(json::parse(body.at("data").get<std::string>()).at("record").at("text") == "\"\\ü");

  lanes.add(named("x"), {"a"});
  lanes.add(named("y"), {"b"});
  lanes.done(*one);
  const auto batch = json::parse(body_of(*lanes.next())).at("batch");
  REQUIRE(batch.size() == 2);
  CHECK(batch[0].at("channel") == "a");
  CHECK(batch[1].at("name") == "y");
  CHECK_FALSE(batch[0].contains("socket_id"));
}

TEST_CASE("a payload over the limit becomes its id", "[net][driver]") {
  const auto text =
      json{{"action", "updated"}, {"record", {{"id", "r1"}, {"x", std::string(200, '"')}}}}.dump();
  const auto escaped = actors::escape_json(text);
  REQUIRE(escaped.size() > text.size());
  // The payload counts as it is, not as it is escaped.
  CHECK(within_limit(escaped, text.size()) == escaped);
  const auto thin = within_limit(escaped, text.size() - 1);
  CHECK(actors::payload({"updated", thin, 0}) ==
        R"({"action":"updated","record":{"id":"r1"},"truncated":true})");
}

}  // namespace velo::net
