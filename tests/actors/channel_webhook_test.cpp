#include "tests/actors/support/channel_world.hpp"

namespace velo::actors {

TEST_CASE("an app hears what happens on its channels, in order", "[actors][channel][webhook]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join_as(a, "presence-x", "ada");
  CHECK(w.hooks() == "channel_occupied:presence-x member_added:presence-x:ada");
  w.join_as(b, "presence-x", "ada");
  CHECK(w.hooks().empty());
  w.whisper(a, "presence-x", "data", "client-hi");
  REQUIRE(w.heard().size() == 1);
  CHECK(w.heard()[0].event == "client-hi");
  CHECK(w.heard()[0].data == "data");
  CHECK(w.heard()[0].socket_id == a.socket_id);
  CHECK(w.heard()[0].time_ms > 0);
  CHECK(w.hooks() == "client_event:presence-x:ada");
  w.hang_up(a);
  CHECK(w.hooks().empty());
  w.hang_up(b);
  CHECK(w.hooks() == "member_removed:presence-x:ada channel_vacated:presence-x");
}

TEST_CASE("a cache miss is told once until there is an event", "[actors][channel][webhook]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join(a, "cache-c");
  w.join(b, "cache-c");
  CHECK(w.hooks() == "channel_occupied:cache-c cache_miss:cache-c");
  w.publish("cache-c", "1");
  w.leave(b, "cache-c");
  w.pass(std::chrono::minutes{31});
  w.join(b, "cache-c");
  CHECK(w.hooks() == "cache_miss:cache-c");
}

TEST_CASE("counts are told to the app as to the subscribers", "[actors][channel][webhook]") {
  channel_world w({}, true);
  auto a = w.connect();
  w.join(a, "news");
  CHECK(w.hooks() == "channel_occupied:news subscription_count:news:1");
}

TEST_CASE("an app without webhooks hears nothing", "[actors][channel][webhook]") {
  channel_world w;
  auto a = w.connect("other");
  w.join_as(a, "presence-x", "ada");
  w.hang_up(a);
  CHECK(w.hooks().empty());
}

}  // namespace velo::actors
