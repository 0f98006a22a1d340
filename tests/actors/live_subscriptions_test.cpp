#include "actors/live_subscriptions.hpp"

#include "rules/parser.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

namespace velo::actors {

using nlohmann::json;

namespace {

channel_id channel(int n) {
  return *channel_id::parse("6f9619ff-8b86-4011-b42d-00000000000" + std::to_string(n));
}

live_subscription subscription(const std::string& filter, std::string identity = {},
                               std::uint8_t actions = 0b111) {
  live_subscription s;
  s.identity_key = std::move(identity);
  s.bound = rules::bind(*rules::parse(filter), {});
  s.actions = actions;
  s.stored.filter = filter;
  return s;
}

std::vector<std::string> matching(live_subscriptions& all, json record,
                                  rules::action action = rules::action::created) {
  storage::change c;
  c.action = action;
  c.record = std::make_shared<const json>(std::move(record));
  std::vector<std::string> found;
  all.match(c, "2026-01-31 12:00:00.000Z",
            [&](const live_subscription& s) { found.push_back(s.stored.filter); });
  std::sort(found.begin(), found.end());
  return found;
}

std::size_t count_of(live_subscriptions& all, const std::string& identity) {
  std::size_t n = 0;
  all.for_each_of(identity, [&](live_subscription&) { ++n; });
  return n;
}

using filters = std::vector<std::string>;

}  // namespace

TEST_CASE("a change concerns those whose predicate holds and who want the action",
          "[actors][live_subscriptions]") {
  live_subscriptions all;
  all.add(channel(1), subscription("a = 1"));
  all.add(channel(2), subscription("a > 0"));
  all.add(channel(3), subscription("a < 9", {}, 1U << unsigned(rules::action::deleted)));
  CHECK(matching(all, {{"a", 1}}) == filters{"a = 1", "a > 0"});
  CHECK(matching(all, {{"a", 2}}) == filters{"a > 0"});
  CHECK(matching(all, {{"a", 1}}, rules::action::deleted) == filters{"a < 9", "a = 1", "a > 0"});
}

TEST_CASE("another predicate in force decides from then on", "[actors][live_subscriptions]") {
  live_subscriptions all;
  auto& s = all.add(channel(1), subscription("a = 1"));
  all.rebind(s, rules::bind(*rules::parse("a = 2"), {}));
  CHECK(matching(all, {{"a", 1}}).empty());
  CHECK(matching(all, {{"a", 2}}).size() == 1);
}

TEST_CASE("subscriptions are found by channel and by identity", "[actors][live_subscriptions]") {
  live_subscriptions all;
  all.add(channel(1), subscription("", "users/ada"));
  all.add(channel(2), subscription("", "users/ada"));
  all.add(channel(3), subscription("", "users/bob"));
  all.add(channel(4), subscription(""));
  CHECK(count_of(all, "users/ada") == 2);
  CHECK(count_of(all, "") == 0);  // guests are nobody in particular
  all.remove(channel(1));
  all.remove(channel(1));
  CHECK(all.find(channel(1)) == nullptr);
  CHECK(all.find(channel(2)) != nullptr);
  CHECK(count_of(all, "users/ada") == 1);
  // The same channel for somebody else: the former identity has it no more.
  all.add(channel(2), subscription("", "users/bob"));
  CHECK(count_of(all, "users/ada") == 0);
  CHECK(count_of(all, "users/bob") == 2);
  CHECK(all.size() == 3);
}

}  // namespace velo::actors
