#include "actors/event_body.hpp"

#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

namespace velo::actors {

using nlohmann::json;

namespace {

storage::change change_of(json record, rules::action action = rules::action::updated) {
  storage::change c;
  c.action = action;
  c.record = std::make_shared<const json>(std::move(record));
  return c;
}

// As a client reads it: the frame's `data` is a text that holds JSON.
json payload(const event& e) {
  return json::parse(json::parse('"' + e.data + '"').get<std::string>());
}

}  // namespace

TEST_CASE("an event holds action and record and nothing else", "[actors][event_body]") {
  const json record{{"id", "r1"}, {"text", "a \"quote\", a \\, \n\t\r\x01 and 🌊"}};
  const auto e = render(change_of(record), {}, "{action}");
  CHECK(e.name == "updated");
  CHECK(payload(e) == json{{"action", "updated"}, {"record", record}});
}

TEST_CASE("hidden fields are in no event", "[actors][event_body]") {
  auto c = change_of({{"id", "r1"}, {"secret", "s"}, {"title", "x"}}, rules::action::deleted);
  c.old_record = c.record;
  const auto e = render(c, {"secret", "absent"}, "{action}");
  CHECK(payload(e).at("record") == json{{"id", "r1"}, {"title", "x"}});
  CHECK(e.data.find("secret") == std::string::npos);
}

TEST_CASE("a record without hidden fields is not copied", "[actors][event_body]") {
  const auto record = std::make_shared<const json>(json{{"id", "r1"}});
  CHECK(visible(record, {"secret"}) == record);
}

TEST_CASE("the event's name follows the template", "[actors][event_body]") {
  CHECK(render(change_of({}), {}, "posts.{action}").name == "posts.updated");
  CHECK(render(change_of({}), {}, "change").name == "change");
}

TEST_CASE("every byte of a text survives the inside of a JSON string", "[actors][event_body]") {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  CHECK(json::parse('"' + escape_json(all) + '"') == all);
}

}  // namespace velo::actors
