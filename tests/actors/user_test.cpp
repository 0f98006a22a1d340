#include "tests/actors/support/channel_world.hpp"

namespace velo::actors {

namespace {

/// The last frame's watchlist events as `online:a,b offline:c`.
std::string watched(plain_client& c) {
  std::string out;
  for (const auto& frame : std::exchange(c.session->frames, {})) {
    if (frame.at("event") != "pusher_internal:watchlist_events") continue;
    CHECK_FALSE(frame.contains("channel"));
    const auto data = plain_client::data_of(frame);
    for (const auto& e : data.at("events")) {
      if (!out.empty()) out += ' ';
      out += e.at("name").get<std::string>() + ':';
      for (const auto& id : e.at("user_ids")) out += id.get<std::string>() + ',';
      out.pop_back();
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a sign-in is answered with what was signed", "[actors][user]") {
  channel_world w;
  auto a = w.connect();
  w.sign_in(a, "ada");
  CHECK(a.session->frames.at(0) ==
        json{{"event", "pusher:signin_success"}, {"data", {{"user_data", R"({"id":"ada"})"}}}});
  a.news();
  w.sign_in(a, "ada");
  CHECK(a.news() == "signin_success");
  w.sign_in(a, "bob");
  CHECK(a.news() == "error:4009");
  // Still ada.
  w.join(a, "#server-to-user-ada");
  CHECK(a.news() == "subscription_succeeded");
}

TEST_CASE("what is sent to a user reaches that user's sockets alone", "[actors][user]") {
  channel_world w;
  auto a1 = w.connect();
  auto a2 = w.connect();
  auto b = w.connect();
  w.join(a1, "#server-to-user-ada");
  CHECK(a1.news() == "error:401");
  for (auto* c : {&a1, &a2}) w.sign_in(*c, "ada");
  w.sign_in(b, "bob");
  for (auto* c : {&a1, &a2, &b}) {
    w.join(*c, "#server-to-user-ada");
  }
  CHECK(a1.news() == "signin_success subscription_succeeded");
  CHECK(a2.news() == "signin_success subscription_succeeded");
  CHECK(b.news() == "signin_success error:401");
  w.publish("#server-to-user-ada", "1");
  CHECK(a1.session->frames.at(0)["channel"] == "#server-to-user-ada");
  CHECK(a1.news() == "e:1");
  CHECK(a2.news() == "e:1");
  CHECK(b.news().empty());
  // It is no channel that an application would list.
  CHECK(w.question<channel_list>(list_channels{w.app, {}, {}}).channels.empty());
  CHECK(w.hooks().empty());
}

TEST_CASE("a user's connections are terminated, all of them and no other", "[actors][user]") {
  channel_world w;
  auto a1 = w.connect();
  auto a2 = w.connect();
  auto b = w.connect();
  auto unsigned_ada = w.connect();
  for (auto* c : {&a1, &a2}) w.sign_in(*c, "ada");
  w.sign_in(b, "bob");
  w.join_as(unsigned_ada, "presence-room", "ada");
  for (auto* c : {&a1, &a2, &b, &unsigned_ada}) c->news();
  CHECK(w.question<terminated>(terminate_user{w.app, "ada"}).sockets == 2);
  CHECK(a1.news() == "close:4009");
  CHECK(a2.news() == "close:4009");
  CHECK(b.news().empty());
  CHECK(unsigned_ada.news().empty());
  w.hang_up(a1);
  w.hang_up(a2);
  CHECK(w.question<terminated>(terminate_user{w.app, "ada"}).sockets == 0);
}

TEST_CASE("a watchlist tells who is there, and then who comes and goes", "[actors][user]") {
  channel_world w;
  auto bob = w.connect();
  w.sign_in(bob, "bob");
  auto ada = w.connect();
  w.sign_in(ada, "ada", {"bob", "cy"});
  CHECK(watched(ada) == "online:bob offline:cy");
  auto cy1 = w.connect();
  auto cy2 = w.connect();
  w.sign_in(cy1, "cy");
  w.sign_in(cy2, "cy");
  CHECK(watched(ada) == "online:cy");
  w.hang_up(cy1);
  CHECK(watched(ada).empty());
  w.hang_up(cy2);
  CHECK(watched(ada) == "offline:cy");
  CHECK(watched(bob).empty());
  w.hang_up(ada);
  w.hang_up(bob);
  CHECK(w.attached.memberships().size() == 0);
}

TEST_CASE("a watchlist that was too long is said to be, and taken as far as it goes",
          "[actors][user]") {
  channel_world w;
  auto a = w.connect();
  client_signin who{{"ada", "null"}, {"bob"}, true, "{}"};
  caf::anon_send(a.actor, client_signin_ptr{std::make_shared<const client_signin>(who)});
  w.settle();
  CHECK(a.news() == "signin_success error:4302 watchlist_events");
}

}  // namespace velo::actors
