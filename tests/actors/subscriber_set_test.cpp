#include "actors/subscriber_set.hpp"
#include "actors/socket_key.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <random>

namespace velo::actors {

TEST_CASE("a set of subscribers finds each of them, few or many", "[actors][subscriber_set]") {
  subscriber_set set;
  std::map<std::uint32_t, std::uint64_t> expected;  // slot to mark
  std::mt19937 random(7);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random() % 120);
    const std::uint32_t loop = slot % 3;
    auto* found = set.find(loop, {slot, 1});
    REQUIRE((found != nullptr) == expected.contains(slot));
    CHECK(set.find(loop, {slot, 2}) == nullptr);
    CHECK(set.find(loop + 1, {slot, 1}) == nullptr);
    if (found != nullptr) {
      REQUIRE(found->socket.first == expected[slot]);
      // In phases of growing and of shrinking, through both sizes of the set.
      if (i / 2'000 % 2 == 1 || random() % 4 == 0) {
        set.remove(*found);
        expected.erase(slot);
      }
    } else if (i / 2'000 % 2 == 0 || random() % 8 == 0) {
      set.add({{slot, 1}, loop, nullptr, {i, 0}});
      expected[slot] = i;
    }
    REQUIRE(set.size() == expected.size());
  }
}

TEST_CASE("a socket id is two numbers", "[actors][subscriber_set]") {
  CHECK(socket_key::parse("218765.4093127") == socket_key{218765, 4093127});
  for (const auto* bad : {"", "1", "1.", ".1", "1.2.3", "1.a", "-1.2", "1.99999999999999999999999"})
    CHECK_FALSE(socket_key::parse(bad));
}

}  // namespace velo::actors
