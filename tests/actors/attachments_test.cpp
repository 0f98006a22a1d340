#include "actors/loop.hpp"

#include "tests/actors/support/fakes.hpp"
#include "tests/support/catch.hpp"

namespace velo::actors {

namespace {

const auto channel = *channel_id::parse("6f9619ff-8b86-4011-b42d-00cf4fc964ff");
const std::string wire = "velo.realtime.6f9619ff-8b86-4011-b42d-00cf4fc964ff";

fan_out to(std::vector<attachment_id> targets) {
  event e{"created", R"({\"action\":\"created\",\"record\":{\"id\":\"r1\"}})"};
  return {std::make_shared<const event>(std::move(e)), std::move(targets), 0, nullptr};
}

using state = attachments::state;

}  // namespace

TEST_CASE("an attachment is pending, live, gone", "[actors][loop]") {
  attachments all("velo.realtime.");
  fake_session s;
  const auto id = all.add(s, channel, true);
  CHECK(all.state_of(id) == state::pending);
  all.succeed(attached{id, 0, 0});
  CHECK(all.state_of(id) == state::live);
  all.deliver(to({id}));
  all.end(id, {"AuthError", "no more", 403, "rule_changed"});
  CHECK(all.state_of(id) == state::gone);
  CHECK(s.story() == "succeeded created:r1 error:403");
  for (const auto& heard : s.log) CHECK(heard.channel == "private-" + wire);
  CHECK(all.size() == 0);
}

TEST_CASE("a public channel's name has no prefix of private ones", "[actors][loop]") {
  attachments all("velo.realtime.");
  fake_session s;
  const auto id = all.add(s, channel, false);
  all.succeed(attached{id, 0, 0});
  all.deliver(to({id}));
  for (const auto& heard : s.log) CHECK(heard.channel == wire);
}

TEST_CASE("nothing reaches an attachment that is gone, nor who has its place now",
          "[actors][loop]") {
  attachments all("velo.realtime.");
  fake_session before, after;
  const auto old = all.add(before, channel, false);
  all.remove(old);
  const auto next = all.add(after, channel, false);
  CHECK(next.slot == old.slot);
  all.succeed(attached{old, 0, 0});
  all.deliver(to({old, {7, 0}}));
  all.end(old, {});
  all.remove(old);
  CHECK(before.log.empty());
  CHECK(after.log.empty());
  CHECK(all.size() == 1);
  all.deliver(to({old, next}));
  CHECK(after.story() == "created:r1");
}

}  // namespace velo::actors
