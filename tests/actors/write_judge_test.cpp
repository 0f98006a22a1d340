#include "actors/write_judge.hpp"

#include "actors/time_text.hpp"
#include "tests/actors/support/values.hpp"
#include "tests/support/catch.hpp"

namespace velo::actors {

namespace {

constexpr std::int64_t now = 1'769'860'800'000;  // 2026-01-31 12:00:00.000Z
const std::string now_spelled = "2026-01-31 12:00:00.000Z";

json_ptr record(json value) {
  return std::make_shared<const json>(std::move(value));
}

struct judging {
  storage::collection definition;
  identity who = user_of("users", "ada");
  json_ptr auth = record({{"id", "ada"}, {"role", "reader"}});
  engine_options options;

  judging() {
    definition.id = "posts";
    definition.name = "posts";
    definition.rules = {"", "", "", "", ""};
  }

  [[nodiscard]] outcome<judged_write> operator()(const write_operation& wanted,
                                                 const json_ptr& stored = nullptr) const {
    const auto target =
        make_write_target(std::make_shared<const storage::collection>(definition), {});
    return judge(target, wanted, wanted.record_id, stored, {who, auth}, now, options);
  }
  void as(const identity& other) {
    who = other;
    auth = nullptr;
  }
};

failure_kind kind_of(const outcome<judged_write>& judged) {
  REQUIRE(judged.has_error());
  return judged.error().kind;
}

write_operation create(json fields) {
  return operation(write_kind::create, "r1", std::move(fields));
}
write_operation update(json fields) {
  return operation(write_kind::update, "r1", std::move(fields));
}
write_operation remove() {
  return operation(write_kind::remove, "r1");
}

}  // namespace

TEST_CASE("a create gets its id and the server's times", "[actors][write_judge]") {
  const auto judged = judging{}(create({{"title", "x"}, {"created", "1999"}, {"updated", 7}}));
  REQUIRE(judged);
  CHECK(*judged->change.record ==
        json{{"id", "r1"}, {"title", "x"}, {"created", now_spelled}, {"updated", now_spelled}});
  CHECK(judged->change.old_record == nullptr);
  CHECK(judged->change.action == rules::action::created);
  CHECK(judged->change.committed_ms == now);
  CHECK(judged->effect == record_effect::put);
}

TEST_CASE("a create is judged on the resulting record", "[actors][write_judge]") {
  judging j;
  j.definition.rules.create = "@request.auth.id = owner";
  CHECK(j(create({{"owner", "ada"}})));
  CHECK(kind_of(j(create({{"owner", "bob"}}))) == failure_kind::forbidden);
  j.as(guest);
  CHECK(kind_of(j(create({{"owner", "ada"}}))) == failure_kind::unauthenticated);
  j.definition.rules.create = "created = '" + now_spelled + "'";
  CHECK(j(create({{"created", "1999"}})));
}

TEST_CASE("whether an id is taken is told only to those who may create", "[actors][write_judge]") {
  judging j;
  const auto taken = record({{"id", "r1"}});
  CHECK(kind_of(j(create({}), taken)) == failure_kind::conflict);
  j.definition.rules.create = std::nullopt;
  CHECK(kind_of(j(create({}), taken)) == failure_kind::forbidden);
}

TEST_CASE("an update is judged on the stored and on the resulting record",
          "[actors][write_judge]") {
  judging j;
  j.definition.rules.update = "@request.auth.id = owner";
  const auto mine = record({{"id", "r1"}, {"owner", "ada"}, {"title", "a"}});
  const auto other = record({{"id", "r1"}, {"owner", "bob"}, {"title", "a"}});
  CHECK(j(update({{"title", "b"}}), mine));
  CHECK(kind_of(j(update({{"owner", "bob"}}), mine)) == failure_kind::forbidden);
  CHECK(kind_of(j(update({{"owner", "ada"}}), other)) == failure_kind::forbidden);
  CHECK(kind_of(j(update({{"title", "b"}}))) == failure_kind::not_found);
}

TEST_CASE("a record that the caller may not view does not exist for him", "[actors][write_judge]") {
  judging j;
  j.definition.rules.view = j.definition.rules.update = j.definition.rules.remove =
      "@request.auth.id = owner";
  const auto other = record({{"id", "r1"}, {"owner", "bob"}});
  CHECK(kind_of(j(update({}), other)) == failure_kind::not_found);
  CHECK(kind_of(j(remove(), other)) == failure_kind::not_found);
  j.definition.rules.view = "";
  CHECK(kind_of(j(update({}), other)) == failure_kind::forbidden);
  CHECK(kind_of(j(remove(), other)) == failure_kind::forbidden);
}

TEST_CASE("an update says whether its writer may see the outcome", "[actors][write_judge]") {
  judging j;
  j.definition.rules.view = "@request.auth.id = owner";
  CHECK(j(update({}), record({{"id", "r1"}, {"owner", "ada"}}))->viewable);
  CHECK_FALSE(j(update({}), record({{"id", "r1"}, {"owner", "bob"}}))->viewable);
}

TEST_CASE("an update changes the given fields, never id and created", "[actors][write_judge]") {
  const auto stored = record(
      {{"id", "r1"}, {"created", "then"}, {"updated", "before"}, {"a", 1}, {"b", {{"c", 2}}}});
  const auto judged =
      judging{}(update({{"id", "r1"}, {"created", "x"}, {"b", nullptr}, {"d", 4}}), stored);
  REQUIRE(judged);
  CHECK(judged->change.record->at("created") == "then");
  CHECK(judged->change.record->at("b").is_null());
  CHECK(judged->change.record->at("a") == 1);
  CHECK(judged->change.record->at("d") == 4);
  CHECK(judged->change.old_record == stored);
  CHECK(kind_of(judging{}(update({{"id", "r2"}}), stored)) == failure_kind::invalid);
  CHECK(kind_of(judging{}(update({{"id", 1}}), stored)) == failure_kind::invalid);
}

TEST_CASE("`updated` increases within a millisecond and when the clock steps back",
          "[actors][write_judge]") {
  const auto updated = [](const json& before) {
    const auto judged = judging{}(update({}), record({{"id", "r1"}, {"updated", before}}));
    REQUIRE(judged);
    return judged->change.record->at("updated").get<std::string>();
  };
  CHECK(updated("2026-01-31 11:00:00.000Z") == now_spelled);
  CHECK(updated(now_spelled) == "2026-01-31 12:00:00.001Z");
  CHECK(updated("2026-01-31 12:00:05.999Z") == "2026-01-31 12:00:06.000Z");
  CHECK(updated("what a text") == now_spelled);
  CHECK(updated(7) == now_spelled);
}

TEST_CASE("guarded and hidden fields are written by superuser and ingest only",
          "[actors][write_judge]") {
  judging j;
  j.definition.guarded = {"role"};
  j.definition.hidden = {"secret"};
  const auto stored = record({{"id", "r1"}, {"role", "reader"}});
  for (const char* field : {"role", "secret"}) {
    const auto refused = j(create({{field, "x"}}));
    REQUIRE(kind_of(refused) == failure_kind::invalid);
    CHECK(refused.error().errors.at(0).first == field);
    CHECK(kind_of(j(update({{field, "x"}}), stored)) == failure_kind::invalid);
  }
  // The stored value stays through an update that does not name it.
  CHECK(j(update({{"title", "x"}}), stored)->change.record->at("role") == "reader");
  j.as(superuser);
  CHECK(j(create({{"role", "admin"}, {"secret", "x"}})));
}

TEST_CASE("a null rule is for superusers only", "[actors][write_judge]") {
  judging j;
  j.definition.rules = {};
  const auto stored = record({{"id", "r1"}});
  CHECK(kind_of(j(create({}))) == failure_kind::forbidden);
  CHECK(kind_of(j(update({}), stored)) == failure_kind::not_found);
  j.as(superuser);
  CHECK(j(create({})));
  CHECK(j(update({}), stored));
  CHECK(j(remove(), stored));
}

TEST_CASE("a rule that no longer parses closes the collection", "[actors][write_judge]") {
  judging j;
  j.definition.rules.create = "a = (";
  CHECK(kind_of(j(create({}))) == failure_kind::forbidden);
}

TEST_CASE("a delete carries the last state", "[actors][write_judge]") {
  const auto stored = record({{"id", "r1"}, {"title", "last"}});
  const auto judged = judging{}(remove(), stored);
  REQUIRE(judged);
  CHECK(judged->change.record == stored);
  CHECK(judged->effect == record_effect::erase);
}

TEST_CASE("an ingested change is an upsert, bound by no rule", "[actors][write_judge]") {
  judging j;
  j.definition.rules = {};
  j.as(ingester);
  const auto stored = record({{"id", "r1"}, {"created", "2020-01-01 00:00:00.000Z"}, {"a", 1}});
  const auto made = j(ingested(rules::action::updated, "r1", {{"b", 2}}));
  REQUIRE(made);
  CHECK(made->change.record->at("created") == now_spelled);
  const auto replaced = j(ingested(rules::action::created, "r1", {{"b", 2}}), stored);
  REQUIRE(replaced);
  CHECK_FALSE(replaced->change.record->contains("a"));
  CHECK(replaced->change.record->at("created") == "2020-01-01 00:00:00.000Z");
  j.who = user_of("users", "ada");
  CHECK(kind_of(j(ingested(rules::action::created, "r1"))) == failure_kind::forbidden);
}

TEST_CASE("an ingested change has the times it brings, else the stored ones, else the server's",
          "[actors][write_judge]") {
  judging j;
  j.as(ingester);
  const std::string brought = "2020-01-01 00:00:00.000Z";
  const auto odd = record({{"id", "r1"}, {"created", 5}, {"updated", json::array()}});
  for (const auto& stored : {json_ptr{}, odd}) {
    const auto judged = j(ingested(rules::action::updated, "r1", {{"updated", 1.5}}), stored);
    REQUIRE(judged);
    CHECK(judged->change.record->at("created") == now_spelled);
    CHECK(judged->change.record->at("updated") == now_spelled);
    const auto given =
        j(ingested(rules::action::updated, "r1", {{"updated", brought}, {"created", brought}}),
          stored);
    CHECK(given->change.record->at("created") == brought);
    CHECK(given->change.record->at("updated") == brought);
  }
}

TEST_CASE("an ingested delete is judged on the last state known here", "[actors][write_judge]") {
  judging j;
  j.as(ingester);
  auto wanted = ingested(rules::action::deleted, "r1", {{"title", "named"}});
  CHECK(j(wanted)->change.record->at("title") == "named");
  wanted.old_record = record({{"id", "r1"}, {"title", "brought"}});
  CHECK(j(wanted)->change.record->at("title") == "brought");
  const auto stored = record({{"id", "r1"}, {"title", "stored"}});
  CHECK(j(wanted, stored)->change.record->at("title") == "stored");
  wanted.old_record = record({{"title", "no id"}});
  CHECK(j(wanted)->change.record->at("id") == "r1");
}

TEST_CASE("the ingest key writes no users", "[actors][write_judge]") {
  judging j;
  j.definition.type = storage::collection_type::auth;
  j.as(ingester);
  CHECK(kind_of(j(ingested(rules::action::created, "r1"))) == failure_kind::forbidden);
  CHECK(kind_of(j(create({}))) == failure_kind::forbidden);
  j.as(superuser);
  CHECK(j(ingested(rules::action::created, "r1")));
}

TEST_CASE("where ingested changes are not mirrored, records are still written",
          "[actors][write_judge]") {
  judging j;
  j.definition.mirror = false;
  j.as(superuser);
  const auto passing = j(ingested(rules::action::created, "r1"));
  CHECK(passing->effect == record_effect::none);
  CHECK_FALSE(passing->change.record->contains("created"));
  CHECK(j(create({}))->effect == record_effect::put);
  CHECK(j(remove(), record({{"id", "r1"}}))->effect == record_effect::erase);
}

TEST_CASE("what could not be an event is refused", "[actors][write_judge]") {
  judging j;
  j.as(superuser);
  j.options.record_bytes_max = 200;
  const std::string bad_utf8 = "\xff";
  CHECK(kind_of(j(create({{"text", bad_utf8}}))) == failure_kind::invalid);
  CHECK(kind_of(j(ingested(rules::action::deleted, "r1", {{"text", bad_utf8}}))) ==
        failure_kind::invalid);
  CHECK(kind_of(j(create({{"text", std::string(200, 'x')}}))) == failure_kind::too_large);
  CHECK(kind_of(j(create(json::array({1})))) == failure_kind::invalid);
  auto odd = ingested(rules::action::deleted, "r1");
  odd.old_record = record(7);
  CHECK(kind_of(j(odd)) == failure_kind::invalid);
  // A limit that was lowered does not keep anybody from deleting.
  const auto large = record({{"id", "r1"}, {"text", std::string(500, 'x')}});
  CHECK(j(remove(), large));
  CHECK(j(ingested(rules::action::deleted, "r1"), large));
}

TEST_CASE("ids are made, taken, or refused", "[actors][write_judge]") {
  const auto made = record_id_of(operation(write_kind::create, ""));
  REQUIRE(made);
  CHECK(made->size() == 15);
  CHECK(*record_id_of(operation(write_kind::create, "My-own_id")) == "My-own_id");
  for (const auto& bad : {std::string("a b"), std::string("ä"), std::string(65, 'x')}) {
    CHECK(record_id_of(operation(write_kind::create, bad)).error().kind == failure_kind::invalid);
    CHECK(record_id_of(operation(write_kind::ingest, bad)).error().kind == failure_kind::invalid);
    CHECK(record_id_of(operation(write_kind::update, bad)).error().kind == failure_kind::not_found);
  }
  CHECK(record_id_of(operation(write_kind::ingest, "")).error().kind == failure_kind::invalid);
}

}  // namespace velo::actors
