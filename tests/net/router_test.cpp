#include "net/router.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace velo::net;
using outcome = route_match::outcome;

namespace {

using route_list = std::vector<std::pair<std::string, std::string>>;

// Handlers that say their own name.
std::string run(const route_match& match) {
  std::string said;
  request r;
  (*match.run)(std::move(r), respond{[&](response&& answer) { said = answer.body; }});
  return said;
}

router with(const route_list& routes, std::string_view prefix = {}) {
  router all{prefix};
  for (const auto& [method, path] : routes) {
    all.add(method, path, [name = method + ' ' + path](request&&, const respond& answer) {
      answer({.status = 200, .body = name});
    });
  }
  return all;
}

}  // namespace

TEST_CASE("what matches does not depend on the order of registration", "[net][router]") {
  route_list routes{{"GET", "/"},
                    {"GET", "/c/{c}"},
                    {"GET", "/c/new"},
                    {"POST", "/c/{name}"},
                    {"GET", "/c/{c}/records/{id}"},
                    {"GET", "/c/new/records/top"}};
  std::sort(routes.begin(), routes.end());
  int orders = 0;
  do {
    const router all = with(routes);
    REQUIRE(run(all.find("GET", "/")) == "GET /");
    REQUIRE(run(all.find("GET", "/c/posts")) == "GET /c/{c}");
    REQUIRE(run(all.find("GET", "/c/new")) == "GET /c/new");
    REQUIRE(run(all.find("POST", "/c/new")) == "POST /c/{name}");
    REQUIRE(run(all.find("GET", "/c/new/records/7")) == "GET /c/{c}/records/{id}");
    REQUIRE(run(all.find("GET", "/c/new/records/top")) == "GET /c/new/records/top");
    ++orders;
  } while (std::next_permutation(routes.begin(), routes.end()));
  CHECK(orders == 720);
}

TEST_CASE("parameters are named by the route that matched", "[net][router]") {
  const router all = with({{"GET", "/c/{c}/records/{id}"}, {"POST", "/c/{name}/records/{other}"}});
  CHECK(all.find("GET", "/c/a/records/b").params == parameters{{"c", "a"}, {"id", "b"}});
  CHECK(all.find("POST", "/c/a/records/b").params == parameters{{"name", "a"}, {"other", "b"}});
}

TEST_CASE("segments are decoded one by one", "[net][router]") {
  const router all = with({{"GET", "/c/{c}"}});
  const auto slash = all.find("GET", "/%63/a%2Fb");
  REQUIRE(slash.result == outcome::found);
  CHECK(slash.params == parameters{{"c", "a/b"}});
  CHECK(slash.path == "/c/a/b");
  CHECK(all.find("GET", "/c/%2e%2e").params == parameters{{"c", ".."}});
  CHECK(all.find("GET", "/c%2Fa").result == outcome::not_found);
}

TEST_CASE("paths that match nothing", "[net][router]") {
  const router all = with({{"GET", "/c/{c}"}, {"GET", "/up"}});
  const auto path =
      GENERATE("/", "/c", "/c/", "/c/a/", "/c/a/b", "//up", "/up/", "/UP", "/c//", "/../up", "/x");
  CAPTURE(path);
  CHECK(all.find("GET", path).result == outcome::not_found);
}

TEST_CASE("a path of many segments is not found, and costs no more", "[net][router]") {
  const router all = with({{"GET", "/c/{c}"}});
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "/a";
  CHECK(all.find("GET", path).result == outcome::not_found);
}

TEST_CASE("malformed paths are told apart from unknown ones", "[net][router]") {
  const router all = with({{"GET", "/c/{c}"}});
  const auto path = GENERATE("/c/%", "/c/%zz", "/c/%00", "/c/%ff", "/%", "c", "");
  CAPTURE(path);
  CHECK(all.find("GET", path).result == outcome::malformed);
}

TEST_CASE("a known path with another method says which ones it has", "[net][router]") {
  const router all =
      with({{"GET", "/c/{c}"}, {"DELETE", "/c/{c}"}, {"POST", "/c/new"}, {"POST", "/only"}});
  const auto match = all.find("PUT", "/c/new");
  CHECK(match.result == outcome::method_not_allowed);
  CHECK(match.allow == "DELETE, GET, HEAD, OPTIONS, POST");
  CHECK(all.find("GET", "/only").allow == "OPTIONS, POST");
}

TEST_CASE("HEAD takes the handler of GET where it has none", "[net][router]") {
  const router all = with({{"GET", "/a"}, {"GET", "/b"}, {"HEAD", "/b"}, {"POST", "/c"}});
  CHECK(run(all.find("HEAD", "/a")) == "GET /a");
  CHECK(run(all.find("HEAD", "/b")) == "HEAD /b");
  CHECK(all.find("HEAD", "/c").result == outcome::method_not_allowed);
}

TEST_CASE("a mount prefix comes before every path", "[net][router]") {
  const auto prefix = GENERATE("/velo", "velo", "/velo/");
  const router all = with({{"GET", "/"}, {"GET", "/up"}}, prefix);
  CHECK(all.find("GET", "/velo/up").path == "/up");
  CHECK(run(all.find("GET", "/velo/up")) == "GET /up");
  CHECK(run(all.find("GET", "/velo")) == "GET /");
  CHECK(run(all.find("GET", "/velo/")) == "GET /");
  CHECK(all.find("GET", "/up").result == outcome::not_found);
  CHECK(all.find("GET", "/velox/up").result == outcome::not_found);
  CHECK(all.find("GET", "/velo/velo/up").result == outcome::not_found);
}

TEST_CASE("routes that cannot be meant are refused", "[net][router]") {
  router all = with({{"GET", "/c/{c}"}});
  CHECK_THROWS_AS(all.add("GET", "/c/{other}", {}), std::invalid_argument);
  CHECK_THROWS_AS(all.add("GET", "c", {}), std::invalid_argument);
  CHECK_THROWS_AS(all.add("GET", "/c//d", {}), std::invalid_argument);
  CHECK_THROWS_AS(all.add("GET", "/c/", {}), std::invalid_argument);
  CHECK_THROWS_AS(all.add("GET", "/{c", {}), std::invalid_argument);
}
