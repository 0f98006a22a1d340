#include "actors/write_answer_codec.hpp"

#include "tests/actors/support/print.hpp"
#include "tests/support/catch.hpp"

namespace velo::actors {

using nlohmann::json;

TEST_CASE("a first answer is kept as it was", "[actors][write_answer_codec]") {
  write_answer answer;
  const json record{{"id", "r1"}, {"n", 9223372036854775807}, {"half", 0.1}, {"text", "ü\"\\"}};
  answer.results.emplace_back(written{"r1", std::make_shared<const json>(record), 7, false});
  answer.results.emplace_back(
      failure{failure_kind::invalid, "No.", {{"role", "guarded"}, {"role", "twice"}}});
  answer.results.emplace_back(unavailable("Later."));
  answer.sequence = 7;

  const auto again = decode_write_answer(encode(answer));
  REQUIRE(again);
  CHECK_FALSE(again->refused);
  CHECK(again->sequence == 7);
  REQUIRE(again->results.size() == 3);
  CHECK(again->results[0]->record_id == "r1");
  CHECK(*again->results[0]->record == record);
  CHECK(again->results[0]->sequence == 7);
  CHECK_FALSE(again->results[0]->viewable);
  CHECK(again->results[1].error() == answer.results[1].error());
  CHECK(again->results[2].error() == answer.results[2].error());
}

TEST_CASE("bytes that are no answer decode to nothing", "[actors][write_answer_codec]") {
  for (const char* bad : {"", "{", "[]", "null", R"({"sequence":1})", R"({"results":7})",
                          R"({"results":[{}],"sequence":1})", R"({"results":[7],"sequence":1})",
                          R"({"results":[{"record":{}}],"sequence":1})"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_write_answer(bad));
  }
}

}  // namespace velo::actors
