#include <string>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules::test;

namespace {

const std::string ann = R"({"id":"u1","teams":["t1","t2"],"none":[],"nulls":[null],)"
                        R"("mixed":[1,"",null,[1],{"a":1}],"nul":null,"empty":"","n":5})";

}  // namespace

TEST_CASE("IN with a list is OR over =", "[rules][membership]") {
  const auto [record, filter, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"({"x":2})", "x IN (1, 2)", true},
      {R"({"x":3})", "x IN (1, 2)", false},
      {R"({"x":3})", "x NOT IN (1, 2)", true},
      {R"({"x":2})", "x not in (1, 2)", false},
      {R"({"x":"1.0"})", "x IN (1)", true},
      {R"({"x":1})", "x IN ('1')", true},
      {R"({"x":true})", "x IN (1)", true},
      {R"({"x":[1]})", "x IN (1)", false},
      {R"({"x":"active"})", "x IN (active, 'closed', -1, 2.5, true, null)", true},
      {R"({"x":-1})", "x IN (active, 'closed', -1, 2.5, true, null)", true},
      {R"({})", "x IN (active, 'closed', -1, 2.5, true, null)", true},
      {R"({"x":"c:d"})", "x IN (a.b, c:d)", true},
      {R"({"x":"owner","owner":"me"})", "x IN (owner)", true},
      {R"({"x":"me","owner":"me"})", "@record.x IN (owner)", false},
      {R"({"x":2})", "2 IN (1, 2)", true},
      {R"({})", "'' IN (null)", true},
      {R"({})", "null IN ('')", true},
  }));
  CAPTURE(record, filter);
  CHECK(judge(filter, record) == expected);
}

TEST_CASE("IN with a path searches an array and nothing else", "[rules][membership]") {
  const auto [record, filter, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"({"members":["u0","u1"]})", "@request.auth.id IN members", true},
      {R"({"members":["u0"]})", "@request.auth.id IN members", false},
      {R"({"members":[]})", "@request.auth.id IN members", false},
      {R"({"members":"u1"})", "@request.auth.id IN members", false},
      {R"({"members":{"u1":"u1"}})", "@request.auth.id IN members", false},
      {R"({})", "@request.auth.id IN members", false},
      {R"({})", "@request.auth.id NOT IN members", true},
      {R"({"members":[null]})", "@request.auth.nul IN members", false},
      {R"({"members":[""]})", "@request.auth.nul IN members", false},
      {R"({"members":[""]})", "@request.auth.empty IN members", true},
      {R"({"team":"t2"})", "team IN @request.auth.teams", true},
      {R"({"team":"t3"})", "team IN @request.auth.teams", false},
      {R"({"team":"t3"})", "team NOT IN @request.auth.teams", true},
      {R"({"team":"t1"})", "team IN @request.auth.none", false},
      {R"({"team":"t1"})", "team IN @request.auth.id", false},
      {R"({})", "team IN @request.auth.nulls", false},
      {R"({})", "team IN @request.auth.mixed", false},
      {R"({"team":""})", "team IN @request.auth.mixed", true},
      {R"({"team":[1.0]})", "team IN @request.auth.mixed", true},
      {R"({"team":"1"})", "team IN @request.auth.mixed", true},
      {R"({"x":1,"y":["1"]})", "x IN @record.y", true},
      {R"({"x":1,"y":{"z":[1]}})", "x IN @record.y.z", true},
      {R"({"y":[null]})", "null IN y", true},
      {R"({"y":[null]})", "'' IN y", true},
      {R"({"y":[""]})", "null IN y", false},
      {R"({"y":[null]})", "x IN y", false},
      {R"({"y":["y"]})", "'y' IN y", true},
      {R"({"x":1})", "x IN @record", false},
      {R"({})", "'created' IN @action", false},
      {R"({"acts":["created"]})", "@action IN acts", true},
  }));
  CAPTURE(record, filter);
  CHECK(judge(filter, record, ann) == expected);
}

TEST_CASE("?op asks for some element of the left side", "[rules][membership]") {
  const auto [record, filter, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"({"t":["a","b"]})", "t ?= b", true},
      {R"({"t":["a","b"]})", "t ?= c", false},
      {R"({"t":["a","b"]})", "t ?!= a", true},
      {R"({"t":["a","a"]})", "t ?!= a", false},
      {R"({"t":[]})", "t ?= a", false},
      {R"({"t":[]})", "t ?!= a", false},
      {R"({"t":[]})", "NOT t ?!= a", true},
      {R"({"t":"a"})", "t ?= a", true},
      {R"({"t":{"a":1}})", "t ?= a", false},
      {R"({})", "t ?!= 'x'", true},
      {R"({})", "t ?= null", true},
      {R"({})", "t ?= ''", true},
      {R"({"t":[""]})", "t ?= null", false},
      {R"({"t":[null]})", "t ?= ''", true},
      {R"({"t":[1,6]})", "t ?> 5", true},
      {R"({"t":[1,6]})", "t ?>= 6", true},
      {R"({"t":[1,6]})", "t ?> 6", false},
      {R"({"t":[1,6]})", "t ?< 1", false},
      {R"({"t":[1,6]})", "t ?<= 1", true},
      {R"({"t":["10"]})", "t ?< '6'", true},
      {R"({"t":["10"]})", "t ?< 6", false},
      {R"({"t":["Abc","x"]})", "t ?~ 'BC'", true},
      {R"({"t":["Abc","x"]})", "t ?!~ 'BC'", true},
      {R"({"t":["a","b"]})", "t ?!~ '%'", false},
      {R"({"t":[]})", "t ?!~ '%'", false},
      {R"({"t":[null]})", "t ?!~ '%'", true},
      {R"({"t":[["a"]]})", "t ?= a", false},
      {R"({"t":[["a"]],"u":["a"]})", "t ?= @record.u", true},
      {R"({"team":"t1"})", "@request.auth.teams ?= team", true},
      {R"({"team":"t3"})", "@request.auth.teams ?= team", false},
      {R"({"team":"t1"})", "@request.auth.teams ?!= team", true},
      {R"({"team":"t1"})", "@request.auth.none ?= team", false},
      {R"({"team":"t1"})", "@request.auth.none ?!= team", false},
      {R"({"team":"t1"})", "NOT @request.auth.none ?!= team", true},
      {R"({})", "@request.auth.nul ?= team", false},
      {R"({})", "@request.auth.nul ?!= team", true},
      {R"({"t":[null]})", "t ?= @request.auth.nul", false},
      {R"({"t":[null]})", "t ?!= @request.auth.nul", true},
      {R"({"t":[]})", "t ?!= @request.auth.nul", false},
      {R"({})", "null ?= x", true},
      {R"({"x":""})", "null ?= x", false},
      {R"({})", "'' ?= x", true},
      {R"({"x":4})", "5 ?> x", true},
      {R"({"t":[5]})", "t ?= 5", true},
      {R"({"t":[1,[5]]})", "t ?> 0", true},
  }));
  CAPTURE(record, filter);
  CHECK(judge(filter, record, ann) == expected);
}
