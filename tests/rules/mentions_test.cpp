#include "rules/mentions.hpp"

#include <optional>
#include <string>
#include <vector>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

TEST_CASE("what a tree mentions is read from the text, not from its meaning", "[rules][mentions]") {
  CHECK(mentions_auth(tree("@request.auth.id = owner")));
  CHECK(mentions_auth(tree("true OR NOT (a = 1 AND b IN @request.auth.teams)")));
  CHECK(mentions_auth(tree("@request.auth IS NULL")));
  CHECK_FALSE(mentions_auth(tree("a = '@request.auth.id'")));
  CHECK(mentions_query(tree("room = @request.query.room")));
  CHECK_FALSE(mentions_query(tree("query = 1")));
  CHECK(mentions_action(tree("a = 1 OR @action != deleted")));
  CHECK(mentions_now(tree("NOT due < @now")));
  CHECK_FALSE(mentions_now(tree("now = 1 AND action = 2")));
}

TEST_CASE("record fields are first names, each once", "[rules][mentions]") {
  CHECK(record_fields(tree("b.x = 1 AND a = 2 AND @record.b.y IN c")) ==
        std::vector<std::string>{"a", "b", "c"});
  CHECK(record_fields(tree("a = b")) == std::vector<std::string>{"a"});
  CHECK(record_fields(tree("@request.auth.id = b")) == std::vector<std::string>{"b"});
  CHECK(record_fields(tree("@record = @request.auth")) == std::vector<std::string>{""});
}

TEST_CASE("a filter may not name a hidden field", "[rules][mentions]") {
  const auto [filter, named] = GENERATE(table<const char*, const char*>({
      {"secret = 1", "secret"},
      {"a = 1 OR NOT secret.part IS NULL", "secret.part"},
      {"@record.secret = 1", "secret"},
      {"a = @record.secret.x", "secret.x"},
      {"@request.auth.id = secret", "secret"},
      {"5 IN secret", "secret"},
      {"secret IN (1)", "secret"},
      {"secret ?= 1", "secret"},
      {"@record = @record.a", "@record"},
      {"@record IS NULL", "@record"},
      {"@request.auth.token = a", "@request.auth.token"},
      {"@request.auth.token.0 IS NULL", "@request.auth.token.0"},
      {"@request.auth = @record.a", "@request.auth"},
      {"a IN @request.auth", "@request.auth"},
      {"@request.auth IS NOT NULL", ""},
      {"@request.auth != null", ""},
      {"a = secret", ""},  // text
      {"a.secret = 1", ""},
      {"Secret = 1", ""},
      {"token = 1", ""},
      {"@request.auth.secret = a", ""},
      {"@request.query.secret = a", ""},
  }));
  CAPTURE(filter);
  const auto found = names_hidden_field(tree(filter), {"other", "secret"}, {"token"});
  CHECK(found.value_or("") == std::string(named));
}

TEST_CASE("without hidden fields everything may be named", "[rules][mentions]") {
  for (const auto* filter : {"secret = 1", "@record = @request.auth", "@request.auth.token = a"}) {
    CHECK_FALSE(names_hidden_field(tree(filter), {}, {}).has_value());
  }
  CHECK_FALSE(names_hidden_field(tree("@request.auth = @record.a"), {"x"}, {}).has_value());
}
