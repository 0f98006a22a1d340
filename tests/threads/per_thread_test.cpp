#include "actors/random.hpp"
#include "net/http_writer.hpp"
#include "net/request_head.hpp"
#include "net/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <array>
#include <atomic>
#include <set>
#include <string>
#include <vector>

using namespace velo;
using velo::test::together;

namespace {

constexpr std::size_t threads = 4;
constexpr int rounds = 300;

}  // namespace

TEST_CASE("ids of all threads differ", "[per_thread]") {
  std::array<std::vector<std::string>, threads> made;
  together(threads, [&](std::size_t thread) {
    for (int i = 0; i < rounds; ++i) {
      made[thread].push_back(actors::random_uuid_v4());
      made[thread].push_back(net::request_id(""));
    }
  });
  std::set<std::string> all;
  for (const auto& ids : made) all.insert(ids.begin(), ids.end());
  CHECK(all.size() == threads * rounds * 2);
}

TEST_CASE("answers are written in texts that each thread lends itself", "[per_thread]") {
  const net::cors origins({"*"});
  std::atomic<int> wrong = 0;
  together(threads, [&](std::size_t thread) {
    for (int i = 0; i < rounds; ++i) {
      net::lent_text outer;
      net::lent_text inner;
      const std::string body(1 + thread, static_cast<char>('a' + thread));
      net::write_response(*outer, net::response{.body = body}, {}, origins);
      *inner += *outer;
      if (!(*inner).ends_with("\r\n\r\n" + body)) wrong.fetch_add(1, std::memory_order_relaxed);
    }
  });
  CHECK(wrong == 0);
}
