#include <optional>
#include <string>

#include "rules/subscribe_decision.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using namespace velo::rules::test;

namespace {

using text = std::optional<std::string>;

decision ask(const text& rule_text, const std::string& filter, const std::string& auth,
             bool superuser = false, const std::string& query = "{}") {
  const auto who = rule::parse(rule_text).value();
  const auto user = json_of(auth);
  const auto parameter = json_of(query);
  return decide(who, tree(filter), {&user, &parameter, superuser});
}

const std::string guest = "null";
const std::string ann = R"({"id":"u1","role":"editor"})";
const decision refused_guest{access::unauthenticated, false};
const decision refused_user{access::forbidden, false};
const decision as_public{access::granted, true};
const decision as_private{access::granted, false};

}  // namespace

TEST_CASE("the bound rule decides who may subscribe", "[rules][decide]") {
  const auto [rule_text, for_guest, for_ann] = GENERATE(table<text, decision, decision>({
      {"", as_public, as_public},
      {"published = true", as_public, as_public},
      {std::nullopt, refused_guest, refused_user},
      {" SUPERUSER_ONLY ", refused_guest, refused_user},
      {"false", refused_guest, refused_user},
      {"@request.auth.id != ''", refused_guest, as_private},
      {"@request.auth.id = owner", refused_guest, as_private},
      {"owner = @request.auth.id", refused_guest, as_private},
      {"@request.auth.id IN members", refused_guest, as_private},
      {"team IN @request.auth.teams", refused_guest, refused_user},
      {"@request.auth.role = 'admin'", refused_guest, refused_user},
      {"@request.auth.role = 'editor'", refused_guest, as_private},
      {"@request.auth.age < n", refused_guest, refused_user},
      {"public = true OR @request.auth.id = owner", as_public, as_private},
      {"@request.auth.id = null", as_public, refused_user},
      {"owner != @request.auth.id", as_public, as_private},
      {"@action = 'deleted'", as_public, as_public},
      {"a = 1 AND a = 2", as_public, as_public},
  }));
  CAPTURE(rule_text.value_or("(null)"));
  CHECK(ask(rule_text, "", guest) == for_guest);
  CHECK(ask(rule_text, "", ann) == for_ann);
  CHECK(ask(rule_text, "", guest, true) == as_private);
  CHECK(ask(rule_text, "", ann, true) == as_private);
}

TEST_CASE("a filter never refuses, but makes private what names the user", "[rules][decide]") {
  CHECK(ask("", "false", guest) == as_public);
  CHECK(ask("", "@request.auth.id = owner", guest) == as_public);
  CHECK(ask("", "@request.auth.id = owner", ann) == as_private);
  CHECK(ask("", "true OR @request.auth.id = owner", ann) == as_private);
  CHECK(ask("", "a = 1", ann) == as_public);
}

TEST_CASE("a rule that names a query parameter is nobody else's", "[rules][decide]") {
  CHECK(ask("room = @request.query.room", "", guest, false, R"({"room":"r"})") == as_private);
  CHECK(ask("room = @request.query.room", "", ann, false, R"({"room":"r"})") == as_private);
  CHECK(ask("room = @request.query.room", "", guest) == refused_guest);
  CHECK(ask("", "room = @request.query.room", guest, false, R"({"room":"r"})") == as_public);
  CHECK(ask("", "room = @request.query.room", ann, false, R"({"room":"r"})") == as_public);
}

TEST_CASE("a guest is who has no user record, given as null or not at all", "[rules][decide]") {
  const auto who = rule::parse("@request.auth.id != ''").value();
  CHECK(decide(who, expression(), {}) == refused_guest);
  const nlohmann::json null;
  CHECK(decide(who, expression(), {&null, nullptr, false}) == refused_guest);
}
