#include "tests/actors/support/channel_world.hpp"

namespace velo::actors {

using namespace std::chrono_literals;

namespace {

const std::string room = "presence-room";

json presence_of(const plain_client& c) {
  return plain_client::data_of(c.session->frames.back()).at("presence");
}

}  // namespace

TEST_CASE("who joins hears of everybody, itself among them", "[actors][presence]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join(a, room, channel_member{"42", R"({"name":"Ada \"the\" first"})"});
  CHECK(presence_of(a) ==
        json{{"ids", {"42"}}, {"hash", {{"42", {{"name", "Ada \"the\" first"}}}}}, {"count", 1}});
  w.join(b, room, channel_member{R"(seven "\)", "null"});
  CHECK(presence_of(b) ==
        json{{"ids", {"42", R"(seven "\)"}},
             {"hash", {{"42", {{"name", "Ada \"the\" first"}}}, {R"(seven "\)", nullptr}}},
             {"count", 2}});
  CHECK(a.session->frames.back()["event"] == "pusher_internal:member_added");
  CHECK(plain_client::data_of(a.session->frames.back()) ==
        json{{"user_id", R"(seven "\)"}, {"user_info", nullptr}});
}

TEST_CASE("a user with several sockets is one member", "[actors][presence]") {
  channel_world w;
  auto witness = w.connect();
  w.join_as(witness, room, "w");
  witness.news();
  auto tab1 = w.connect();
  auto tab2 = w.connect();
  w.join_as(tab1, room, "ada");
  w.join_as(tab2, room, "ada");
  CHECK(witness.news() == "member_added:ada");
  CHECK(tab1.news() == R"(subscription_succeeded:["w","ada"])");
  CHECK(tab2.news() == R"(subscription_succeeded:["w","ada"])");
  CHECK(w.info(room).counts.user_count == 2);
  w.leave(tab1, room);
  CHECK(witness.news().empty());
  w.hang_up(tab2);
  CHECK(witness.news() == "member_removed:ada");
  CHECK(w.question<member_list>(list_members{w.app, room}).user_ids ==
        std::vector<std::string>{"w"});
}

TEST_CASE("a repeated subscription adds no member, and tells who is there now",
          "[actors][presence]") {
  channel_world w;
  auto a = w.connect();
  auto b = w.connect();
  w.join_as(a, room, "ada");
  w.join_as(b, room, "bob");
  a.news();
  b.news();
  w.join_as(a, room, "ada");
  CHECK(a.news() == R"(subscription_succeeded:["ada","bob"])");
  CHECK(b.news().empty());
  w.leave(a, room);
  CHECK(b.news() == "member_removed:ada");
}

TEST_CASE("the list of members follows who comes and goes, wherever in it they stand",
          "[actors][presence]") {
  presence_members members;
  std::vector<std::string> expected;
  CHECK(members.succeeded_frame(room).find(R"(\"hash\":{})") != std::string::npos);
  for (int i = 0; i < 200; ++i) {
    const auto id = std::to_string(i * 7919 % 200);
    members.add({id, R"({"n":")" + std::string(static_cast<std::size_t>(i % 9), 'x') + "\"}"});
    expected.push_back(id);
    if (i % 3 == 2) {
      const auto at = static_cast<std::ptrdiff_t>(i * 31 % static_cast<int>(expected.size()));
      members.remove(*members.find(expected[static_cast<std::size_t>(at)]));
      expected.erase(expected.begin() + at);
    }
    const auto frame = json::parse(members.succeeded_frame(room));
    const auto presence = plain_client::data_of(frame).at("presence");
    REQUIRE(presence.at("ids") == json(expected));
    REQUIRE(presence.at("count") == expected.size());
    REQUIRE(presence.at("hash").size() == expected.size());
  }
  CHECK(members.user_ids() == expected);
  while (!expected.empty()) {
    members.remove(*members.find(expected.back()));
    expected.pop_back();
  }
  CHECK(members.empty());
  CHECK(members.succeeded_frame(room).find(R"(\"hash\":{})") != std::string::npos);
}

TEST_CASE("a presence channel has so many members and no more", "[actors][presence]") {
  channel_world w({.presence_members_max = 2});
  auto a = w.connect();
  auto b = w.connect();
  auto c = w.connect();
  auto again = w.connect();
  w.join_as(a, room, "ada");
  w.join_as(b, room, "bob");
  w.join_as(c, room, "cy");
  CHECK(c.news() == "error:429");
  w.join_as(again, room, "bob");
  CHECK(again.news() == R"(subscription_succeeded:["ada","bob"])");
  w.leave(a, room);
  // What was refused can be asked for again.
  w.join_as(c, room, "cy");
  CHECK(c.news() == R"(subscription_succeeded:["bob","cy"])");
}

TEST_CASE("a member who returns within the grace was never away", "[actors][presence]") {
  channel_world w({.member_grace = 3s});
  auto witness = w.connect();
  w.join_as(witness, room, "w");
  auto ada = w.connect();
  w.join_as(ada, room, "ada");
  witness.news();
  w.hang_up(ada);
  w.pass(2s);
  ada = w.connect();
  w.join_as(ada, room, "ada");
  CHECK(ada.news() == R"(subscription_succeeded:["w","ada"])");
  w.pass(10s);
  CHECK(witness.news().empty());
  w.hang_up(ada);
  w.pass(2900ms);
  CHECK(witness.news().empty());
  w.pass(100ms);
  CHECK(witness.news() == "member_removed:ada");
}

TEST_CASE("an empty channel ends with its last member's grace", "[actors][presence]") {
  channel_world w({.member_grace = 3s});
  auto ada = w.connect();
  w.join_as(ada, room, "ada");
  w.hooks();
  w.hang_up(ada);
  CHECK(w.info(room).occupied);
  w.pass(1s);
  CHECK(w.hooks().empty());
  w.pass(2s);
  CHECK(w.hooks() == "member_removed:presence-room:ada channel_vacated:presence-room");
  CHECK_FALSE(w.info(room).occupied);
}

TEST_CASE("without channel_data a presence channel takes who is signed in", "[actors][presence]") {
  channel_world w;
  auto a = w.connect();
  w.join(a, room);
  CHECK(a.news() == "error:401");
  w.sign_in(a, "ada");
  w.join(a, room);
  CHECK(a.news() == R"(signin_success subscription_succeeded:["ada"])");
}

}  // namespace velo::actors
