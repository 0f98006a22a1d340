#include "actors/sort_order.hpp"

#include "tests/actors/support/print.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

namespace velo::actors {

using nlohmann::json;

namespace {

std::vector<std::string> sorted_ids(const std::string& text, std::vector<json> records) {
  const auto order = sort_order::parse(text, {});
  REQUIRE(order);
  std::sort(records.begin(), records.end(), [&](const json& a, const json& b) {
    return order->before(order->place_of(a), order->place_of(b));
  });
  std::vector<std::string> ids;
  for (const auto& r : records) ids.push_back(r.at("id"));
  return ids;
}

using ids = std::vector<std::string>;

}  // namespace

TEST_CASE("records are sorted by the fields, then by id", "[actors][sort_order]") {
  const std::vector<json> records{{{"id", "c"}, {"n", 1}, {"g", "x"}},
                                  {{"id", "a"}, {"n", 2}, {"g", "y"}},
                                  {{"id", "b"}, {"n", 1}, {"g", "y"}}};
  CHECK(sorted_ids("", records) == ids{"a", "b", "c"});
  CHECK(sorted_ids("n", records) == ids{"b", "c", "a"});
  CHECK(sorted_ids("-n", records) == ids{"a", "b", "c"});
  CHECK(sorted_ids("-g,+n", records) == ids{"b", "a", "c"});
}

TEST_CASE("values of any type have a place", "[actors][sort_order]") {
  const std::vector<json> records{{{"id", "a"}, {"n", "text"}},
                                  {{"id", "b"}},
                                  {{"id", "c"}, {"n", json::array({1})}},
                                  {{"id", "d"}, {"n", 1.5}},
                                  {{"id", "e"}, {"n", true}}};
  CHECK(sorted_ids("n", records).size() == 5);
  CHECK(sorted_ids("n", records).front() == "b");
  CHECK(sort_order::parse("", {})->place_of({{"id", 7}}).back() == "");
}

TEST_CASE("a sort that is none is refused", "[actors][sort_order]") {
  for (const char* bad : {",a", "a,", "a,,b", "-", "a b", "a.b", "--a", "1", "a,b,c,d,e,f,g,h,i"}) {
    CAPTURE(bad);
    REQUIRE(sort_order::parse(bad, {}).has_error());
    CHECK(sort_order::parse(bad, {}).error().errors.at(0).first == "sort");
  }
  CHECK(sort_order::parse("a,b,c,d,e,f,g,h", {}));
}

TEST_CASE("a sort may not name a hidden field", "[actors][sort_order]") {
  for (const char* text : {"secret", "-secret", "title,+secret"})
    CHECK(sort_order::parse(text, {"secret"}).has_error());
}

TEST_CASE("a cursor names a place of its own order and of no other", "[actors][sort_order]") {
  const auto order = sort_order::parse("-n,title", {});
  const auto place =
      order->place_of({{"id", "r1"}, {"n", 0.1}, {"title", "Grüße \"🌊\""}, {"x", 1}});
  const auto cursor = order->cursor_of(place);
  CHECK(order->place_of_cursor(cursor) == place);
  CHECK_FALSE(sort_order::parse("n,title", {})->place_of_cursor(cursor));
  CHECK_FALSE(sort_order::parse("", {})->place_of_cursor(cursor));
}

TEST_CASE("a cursor that we did not make is nothing", "[actors][sort_order]") {
  const auto order = sort_order::parse("n", {});
  const auto hex = [](const std::string& text) {
    std::string out;
    for (const unsigned char c : text) {
      out += "0123456789abcdef"[c >> 4U];
      out += "0123456789abcdef"[c & 15U];
    }
    return out;
  };
  CHECK(order->place_of_cursor(hex(R"({"s":"n","p":[1,"r1"]})")));
  for (const auto& bad : {std::string("x"), std::string("zz"), std::string("7b"), hex("[]"),
                          hex("null"), hex(R"({"s":"n"})"), hex(R"({"s":1,"p":[1,"r1"]})"),
                          hex(R"({"s":"n","p":[1]})"), hex(R"({"s":"n","p":[1,2]})"),
                          hex(R"({"s":"n","p":{"a":1,"b":"r1"}})"), hex(R"({"s":"n","p":[1,""]})"),
                          hex(R"({"s":"n","p":[1,")" + std::string(600, 'x') + "\"]}")}) {
    CAPTURE(bad);
    CHECK_FALSE(order->place_of_cursor(bad));
  }
}

}  // namespace velo::actors
