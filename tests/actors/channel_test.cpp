#include "tests/actors/support/channel_world.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace velo::actors {

using namespace std::chrono_literals;

TEST_CASE("whoever is on a channel hears its events, as they were published", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join(a, "news");
  w.join(b, "news");
  CHECK(a.session->frames.at(0) == json{{"event", "pusher_internal:subscription_succeeded"},
                                        {"channel", "news"},
                                        {"data", "{}"}});
  a.news();
  for (const std::string data :
       {R"({"a":  1.0,"b":"é\u00e9\\"})", "plain", "", "\"quoted\"", "line\nbreak\x01"}) {
    w.publish("news", data);
    CHECK(a.session->frames.back() == json{{"event", "e"}, {"channel", "news"}, {"data", data}});
  }
  CHECK(b.session->frames.size() == 6);
}

TEST_CASE("one who asks not to hear an event does not, on any channel", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  for (const std::string channel : {"one", "two", "three"}) {
    w.join(a, channel);
    w.join(b, channel);
  }
  a.news();
  b.news();
  w.publish({w.app, "e", "1", {"one", "two", "three"}, a.socket_id, {}});
  CHECK(a.news().empty());
  CHECK(b.news() == "e:1 e:1 e:1");
  w.publish("one", "2", "nobody's");
  CHECK(a.news() == "e:2");
}

TEST_CASE("the answer to a subscription comes before anything else of the channel",
          "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  for (int round = 0; round < 20; ++round) {
    caf::anon_send(
        a.actor,
        client_join_ptr{std::make_shared<const client_join>(client_join{"news", std::nullopt})});
    actors::publish(w.asker(), w.channels, {w.app, "e", "1", {"news"}, {}, {}}, [](const auto&) {});
    for (int i = 0; i < round; ++i) w.step();
    actors::publish(w.asker(), w.channels, {w.app, "e", "2", {"news"}, {}, {}}, [](const auto&) {});
    w.settle();
    CAPTURE(round);
    CHECK(a.news().starts_with("subscription_succeeded"));
    w.leave(a, "news");
  }
}

TEST_CASE("a repeated subscription is answered again and changes nothing", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  w.join(a, "news");
  w.join(a, "news");
  CHECK(a.news() == "subscription_succeeded subscription_succeeded");
  w.publish("news", "1");
  CHECK(a.news() == "e:1");
  CHECK(w.info("news").counts.subscription_count == 1);
  w.leave(a, "news");
  w.leave(a, "news");
  w.leave(a, "unknown");
  w.publish("news", "2");
  CHECK(a.news().empty());
}

TEST_CASE("nothing of a channel comes after the client left it", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  w.join(a, "news");
  a.news();
  actors::publish(w.asker(), w.channels, {w.app, "e", "1", {"news"}, {}, {}}, [](const auto&) {});
  caf::anon_send(a.actor, client_unsubscribe{"news"});
  caf::anon_send(
      a.actor,
      client_join_ptr{std::make_shared<const client_join>(client_join{"news", std::nullopt})});
  while (w.loop->run_all() > 0) {
  }
  w.settle();
  CHECK(a.news() == "subscription_succeeded");
}

TEST_CASE("apps share no channel, no count and no user", "[actors][channel]") {
  channel_world w;
  auto a = w.connect("app");
  auto b = w.connect("other");
  for (auto* c : {&a, &b}) w.join(*c, "news");
  w.join_as(a, "presence-room", "ada");
  w.join_as(b, "presence-room", "bob");
  w.sign_in(a, "u");
  w.sign_in(b, "u");
  CHECK(a.news() == R"(subscription_succeeded subscription_succeeded:["ada"] signin_success)");
  CHECK(b.news() == R"(subscription_succeeded subscription_succeeded:["bob"] signin_success)");
  w.publish({w.other, "e", "1", {"news", "presence-room"}, {}, {}});
  CHECK(a.news().empty());
  CHECK(b.news() == "e:1 e:1");
  CHECK(w.question<channel_list>(list_channels{w.other, {}, {}}).channels.size() == 2);
  CHECK(w.question<member_list>(list_members{w.other, "presence-room"}).user_ids ==
        std::vector<std::string>{"bob"});
  CHECK(w.question<terminated>(terminate_user{w.other, "u"}).sockets == 1);
  CHECK(a.news().empty());
  CHECK(b.news() == "close:4009");
}

TEST_CASE("a long list of channels lets others have their turn, and is whole",
          "[actors][channel]") {
  channel_world w;
  w.context->subscriptions_max = 20'000;
  auto a = w.connect();
  constexpr int count = 12'000;
  for (int i = 0; i < count; ++i)
    caf::anon_send(a.actor, client_join_ptr{std::make_shared<const client_join>(
                                client_join{"c-" + std::to_string(i), std::nullopt})});
  w.settle();
  std::optional<channel_list> got;
  bool published_before = false;
  actors::ask(w.asker(), w.channels, list_channels{w.app, "c-", {false, true}},
              [&](const outcome<channel_list>& answer) { got = *answer; });
  actors::publish(w.asker(), w.channels, {w.app, "e", "1", {"c-7"}, {}, {}},
                  [&](const auto&) { published_before = !got; });
  w.settle();
  REQUIRE(got);
  CHECK(published_before);
  REQUIRE(got->channels.size() == count);
  CHECK(std::is_sorted(got->channels.begin(), got->channels.end(),
                       [](const auto& x, const auto& y) { return x.name < y.name; }));
  CHECK(got->channels[0].counts.subscription_count == 1);
}

TEST_CASE("a connection is on as many channels as it may, of either sort", "[actors][channel]") {
  channel_world w;
  w.context->subscriptions_max = 2;
  auto a = w.connect();
  w.join(a, "one");
  w.join(a, "two");
  w.join(a, "three");
  CHECK(a.news() == "subscription_succeeded subscription_succeeded error:429");
  w.collection("posts");
  w.listen(a, *w.subscribe("posts"));
  CHECK(a.news() == "error:429");
  w.leave(a, "one");
  w.join(a, "three");
  CHECK(a.news() == "subscription_succeeded");
}

TEST_CASE("channels come with their first subscriber and go with their last", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  for (const std::string channel : {"b", "a", "presence-p", "private-c", "cache-d"})
    w.join(a, channel,
           channel == "presence-p" ? std::optional(channel_member{"1", "null"}) : std::nullopt);
  w.join(b, "a");
  const auto names = [&](std::string prefix) {
    std::string out;
    for (const auto& c :
         w.question<channel_list>(list_channels{w.app, prefix, {true, true}}).channels)
      out += c.name + ' ';
    return out;
  };
  CHECK(names("") == "a b cache-d presence-p private-c ");
  CHECK(names("p") == "presence-p private-c ");
  CHECK(w.info("a").occupied);
  CHECK(w.info("a").counts.subscription_count == 2);
  CHECK_FALSE(w.info("a").counts.user_count);
  CHECK(w.info("presence-p").counts.user_count == 1);
  CHECK_FALSE(w.info("presence-p").counts.subscription_count);
  w.hang_up(a);
  CHECK(names("") == "a ");
  CHECK_FALSE(w.info("presence-p").occupied);
  w.hang_up(b);
  CHECK(names("").empty());
  CHECK(w.attached.memberships().size() == 0);
}

TEST_CASE("publishing answers with the counts that were asked for", "[actors][channel]") {
  channel_world w;
  auto a = w.connect();
  w.join(a, "news");
  w.join_as(a, "presence-room", "ada");
  const auto all =
      w.publish({w.app, "e", "1", {"presence-room", "news", "empty"}, {}, {true, true}}).channels;
  REQUIRE(all.size() == 3);
  CHECK(all[0].user_count == 1);
  CHECK_FALSE(all[0].subscription_count);
  CHECK(all[1].subscription_count == 1);
  CHECK(all[2].subscription_count == 0);
  const auto none = w.publish({w.app, "e", "1", {"presence-room"}, {}, {}}).channels;
  CHECK_FALSE(none.at(0).user_count);
}

// -- cache channels ----------------------------------------------------------

TEST_CASE("a cache channel tells its last event to whoever comes", "[actors][channel][cache]") {
  channel_world w({.cache_ttl = 30min});
  auto a = w.connect();
  auto b = w.connect();
  for (const std::string channel :
       {"cache-c", "private-cache-c", "private-encrypted-cache-c", "presence-cache-c"}) {
    CAPTURE(channel);
    const auto as = [&](const std::string& user) {
      return channel == "presence-cache-c" ? std::optional(channel_member{user, "null"})
                                           : std::nullopt;
    };
    w.join(a, channel, as("a"));
    CHECK(a.session->frames.back()["event"] == "pusher:cache_miss");
    CHECK(a.session->frames.back()["channel"] == channel);
    w.publish(channel, "1");
    // What was not for its cause to hear is for it to see when it comes anew.
    w.publish(channel, "2", b.socket_id);
    w.join(b, channel, as("b"));
    CHECK(b.session->frames.size() == 2);
    CHECK(b.session->frames.at(1) == json{{"event", "e"}, {"channel", channel}, {"data", "2"}});
    b.news();
    w.leave(a, channel);
    w.leave(b, channel);
    b.news();
    CHECK_FALSE(w.info(channel).occupied);
    CHECK(w.info(channel).cache->data == "2");
    w.pass(20min);
    CHECK(w.info(channel).cache->ttl == 10min);
    w.join(b, channel, as("b"));
    CHECK(b.session->frames.at(1)["data"] == "2");
    w.leave(b, channel);
    b.news();
    w.pass(10min);
    CHECK_FALSE(w.info(channel).cache);
    w.join(b, channel, as("b"));
    CHECK(b.session->frames.at(1)["event"] == "pusher:cache_miss");
    w.leave(b, channel);
    b.news();
  }
}

TEST_CASE("other channels keep nothing, and nothing is kept of clients",
          "[actors][channel][cache]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.publish("news", "1");
  w.join(a, "news");
  CHECK(a.news() == "subscription_succeeded");
  w.join(a, "private-cache-c");
  w.whisper(a, "private-cache-c");
  w.join(b, "private-cache-c");
  CHECK(b.news() == "subscription_succeeded cache_miss");
}

TEST_CASE("an event that is kept longer by a newer one goes in its turn",
          "[actors][channel][cache]") {
  event_cache cache(10s);
  const event_cache::time_point start{};
  const live_app app{app_options{}};
  const auto what = std::make_shared<const publish_request>();
  cache.put(&app, "a", what, start);
  cache.put(&app, "b", what, start + 1s);
  cache.put(&app, "a", what, start + 5s);
  CHECK(cache.next_expiry() == start + 11s);
  cache.expire(start + 11s);
  CHECK(cache.size() == 1);
  CHECK(cache.find(&app, "a", start + 14s) != nullptr);
  CHECK(cache.find(&app, "a", start + 15s) == nullptr);
  cache.expire(start + 15s);
  CHECK(cache.size() == 0);
  CHECK_FALSE(cache.next_expiry());
}

// -- client events -----------------------------------------------------------

TEST_CASE("a client's event reaches the others on its channel", "[actors][channel][client_event]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  auto c = w.connect();
  w.join(a, "private-x");
  w.join(b, "private-x");
  a.news();
  b.news();
  w.whisper(a, "private-x", R"({"n":1})");
  CHECK(a.news().empty());
  CHECK(c.news().empty());
  CHECK(b.session->frames.at(0) ==
        json{{"event", "client-typing"}, {"channel", "private-x"}, {"data", R"({"n":1})"}});
}

TEST_CASE("on a presence channel an event says who sent it", "[actors][channel][client_event]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join_as(a, "presence-x", "ada");
  w.join_as(b, "presence-x", "bob");
  b.news();
  w.whisper(a, "presence-x", R"({"user_id":"bob"})");
  CHECK(b.session->frames.at(0)["user_id"] == "ada");
}

TEST_CASE("a client's event that may not be is answered with 4301",
          "[actors][channel][client_event]") {
  channel_world w({.event_bytes_max = 10, .event_name_bytes_max = 20});
  auto a = w.connect();
  auto b = w.connect();
  auto stranger = w.connect("other");
  for (const std::string channel : {"public", "cache-c", "private-encrypted-x", "private-x"}) {
    w.join(a, channel);
    w.join(b, channel);
    w.join(stranger, channel);
  }
  b.news();
  for (auto* c : {&a, &stranger}) c->news();
  for (const std::string channel :
       {"public", "cache-c", "private-encrypted-x", "private-not-joined", "#server-to-user-1"}) {
    CAPTURE(channel);
    w.whisper(a, channel);
    CHECK(a.news() == "error:4301");
  }
  w.whisper(a, "private-x", std::string(11, 'x'));
  CHECK(a.news() == "error:4301");
  w.whisper(a, "private-x", "{}", "client-" + std::string(14, 'x'));
  CHECK(a.news() == "error:4301");
  // Its app does not want any.
  w.whisper(stranger, "private-x");
  CHECK(stranger.news() == "error:4301");
  CHECK(b.news().empty());
}

TEST_CASE("a connection sends so many events a second and no more",
          "[actors][channel][client_event]") {
  channel_world w({.client_events_per_second = 3});
  auto a = w.connect();
  auto b = w.connect();
  for (auto* c : {&a, &b}) w.join(*c, "private-x");
  a.news();
  b.news();
  for (int i = 0; i < 5; ++i) w.whisper(a, "private-x", std::to_string(i));
  CHECK(a.news() == "error:4301 error:4301");
  CHECK(b.news() == "client-typing:0 client-typing:1 client-typing:2");
  w.pass(1s);
  w.whisper(a, "private-x", "9");
  CHECK(a.news().empty());
  CHECK(b.news() == "client-typing:9");
}

// -- counts ------------------------------------------------------------------

TEST_CASE("subscribers hear how many they are, where the app wants it",
          "[actors][channel][count]") {
  channel_world w({}, true);
  auto a = w.connect();
  auto b = w.connect();
  w.join(a, "news");
  CHECK(a.news() == "subscription_succeeded subscription_count:1");
  w.join(b, "news");
  CHECK(a.news() == "subscription_count:2");
  CHECK(b.news() == "subscription_succeeded subscription_count:2");
  w.leave(b, "news");
  CHECK(a.news() == "subscription_count:1");
  w.join_as(a, "presence-x", "ada");
  CHECK(a.news() == R"(subscription_succeeded:["ada"])");
  auto stranger = w.connect("other");
  w.join(stranger, "news");
  CHECK(stranger.news() == "subscription_succeeded");
}

TEST_CASE("above a hundred the count comes every five seconds at most",
          "[actors][channel][count]") {
  channel_world w({}, true);
  std::vector<plain_client> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(w.connect());
    w.join(clients.back(), "news");
  }
  auto& first = clients.front();
  CHECK(first.session->frames.size() == 101);
  first.news();
  for (int i = 0; i < 3; ++i) {
    clients.push_back(w.connect());
    w.join(clients.back(), "news");
  }
  CHECK(first.news().empty());
  w.pass(4900ms);
  CHECK(first.news().empty());
  w.pass(100ms);
  CHECK(first.news() == "subscription_count:103");
  w.pass(20s);
  CHECK(first.news().empty());
  w.hang_up(clients.back());
  CHECK(first.news() == "subscription_count:102");
}

}  // namespace velo::actors
