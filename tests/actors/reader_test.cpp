#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

struct reading : world {
  std::string users = collection("users", {{"type", "auth"}});
  identity ada = user_of(users, "ada");

  reading() { create(users, "ada", {{"team", "red"}}); }

  list_answer list(list_request wanted) {
    if (wanted.collection.empty()) wanted.collection = "posts";
    return ask<list_answer>(reader, list_request_ptr{std::make_shared<const list_request>(wanted)});
  }
  std::string ids(const list_request& wanted) {
    const auto answer = list(wanted);
    REQUIRE(answer.result);
    std::string out;
    for (const auto& r : nlohmann::json::parse((*answer.result)->records))
      out += r.at("id").get<std::string>() + ' ';
    return out;
  }
  view_answer view(const std::string& id, const identity& who) {
    return ask<view_answer>(reader, view_request{who, "posts", id});
  }
};

list_request as(const identity& who) {
  list_request wanted;
  wanted.who = who;
  return wanted;
}

}  // namespace

TEST_CASE("a list is what rule and filter let the caller see", "[actors][reader]") {
  reading w;
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.team = team"}}}});
  w.create(posts, "a", {{"team", "red"}, {"n", 1}});
  w.create(posts, "b", {{"team", "blue"}, {"n", 2}});
  w.create(posts, "c", {{"team", "red"}, {"n", 3}});
  CHECK(w.ids(as(w.ada)) == "a c ");
  CHECK(w.ids(as(superuser)) == "a b c ");
  auto wanted = as(w.ada);
  wanted.filter = "n > 1";
  CHECK(w.ids(wanted) == "c ");
  CHECK(w.list(as(guest)).result.error().kind == failure_kind::unauthenticated);
  CHECK(w.list(as(ingester)).result.error().kind == failure_kind::forbidden);
  wanted.filter = "n >";
  CHECK(w.list(wanted).result.error().errors.at(0).first == "filter");
}

TEST_CASE("a list is paged with a total, or by cursor without one", "[actors][reader]") {
  reading w;
  const auto posts = w.collection("posts");
  for (int i = 0; i < 7; ++i)
    w.create(posts, std::string(1, static_cast<char>('a' + i)), {{"n", i % 2}});
  auto wanted = as(guest);
  wanted.per_page = 3;
  CHECK((*w.list(wanted).result)->total == 7);
  wanted.page = 3;
  CHECK(w.ids(wanted) == "g ");
  wanted.page = 4;
  CHECK(w.ids(wanted).empty());
  wanted.page = 1;
  for (const auto& [sort, expected] :
       {std::pair<std::string, std::string>{"", "a b c d e f g "}, {"-n", "b d f a c e g "}}) {
    wanted.sort = sort;
    wanted.cursor = "";
    std::string all;
    for (int pages = 0; wanted.cursor && pages < 10; ++pages) {
      all += w.ids(wanted);
      const auto next = (*w.list(wanted).result)->next_cursor;
      wanted.cursor = next;
    }
    CHECK(all == expected);
  }
  wanted.cursor = "7b7d";
  CHECK(w.list(wanted).result.error().errors.at(0).first == "cursor");
}

TEST_CASE("a page of a list is bounded in bytes", "[actors][reader]") {
  reading w;
  w.options.page_bytes_max = 1000;
  const auto posts = w.collection("posts");
  const std::string text(150, 'x');
  for (int i = 0; i < 20; ++i)
    w.create(posts, std::string(1, static_cast<char>('a' + i)), {{"text", text}});
  w.create(posts, "z", {{"text", std::string(2000, 'x')}});
  auto wanted = as(guest);
  wanted.per_page = 30;
  // By number it would have to be whole.
  CHECK(w.list(wanted).result.error().errors.at(0).first == "per_page");
  wanted.per_page = 2;
  CHECK(w.ids(wanted) == "a b ");
  wanted.per_page = 30;
  wanted.cursor = "";
  std::string all;
  int pages = 0;
  for (; wanted.cursor && pages < 30; ++pages) {
    const auto page = w.list(wanted);
    REQUIRE(page.result);
    all += w.ids(wanted);
    // Only one that is too large by itself makes a page larger.
    CHECK(((*page.result)->records.size() <= 1000 || w.ids(wanted) == "z "));
    wanted.cursor = (*page.result)->next_cursor;
  }
  CHECK(all == "a b c d e f g h i j k l m n o p q r s t z ");
  CHECK(pages > 5);
}

TEST_CASE("hidden fields are seen, sorted and filtered by superusers only", "[actors][reader]") {
  reading w;
  const auto posts = w.collection("posts", {{"hidden", {"secret"}}});
  w.create(posts, "a", {{"secret", 2}});
  w.create(posts, "b", {{"secret", 1}});
  auto wanted = as(superuser);
  wanted.sort = "secret";
  wanted.filter = "secret > 0";
  CHECK(w.ids(wanted) == "b a ");
  CHECK((*w.view("a", superuser).result)->at("secret") == 2);
  for (const auto& who : {guest, w.ada}) {
    CHECK((*w.list(as(who)).result)->records.find("secret") == std::string::npos);
    CHECK_FALSE((*w.view("a", who).result)->contains("secret"));
    auto sorted = as(who);
    sorted.sort = "secret";
    CHECK(w.list(sorted).result.error().errors.at(0).first == "sort");
    auto filtered = as(who);
    filtered.filter = "secret = 1";
    CHECK(w.list(filtered).result.error().errors.at(0).first == "filter");
  }
}

TEST_CASE("a record that the view rule hides is not found", "[actors][reader]") {
  reading w;
  const auto posts = w.collection("posts", {{"rules", {{"view", "@request.auth.id = owner"}}}});
  w.create(posts, "a", {{"owner", "ada"}});
  w.create(posts, "b", {{"owner", "bob"}});
  CHECK(w.view("a", w.ada).result);
  CHECK(w.view("b", w.ada).result.error().kind == failure_kind::not_found);
  CHECK(w.view("a", guest).result.error().kind == failure_kind::not_found);
  CHECK(w.view("none", w.ada).result.error().kind == failure_kind::not_found);
  CHECK(w.view("b", superuser).result);
  w.remove(w.users, "ada");
  CHECK(w.view("a", w.ada).result.error().kind == failure_kind::unauthenticated);
  CHECK(w.list(as(w.ada)).result.error().kind == failure_kind::unauthenticated);
}

}  // namespace velo::actors
