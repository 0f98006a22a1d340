#include "actors/live_subscriptions.hpp"

#include "actors/auth_value.hpp"
#include "rules/parser.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>

namespace velo::actors {

using nlohmann::json;

namespace {

channel_id channel(int n) {
  std::array<char, 37> text{};
  std::snprintf(text.data(), text.size(), "6f9619ff-8b86-4011-b42d-%012x",
                static_cast<unsigned>(n));
  return *channel_id::parse(text.data());
}

storage::connection connection(int n, std::string filter, std::string user = {},
                               json options = json::object()) {
  storage::connection c;
  c.uuid = channel(n).str();
  c.app_id = "app";
  c.filter = std::move(filter);
  c.options = std::move(options);
  if (!user.empty()) {
    c.auth_collection_id = "users";
    c.auth_record_id = std::move(user);
  }
  return c;
}

/// With a listener of the subscription's own number.
struct live : live_subscriptions {
  live() : live_subscriptions(rules::limits{}) {}

  subscriber bring(const storage::connection& c, json auth = nullptr) {
    const auto filter = *rules::parse(c.filter);
    const auto value = auth.is_null() ? nullptr : std::make_shared<const json>(std::move(auth));
    const auto s = add(c, filter, value);
    put(s, rules::bind(filter, who(s).parameters()));
    listen(s,
           {{static_cast<std::uint32_t>(std::stoul(c.uuid.substr(24), nullptr, 16)), 0}, 0, "1.1"});
    return s;
  }

  std::vector<std::uint32_t> hear(json record, rules::action action = rules::action::created,
                                  std::string socket = {}, std::string writer = {}) {
    storage::change c;
    c.action = action;
    c.record = std::make_shared<const json>(std::move(record));
    c.origin_socket_id = std::move(socket);
    c.origin_identity = std::move(writer);
    std::vector<std::vector<attachment_id>> targets(2);
    std::vector<rules::match> shaped;
    const bool any = match(c, "2026-01-31 12:00:00.000Z", targets, shaped);
    CHECK(shaped.empty());
    std::vector<std::uint32_t> slots;
    for (const auto& loop : targets)
      for (const auto& id : loop) slots.push_back(id.slot);
    CHECK(any == !slots.empty());
    std::sort(slots.begin(), slots.end());
    return slots;
  }
};

using heard = std::vector<std::uint32_t>;
constexpr auto none = live_subscriptions::none;

}  // namespace

TEST_CASE("a change concerns those whose predicate holds and who want the action",
          "[actors][live_subscriptions]") {
  live all;
  all.bring(connection(1, "a = 1"));
  all.bring(connection(2, "a > 0"));
  all.bring(connection(3, "a < 9", {}, {{"events", {"deleted"}}}));
  all.bring(connection(4, "a < 9", {}, {{"events", json::array()}}));
  CHECK(all.hear({{"a", 1}}) == heard{1, 2});
  CHECK(all.hear({{"a", 2}}) == heard{2});
  CHECK(all.hear({{"a", 1}}, rules::action::deleted) == heard{1, 2, 3});
}

TEST_CASE("another predicate in force decides from then on", "[actors][live_subscriptions]") {
  live all;
  const auto s = all.bring(connection(1, "a = 1"));
  all.put(s, rules::bind(*rules::parse("a = 2"), {}));
  CHECK(all.hear({{"a", 1}}).empty());
  CHECK(all.hear({{"a", 2}}) == heard{1});
}

TEST_CASE("a second index decides nothing until it takes the place of the first",
          "[actors][live_subscriptions]") {
  live all;
  const auto s = all.bring(connection(1, "a = 1"));
  const auto gone = all.bring(connection(2, "a = 1"));
  all.begin_next();
  all.put_next(s, rules::bind(*rules::parse("a = 2"), {}));
  all.put_next(gone, rules::bind(*rules::parse("a = 2"), {}));
  CHECK(all.hear({{"a", 2}}).empty());
  CHECK(all.hear({{"a", 1}}) == heard{1, 2});
  all.remove(gone);
  CHECK(all.swap_next()->subscribers() == 1);
  CHECK(all.hear({{"a", 1}}).empty());
  CHECK(all.hear({{"a", 2}}) == heard{1});
}

TEST_CASE("subscriptions are found by channel and by identity", "[actors][live_subscriptions]") {
  live all;
  const auto one = all.bring(connection(1, "", "ada"));
  const auto two = all.bring(connection(2, "", "ada"));
  all.bring(connection(3, "", "bob"));
  all.bring(connection(4, ""));
  CHECK(all.of_identity("users/ada").size() == 2);
  CHECK(all.of_identity("").empty());  // guests are nobody in particular
  CHECK(all.of_users("users").size() == 3);
  CHECK(all.of_users("user").empty());
  CHECK(all.find(channel(1)) == one);
  all.remove(one);
  CHECK(all.find(channel(1)) == none);
  CHECK(all.find(channel(2)) == two);
  CHECK(all.of_identity("users/ada") == std::vector{two});
  all.remove(two);
  CHECK(all.of_identity("users/ada").empty());
  CHECK(all.size() == 2);
}

TEST_CASE("a number is given out again, and says nothing of whom it belonged to",
          "[actors][live_subscriptions]") {
  live all;
  const auto s =
      all.bring(connection(1, "a = 1", "ada", {{"query", {{"q", "x"}}}}), {{"id", "ada"}});
  all.doom(s, {});
  all.condemn(s, true);
  all.remove(s);
  const auto reused = all.bring(connection(2, "b = 1"));
  REQUIRE(reused == s);
  CHECK_FALSE(all.is_doomed(s));
  CHECK_FALSE(all.is_condemned(s));
  CHECK(all.channel(s) == channel(2));
  CHECK(all.who(s).auth == nullptr);
  CHECK(all.who(s).query.is_null());
  CHECK(all.hear({{"a", 1}}).empty());
  CHECK(all.hear({{"b", 1}}) == heard{2});
  CHECK(all.bound() == 1);
}

TEST_CASE("what was stored comes back whole", "[actors][live_subscriptions]") {
  live all;
  auto c = connection(1, "a = @request.query.q OR b = @request.auth.team", "ada",
                      {{"events", {"created"}}, {"query", {{"q", "x"}}}});
  c.is_public = true;
  const auto s = all.bring(c, {{"id", "ada"}, {"team", 1.5}});
  CHECK(all.channel(s).str() == c.uuid);
  CHECK(all.app(s) == "app");
  CHECK(all.is_public(s));
  CHECK(all.users_of(s) == "users");
  CHECK(all.filter_mentions_auth(s));
  CHECK(*all.filter(s) == *rules::parse(c.filter));
  CHECK(*all.who(s).auth == json{{"id", "ada"}, {"team", 1.5}});
  CHECK(all.who(s).query == json{{"q", "x"}});
  CHECK_FALSE(all.who(s).superuser);
  CHECK(all.mentioning_auth() == 1);
  all.remove(s);
  CHECK(all.mentioning_auth() == 0);
}

TEST_CASE("an identity has one value for all its subscriptions", "[actors][live_subscriptions]") {
  live all;
  const auto one = all.bring(connection(1, "", "ada"), {{"team", 1}});
  const auto two = all.bring(connection(2, "", "ada"), {{"team", 9}});  // what is known stays
  CHECK(all.who(two).auth->at("team") == 1);
  CHECK(all.set_auth("users/ada", {{"team", 2}}, false));
  CHECK(all.who(one).auth->at("team") == 2);
  CHECK(all.auth_of("users/ada")->at("team") == 2);
  CHECK_FALSE(all.set_auth("users/bob", {{"team", 2}}, false));
  CHECK(all.auth_of("users/bob") == nullptr);
}

TEST_CASE("each listener of a channel is a target until it leaves",
          "[actors][live_subscriptions]") {
  live all;
  const auto s = all.bring(connection(1, ""));
  all.listen(s, {{7, 0}, 1, "1.2"});
  all.listen(s, {{8, 0}, 0, "1.3"});
  CHECK(all.hear({{"a", 1}}) == heard{1, 7, 8});
  all.unlisten(s, 0, {1, 0});
  CHECK(all.hear({{"a", 1}}) == heard{7, 8});
  all.unlisten(s, 0, {7, 0});  // another loop's
  CHECK(all.listeners(s) == 2);
  all.unlisten(s, 1, {7, 0});
  CHECK(all.hear({{"a", 1}}) == heard{8});
  all.unlisten(s, 0, {8, 0});
  CHECK(all.listeners(s) == 0);
  CHECK(all.hear({{"a", 1}}).empty());
}

TEST_CASE("a socket is silenced by its own identity alone", "[actors][live_subscriptions]") {
  live all;
  all.bring(connection(1, "", "ada"));
  auto made_with = connection(2, "", "ada");
  made_with.socket_id = "9.9";
  all.bring(made_with);
  const auto created = rules::action::created;
  CHECK(all.hear({{"a", 1}}, created, "1.1", "users/ada").empty());
  CHECK(all.hear({{"a", 1}}, created, "9.9", "users/ada") == heard{1});
  CHECK(all.hear({{"a", 1}}, created, "1.1", "users/bob") == heard{1, 2});
  CHECK(all.hear({{"a", 1}}, created, "1.1") == heard{1, 2});
  CHECK(all.hear({{"a", 1}}, created, "5.5", "users/ada") == heard{1, 2});
}

TEST_CASE("a live subscription costs well under 300 bytes", "[actors][live_subscriptions]") {
  constexpr int count = 20'000;
  const auto bytes_each = [](auto make) {
    live_subscriptions all{rules::limits{}};
    for (int n = 0; n < count; ++n) {
      const storage::connection c = make(n);
      const auto s =
          all.add(c, *rules::parse(c.filter),
                  std::make_shared<const json>(json{{"id", c.auth_record_id}, {"team", "red"}}));
      all.listen(s, {{static_cast<std::uint32_t>(n), 0}, 0, "1." + std::to_string(n % 1000)});
    }
    return all.own_memory_bytes() / count;
  };
  // A filter and a socket of its own each; one that all share; users.
  CHECK(bytes_each([](int n) {
          return connection(n, "owner = '" + std::to_string(100'000'000'000'000 + n) + "'");
        }) < 250);
  CHECK(bytes_each([](int n) { return connection(n, "room = 1", "u" + std::to_string(n % 100)); }) <
        110);
}

}  // namespace velo::actors
