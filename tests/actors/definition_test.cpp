#include "actors/definition.hpp"

#include "tests/actors/support/print.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

using nlohmann::json;

namespace {

engine_options options_with_apps() {
  engine_options o;
  o.apps = {"one", "two"};
  return o;
}

outcome<storage::collection> change(const json& fields, storage::collection base = {}) {
  return change_definition(std::move(base), fields, options_with_apps());
}

std::string field_at_fault(const outcome<storage::collection>& changed) {
  REQUIRE(changed.has_error());
  REQUIRE(changed.error().kind == failure_kind::invalid);
  return changed.error().errors.at(0).first;
}

storage::collection existing() {
  auto c = *change({{"name", "posts"}, {"hidden", {"secret"}}, {"rules", {{"list", "a = 1"}}}});
  c.id = "posts0123456789";
  return c;
}

}  // namespace

TEST_CASE("a new collection needs a name and is closed to all but superusers",
          "[actors][definition]") {
  CHECK(field_at_fault(change(json::object())) == "name");
  const auto made = change({{"name", "posts"}});
  REQUIRE(made);
  CHECK(made->rules == storage::rule_texts{});
  CHECK(made->type == storage::collection_type::base);
  CHECK(made->history == storage::history_mode::durable);
  CHECK(made->mirror);
}

TEST_CASE("what is not named stays", "[actors][definition]") {
  const auto changed = change({{"rules", {{"view", ""}}}}, existing());
  REQUIRE(changed);
  CHECK(changed->rules.list == "a = 1");
  CHECK(changed->rules.view == "");
  CHECK(changed->hidden == std::vector<std::string>{"secret"});
  CHECK(change({{"rules", {{"list", nullptr}}}}, existing())->rules.list == std::nullopt);
}

TEST_CASE("a wrong value names its field", "[actors][definition]") {
  const auto [fields, at_fault] = GENERATE(table<json, std::string>({
      {{{"name", 7}}, "name"},
      {{{"name", "a b"}}, "name"},
      {{{"name", "1a"}}, "name"},
      {{{"name", std::string(65, 'x')}}, "name"},
      {{{"type", "other"}}, "type"},
      {{{"type", "auth"}}, "type"},  // of an existing base collection
      {{{"rules", "public"}}, "rules"},
      {{{"rules", {{"list", 7}}}}, "rules.list"},
      {{{"rules", {{"read", ""}}}}, "rules.read"},
      {{{"hidden", "secret"}}, "hidden"},
      {{{"hidden", json::array({7})}}, "hidden"},
      {{{"hidden", json::array({"id"})}}, "hidden"},
      {{{"hidden", json::array({"profile.email"})}}, "hidden"},
      {{{"guarded", json::object()}}, "guarded"},
      {{{"guarded", json::array({""})}}, "guarded"},
      {{{"history", "sometimes"}}, "history"},
      {{{"mirror", "yes"}}, "mirror"},
      {{{"shards", 0}}, "shards"},
      {{{"shards", 65}}, "shards"},
      {{{"shards", 1.5}}, "shards"},
      {{{"shards", -1}}, "shards"},
      {{{"shards", true}}, "shards"},
      {{{"app", "three"}}, "app"},
      {{{"app", 1}}, "app"},
      {{{"color", "red"}}, "color"},
  }));
  CAPTURE(fields.dump());
  CHECK(field_at_fault(change(fields, existing())) == at_fault);
}

TEST_CASE("a bad rule is told with its column", "[actors][definition]") {
  const auto changed = change({{"rules", {{"list", "a = 1)"}}}}, existing());
  REQUIRE(field_at_fault(changed) == "rules.list");
  CHECK(changed.error().message.find("column 6") != std::string::npos);
}

TEST_CASE("one answer names all that is wrong", "[actors][definition]") {
  CHECK(change({{"name", 7}, {"mirror", 1}}, existing()).error().errors.size() == 2);
}

TEST_CASE("what the server sets is ignored", "[actors][definition]") {
  const auto changed =
      change({{"id", "mine"}, {"created", "x"}, {"updated", "y"}, {"app", "two"}}, existing());
  REQUIRE(changed);
  CHECK(changed->id == existing().id);
  CHECK(changed->app == "two");
}

TEST_CASE("what is no object changes nothing or is refused", "[actors][definition]") {
  for (const auto& odd : {json(), json::array(), json("text"), json(7)}) {
    CAPTURE(odd.dump());
    CHECK(field_at_fault(change(odd)) != "id");
  }
}

}  // namespace velo::actors
