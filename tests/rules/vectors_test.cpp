// The worked cases of the language, through explain.

#include <algorithm>
#include <fstream>
#include <string>

#include "rules/explain.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using nlohmann::json;
using velo::rules::explain;

namespace {

bool accepted(const json& columns, const json& column) {
  if (columns.is_null()) return true;
  if (!columns.is_array()) return columns == column;
  return std::find(columns.begin(), columns.end(), column) != columns.end();
}

}  // namespace

TEST_CASE("every worked case has its expected answer", "[rules][vectors]") {
  std::ifstream file(VELO_RULES_VECTORS);
  REQUIRE(file);
  const auto cases = json::parse(file);
  CHECK(cases.size() >= 160);
  const bool with_trace = GENERATE(false, true);
  for (const auto& each : cases) {
    INFO(each["id"] << ": " << each["why"]);
    json request;
    for (const auto* key : {"filter", "rule", "record", "auth", "action"}) {
      if (each.contains(key)) request[key] = each[key];
    }
    const auto answer = json::parse(explain(request.dump(), with_trace));
    INFO(answer.dump());
    const auto& expected = each["expect"];
    if (expected.is_boolean()) {
      CHECK(answer.value("matches", json()) == expected);
      continue;
    }
    REQUIRE(answer.contains("error"));
    const auto& error = answer["error"];
    CHECK(error["in"] == expected["in"]);
    CHECK(accepted(expected["column"], error["column"]));
    if (expected.contains("limit")) {
      CHECK(error["message"].get<std::string>().find(expected["limit"].dump()) !=
            std::string::npos);
    }
  }
}
