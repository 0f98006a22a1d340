// Any bytes as an explain request: the lexer, the parser, binding and the
// evaluator answer, the bound predicate agrees with the tree as parsed, and the tree's
// text is parsed to the same tree.

#include "rules/explain.hpp"
#include "rules/bind.hpp"
#include "rules/evaluate.hpp"
#include "rules/parser.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(velo::rules::explain(text, size % 2 == 0));
  const auto filter = velo::rules::parse(text);
  if (!filter) return 0;
  // A tree's text may be longer than the one it was made of.
  const velo::rules::limits wide{1U << 20U, 1000, 100'000, 100'000, 1000};
  const auto again = velo::rules::parse(to_string(*filter), wide);
  if (!again || !(*again == *filter)) std::abort();
  static const auto record = nlohmann::json::parse(
      R"({"a":1,"b":"x","c":[1,"2",null],"d":{"e":true},"t":"Straße","n":null,"f":1.5})");
  static const auto user = nlohmann::json::parse(R"({"id":"u1","role":"admin","teams":["a"]})");
  velo::rules::parameters who;
  who.auth = &user;
  const velo::rules::subject change{record, velo::rules::action::updated,
                                    "2026-01-31 12:00:00.000Z"};
  const bool folded = velo::rules::evaluate(velo::rules::bind(*filter, who), change);
  if (folded != velo::rules::evaluate(*filter, who, change)) std::abort();
  return 0;
}
