#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

collection_answer declare(world& w, const json& fields) {
  auto input = std::make_shared<collection_input>();
  input->target = fields.at("name");
  input->fields = std::make_shared<const json>(fields);
  input->declared = true;
  return w.ask<collection_answer>(w.registry, collection_input_ptr{std::move(input)});
}

std::vector<std::string> names(world& w) {
  std::vector<std::string> out;
  for (const auto& c : w.ask<collection_list>(w.registry, list_collections{}).items)
    out.push_back(c->name);
  return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a collection is found by name and by id", "[actors][registry]") {
  world w;
  const auto id = w.collection("posts");
  CHECK(w.find("posts").definition->id == id);
  CHECK(w.find(id).definition->name == "posts");
  CHECK_FALSE(w.find("other").definition);
  CHECK_FALSE(w.find("").definition);
}

TEST_CASE("a renamed collection has its new name only, and its subscribers", "[actors][registry]") {
  world w;
  const auto id = w.collection("posts");
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts"));
  REQUIRE(w.define({{"name", "articles"}}, "posts").result);
  CHECK_FALSE(w.find("posts").definition);
  CHECK(w.find("articles").definition->id == id);
  w.create(id, "r1");
  CHECK(c.session->story() == "succeeded created:r1");
  CHECK(w.collection("posts") != id);
  CHECK(names(w) == texts{"articles", "posts"});
}

TEST_CASE("a name is taken once", "[actors][registry]") {
  world w;
  w.collection("posts");
  w.collection("other");
  CHECK(w.define({{"name", "posts"}}).result.error().kind == failure_kind::conflict);
  CHECK(w.define({{"name", "posts"}}, "other").result.error().kind == failure_kind::conflict);
  CHECK(w.define({{"name", "x"}}, "nowhere").result.error().kind == failure_kind::not_found);
  CHECK(names(w) == texts{"other", "posts"});
}

TEST_CASE("definitions that come together are made one after another", "[actors][registry]") {
  world w;
  std::vector<reply<collection_answer>> replies;
  for (int i = 0; i < 5; ++i) {
    auto input = std::make_shared<collection_input>();
    input->fields = std::make_shared<const json>(json{{"name", i % 2 == 0 ? "even" : "odd"}});
    replies.push_back(
        w.begin<collection_answer>(w.registry, collection_input_ptr{std::move(input)}));
  }
  w.settle();
  int made = 0;
  for (const auto& r : replies) made += (*r).result ? 1 : 0;
  CHECK(made == 2);
  CHECK(names(w) == texts{"even", "odd"});
}

TEST_CASE("a declared collection is made once and changed after that", "[actors][registry]") {
  world w;
  const auto made = declare(w, {{"name", "posts"}, {"rules", {{"list", ""}}}});
  REQUIRE(made.result);
  const auto same = declare(w, {{"name", "posts"}, {"rules", {{"list", ""}}}});
  CHECK(**same.result == **made.result);
  const auto changed = declare(w, {{"name", "posts"}, {"rules", {{"list", "a = 1"}}}});
  CHECK((*changed.result)->id == (*made.result)->id);
  CHECK((*changed.result)->rules.list == "a = 1");
}

TEST_CASE("a restart restores collections with their rules, records and sequences",
          "[actors][registry]") {
  world w;
  const auto id = w.collection("posts", {{"hidden", {"secret"}}, {"guarded", {"role"}}});
  w.collection("gone");
  w.ask<collection_answer>(w.registry, collection_removal{"gone"});
  const auto before = *w.find("posts").definition;
  w.create(id, "r1");
  w.restart();
  CHECK(*w.find("posts").definition == before);
  CHECK(names(w) == texts{"posts"});
  CHECK(w.record(id, "r1"));
  CHECK(w.create(id, "r2", {{"role", "x"}}, guest).error().kind == failure_kind::invalid);
  CHECK(w.create(id, "r2")->sequence == 2);
}

TEST_CASE("whoever waits for a definition is answered when the registry ends",
          "[actors][registry]") {
  const int at = GENERATE(range(0, 12));
  CAPTURE(at);
  world w;
  std::vector<reply<collection_answer>> replies;
  for (const char* name : {"one", "two"}) {
    auto input = std::make_shared<collection_input>();
    input->fields = std::make_shared<const json>(json{{"name", name}});
    replies.push_back(
        w.begin<collection_answer>(w.registry, collection_input_ptr{std::move(input)}));
  }
  for (int i = 0; i < at; ++i) w.step();
  caf::anon_send_exit(w.registry, caf::exit_reason::user_shutdown);
  w.settle();
  for (const auto& r : replies) CHECK(r.has_come());
}

TEST_CASE("without the store, a new collection is refused and leaves no actor behind",
          "[actors][registry]") {
  world w;
  caf::anon_send_exit(w.store, caf::exit_reason::user_shutdown);
  w.settle();
  const auto before = w.system->registry().running();
  CHECK(w.define({{"name", "posts"}}).result.error().kind == failure_kind::unavailable);
  CHECK(w.system->registry().running() == before);
}

}  // namespace velo::actors
