#include "rules/explain.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <random>
#include <string>
#include <thread>

#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using namespace velo::rules;
using nlohmann::json;

namespace {

json ask(const json& request, bool with_trace = false) {
  return json::parse(explain(request.dump(), with_trace));
}

}  // namespace

TEST_CASE("explain answers whether rule and filter hold", "[rules][explain]") {
  CHECK(explain("{}", false) == R"({"matches":true})");
  CHECK(explain(R"({"filter":"a = 1","record":{"a":2}})", false) == R"({"matches":false})");
  CHECK(ask({{"filter", "a = 1"}, {"record", R"({"a":1.0})"}})["matches"] == true);
  CHECK(ask({{"filter", "@request.auth.id = 'u'"}, {"auth", {{"id", "u"}}}})["matches"] == true);
  CHECK(ask({{"filter", "@request.auth.id = 'u'"}, {"auth", R"({"id":"u"})"}})["matches"] == true);
  CHECK(ask({{"filter", "@request.auth IS NULL"}, {"auth", nullptr}})["matches"] == true);
  CHECK(ask({{"filter", "@request.auth IS NULL"}, {"auth", "null"}})["matches"] == true);
  CHECK(ask({{"filter", "@action = 'deleted'"}, {"action", "deleted"}})["matches"] == true);
  CHECK(ask({{"filter", "@request.query.a = 'b'"}, {"query", {{"a", "b"}}}})["matches"] == true);
  CHECK(ask({{"filter", "@now = '2026-01-31 12:00:00.000Z'"},
             {"now", "2026-01-31 12:00:00.000Z"}})["matches"] == true);
  CHECK(ask({{"filter", "@now LIKE '____-__-__ __:__:__.___Z' AND @now > '2025'"}})["matches"] ==
        true);
  CHECK(ask({{"filter", nullptr}, {"more", 1}})["matches"] == true);
}

TEST_CASE("a superuser passes every rule, not every filter", "[rules][explain]") {
  CHECK(ask({{"rule", "false"}, {"superuser", true}})["matches"] == true);
  CHECK(ask({{"rule", nullptr}, {"superuser", true}})["matches"] == true);
  CHECK(ask({{"rule", nullptr}, {"superuser", true}, {"filter", "false"}})["matches"] == false);
  CHECK(ask({{"rule", nullptr}, {"superuser", false}})["matches"] == false);
  CHECK(ask({{"rule", "a ="}, {"superuser", true}}).contains("error"));
}

TEST_CASE("an error names the text, the column and the reason", "[rules][explain]") {
  const auto filter = ask({{"filter", "a ="}})["error"];
  CHECK(filter["column"] == 4);
  CHECK(filter["in"] == "filter");
  CHECK(filter["message"].get<std::string>().size() > 5);
  const auto both = ask({{"filter", "a ="}, {"rule", "b = = 1"}})["error"];
  CHECK(both["in"] == "rule");
  CHECK(both["column"] == 5);
}

TEST_CASE("a malformed request is an error without a column", "[rules][explain]") {
  for (const std::string text : {"",
                                 "x",
                                 "[]",
                                 "null",
                                 "{",
                                 "{\"filter\":1}",
                                 "{\"rule\":[]}",
                                 "{\"record\":1}",
                                 "{\"record\":\"[]\"}",
                                 "{\"record\":\"{\"}",
                                 "{\"record\":{\"a\":1e999}}",
                                 "{\"auth\":\"x\"}",
                                 "{\"auth\":[1]}",
                                 "{\"action\":\"create\"}",
                                 "{\"action\":5}",
                                 "{\"superuser\":1}",
                                 "{\"query\":{\"a\":1}}",
                                 "{\"now\":1}",
                                 "{\"filter\":\"\xFF\"}",
                                 "\"\xFF\""}) {
    CAPTURE(text);
    const auto answer = json::parse(explain(text, false));
    REQUIRE(answer.contains("error"));
    CHECK(answer["error"].contains("message"));
    CHECK_FALSE(answer["error"].contains("column"));
    CHECK_FALSE(answer["error"].contains("in"));
  }
}

TEST_CASE("the trace has every comparison in source order", "[rules][explain]") {
  const auto answer = ask({{"rule", "@request.auth.id = owner OR (a = 1 AND NOT b IN (1, x))"},
                           {"filter", "c ~ 'Q' AND true"},
                           {"auth", {{"id", "u1"}}},
                           {"record", {{"owner", "u1"}, {"b", "x"}, {"c", "quiz"}}}},
                          true);
  CHECK(answer["matches"] == true);
  const auto line = [](const char* text, bool value, const char* where, bool decides) {
    return json{{"expression", text}, {"value", value}, {"in", where}, {"decides", decides}};
  };
  CHECK(answer["trace"] == json::array({
                               line("@request.auth.id = @record.owner", true, "rule", true),
                               line("a = 1", false, "rule", false),
                               line("b IN (1, 'x')", true, "rule", false),
                               line("c ILIKE 'Q'", true, "filter", true),
                           }));
  CHECK_FALSE(answer.contains("warnings"));
  CHECK(ask({{"rule", nullptr}}, true)["trace"][0]["value"] == false);
  CHECK(ask({{"filter", "@action = created"}}, true)["warnings"][0]["column"] == 11);
}

TEST_CASE("the trace names the comparisons that decide", "[rules][explain]") {
  const auto deciding = [](const json& request) {
    std::string out;
    const auto answer = ask(request, true);
    for (const auto& step : answer["trace"])
      if (step["decides"] == true) out += step["expression"].get<std::string>() + "; ";
    return out;
  };
  const json record{{"a", 1}, {"b", 2}};
  CHECK(deciding({{"filter", "a = 1 AND b = 2"}, {"record", record}}) == "a = 1; b = 2; ");
  CHECK(deciding({{"filter", "a = 1 AND b = 3"}, {"record", record}}) == "b = 3; ");
  CHECK(deciding({{"filter", "a = 1 OR b = 3"}, {"record", record}}) == "a = 1; ");
  CHECK(deciding({{"filter", "a = 2 OR b = 3"}, {"record", record}}) == "a = 2; b = 3; ");
  CHECK(deciding({{"filter", "NOT (a = 1 AND b = 3)"}, {"record", record}}) == "b = 3; ");
  // Rule and filter are one AND.
  CHECK(deciding({{"rule", "a = 2"}, {"filter", "b = 2"}, {"record", record}}) == "a = 2; ");
  CHECK(deciding({{"rule", "a = 1"}, {"filter", "b = 3"}, {"record", record}}) == "b = 3; ");
  CHECK(deciding({{"rule", "a = 2"}, {"filter", "b = 3"}, {"record", record}}) == "a = 2; b = 3; ");
  CHECK(deciding({{"rule", nullptr}, {"filter", "b = 2"}, {"record", record}}) ==
        "SUPERUSER_ONLY; ");
  CHECK(
      deciding({{"rule", nullptr}, {"superuser", true}, {"filter", "b = 3"}, {"record", record}}) ==
      "b = 3; ");
}

TEST_CASE("a stream is answered line by line", "[rules][explain]") {
  explain_session session;
  std::string answers;
  session.feed("{}\n\n \r\n{\"filter\":\"a = 1\"}\r\n{\"fil", answers);
  CHECK(answers == "{\"matches\":true}\n{\"matches\":false}\n");
  answers.clear();
  session.feed("ter\":\"tru", answers);
  session.feed("e\"}", answers);
  CHECK(answers.empty());
  session.finish(answers);
  CHECK(answers == "{\"matches\":true}\n");
  answers.clear();
  session.finish(answers);
  CHECK(answers.empty());
}

TEST_CASE("a line past the limit is an error, and the next line is answered", "[rules][explain]") {
  explain_session session;
  std::string answers;
  const std::string part(explain_line_bytes_max / 4 + 1, ' ');
  for (int i = 0; i < 9; ++i) session.feed(part, answers);
  CHECK(answers.empty());
  session.feed("\n{}\n", answers);
  CHECK(answers.find("longer than") != std::string::npos);
  CHECK(answers.find("\n{\"matches\":true}\n") != std::string::npos);
  answers.clear();
  session.feed(std::string(explain_line_bytes_max + 1, 'x') + "\n", answers);
  CHECK(answers.find("longer than") != std::string::npos);
  answers.clear();
  session.feed(std::string(explain_line_bytes_max + 1, 'x'), answers);
  session.finish(answers);
  CHECK(answers.find("longer than") != std::string::npos);
}

TEST_CASE("an interactive peer gets its answer before it asks again", "[rules][explain]") {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  REQUIRE(::pipe(in.data()) == 0);
  REQUIRE(::pipe(out.data()) == 0);
  bool ended = false;
  std::thread server([&] { ended = explain_stream(in[0], out[1]); });
  for (int i = 0; i < 3; ++i) {
    const std::string request = "{\"filter\":\"true\"}\n";
    REQUIRE(::write(in[1], request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    std::array<char, 64> answer{};
    const auto count = ::read(out[0], answer.data(), answer.size());
    CHECK(std::string(answer.data(), static_cast<std::size_t>(count)) == "{\"matches\":true}\n");
  }
  ::close(in[1]);
  server.join();
  CHECK(ended);
  for (const int fd : {in[0], out[0], out[1]}) ::close(fd);
}

TEST_CASE("whatever bytes come in, a line of JSON comes out", "[rules][explain]") {
  std::mt19937 random(99);  // NOLINT
  const std::string valid =
      R"json({"filter":"a LIKE '%x_' AND (b IN (1,'\\u00e9') OR NOT c.d ?!= @request.auth.id)",)json"
      R"json("rule":"x = 1","record":"{\"a\":[1,null]}","auth":{"id":"u"},"action":"updated"})json";
  for (int i = 0; i < 20'000; ++i) {
    auto text = valid;
    for (auto n = 1 + random() % 4; n > 0; --n) {
      const auto at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 5);
          break;
        case 2:
          text.insert(at, 1, "(){}[]'\"\\!?=<>~&|@.%_,"[random() % 23]);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 20));
      }
      if (text.empty()) text = " ";
    }
    const auto answer = explain(text, i % 2 == 0);
    const auto parsed = json::parse(answer, nullptr, false);
    INFO(text);
    REQUIRE(parsed.is_object());
    REQUIRE((parsed.contains("matches") || parsed.contains("error")));
    REQUIRE(answer.find('\n') == std::string::npos);
  }
}
