#include "actors/random.hpp"

#include "actors/channel_id.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace velo::actors;

TEST_CASE("a random UUID is of version 4 and names a channel", "[actors][random]") {
  const std::regex shape("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto uuid = random_uuid_v4();
    REQUIRE(std::regex_match(uuid, shape));
    REQUIRE(channel_id::parse(uuid).has_value());
    seen.insert(uuid);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("a random id has the wanted size and no favourite letters", "[actors][random]") {
  CHECK(random_id(0).empty());
  CHECK(random_id(15).size() == 15);
  CHECK(random_id(1000).size() == 1000);

  const auto text = random_id(360'000);
  std::map<char, int> counts;
  for (const char c : text) ++counts[c];
  REQUIRE(counts.size() == 36);
  for (const auto& [c, count] : counts) {
    CAPTURE(c, count);
    CHECK(((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')));
    // 10,000 expected, standard deviation below 100; a bias by modulo would give 11,250.
    CHECK(count > 9'300);
    CHECK(count < 10'700);
  }
}

TEST_CASE("a socket id is digits, a dot and digits", "[actors][random]") {
  const std::regex shape("[0-9]+\\.[0-9]+");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_socket_id();
    REQUIRE(std::regex_match(id, shape));
    REQUIRE(id.size() <= 31);
    seen.insert(id);
  }
  CHECK(seen.size() == 1000);
}

TEST_CASE("hex has the size asked for", "[actors][random]") {
  CHECK(std::regex_match(random_hex(40), std::regex("[0-9a-f]{40}")));
  CHECK(random_hex(0).empty());
}

TEST_CASE("requests larger than the buffer are filled, too", "[actors][random]") {
  std::vector<unsigned char> bytes(10'000);
  random_bytes(bytes);
  CHECK(std::count(bytes.begin(), bytes.end(), 0) < 200);
  random_bytes({});
}

TEST_CASE("threads do not get the same names", "[actors][random]") {
  std::array<std::string, 4> ids;
  std::vector<std::thread> threads;
  for (auto& id : ids) threads.emplace_back([&id] { id = random_id(20); });
  for (auto& t : threads) t.join();
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
}
