#include "actors/webhook_order.hpp"
#include "actors/webhook_text.hpp"
#include "tests/support/catch.hpp"

#include <string>

namespace velo::actors {

using namespace std::chrono_literals;
using kind = webhook_event_kind;

namespace {

struct fixture {
  webhook_order order{3s};
  webhook_order::time_point now;
  std::uint64_t number = 0;

  void tell(kind k, const std::string& channel, const std::string& user = {}) {
    webhook_event e;
    e.kind = k;
    e.channel = channel;
    e.user_id = user;
    if (!order.take_back(e))
      order.add(std::make_shared<const webhook_event>(e), ++number, now, false);
  }
  // The names of what is told now, with channel and user.
  std::string told() {
    std::string out;
    for (const auto& h : order.release(now)) {
      out += std::string(webhook_event_names[static_cast<std::size_t>(h.what->kind)]) + ' ' +
             h.what->channel;
      if (!h.what->user_id.empty()) out += ' ' + h.what->user_id;
      out += '\n';
    }
    return out;
  }
};

}  // namespace

TEST_CASE_METHOD(fixture, "what is certain is told at once", "[actors][webhooks]") {
  tell(kind::channel_occupied, "a");
  tell(kind::cache_miss, "a");
  CHECK(told() == "channel_occupied a\ncache_miss a\n");
  CHECK(order.size() == 0);
  CHECK_FALSE(order.next_due());
}

TEST_CASE_METHOD(fixture, "a channel that was left is told of when nobody came back in time",
                 "[actors][webhooks]") {
  tell(kind::channel_vacated, "a");
  CHECK(told().empty());
  CHECK(order.next_due() == now + 3s);
  now += 3s - 1ms;
  CHECK(told().empty());
  now += 1ms;
  CHECK(told() == "channel_vacated a\n");
  CHECK(order.size() == 0);
}

TEST_CASE_METHOD(fixture, "who comes back in time was never away", "[actors][webhooks]") {
  tell(kind::member_removed, "presence-a", "ada");
  tell(kind::channel_vacated, "presence-a");
  now += 2s;
  tell(kind::channel_occupied, "presence-a");
  tell(kind::member_added, "presence-a", "ada");
  now += 10s;
  CHECK(told().empty());
  CHECK(order.size() == 0);
}

TEST_CASE_METHOD(fixture, "another one who comes does not take it back, and is told of after it",
                 "[actors][webhooks]") {
  tell(kind::member_removed, "presence-a", "ada");
  tell(kind::member_added, "presence-a", "bob");
  tell(kind::client_event, "presence-a", "bob");
  tell(kind::channel_occupied, "b");
  CHECK(told() == "channel_occupied b\n");
  now += 3s;
  CHECK(
      told() ==
      "member_removed presence-a ada\nmember_added presence-a bob\nclient_event presence-a bob\n");
}

TEST_CASE_METHOD(fixture, "what waited behind an event that was taken back waits no longer",
                 "[actors][webhooks]") {
  tell(kind::member_removed, "presence-a", "ada");
  tell(kind::member_added, "presence-a", "bob");
  tell(kind::member_added, "presence-a", "ada");
  CHECK(told() == "member_added presence-a bob\n");
}

TEST_CASE_METHOD(fixture, "each leaving has its own time", "[actors][webhooks]") {
  tell(kind::channel_vacated, "a");
  now += 1s;
  tell(kind::channel_occupied, "a");
  tell(kind::channel_vacated, "a");
  now += 2s + 500ms;
  CHECK(told().empty());
  now += 500ms;
  CHECK(told() == "channel_vacated a\n");
}

TEST_CASE("an event stands in a request as PUSHER_PROTOCOL.md says, and is read back",
          "[actors][webhooks]") {
  webhook_event e;
  e.kind = kind::client_event;
  e.channel = "presence-a";
  e.event = "client-x";
  e.data = R"({"a":1})";
  e.socket_id = "1.2";
  e.user_id = "42";
  CHECK(
      to_json_text(e) ==
      R"({"name":"client_event","channel":"presence-a","event":"client-x","data":"{\"a\":1}","socket_id":"1.2","user_id":"42"})");
  const auto back = parse_webhook_event(to_json_text(e));
  REQUIRE(back.has_value());
  CHECK(back->data == e.data);
  CHECK(back->user_id == "42");
  e = {};
  e.kind = kind::subscription_count;
  e.channel = "a";
  e.subscription_count = 7;
  CHECK(to_json_text(e) == R"({"name":"subscription_count","channel":"a","subscription_count":7})");
  CHECK(parse_webhook_event(to_json_text(e))->subscription_count == 7);
  CHECK_FALSE(parse_webhook_event("{}"));
  CHECK_FALSE(parse_webhook_event("x"));
}

}  // namespace velo::actors
