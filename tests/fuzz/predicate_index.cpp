// Any bytes as a record and filters, one a line, between them a user's record where the
// second line is one: the index finds those that the evaluator finds, for the user and
// for a guest, before and after some have gone.

#include "rules/predicate_index.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "rules/evaluate.hpp"
#include "rules/json.hpp"
#include "rules/parser.hpp"
#include "tests/fuzz/time_bound.hpp"

namespace {

using namespace velo::rules;

// As it was written, and who asks: the evaluator does without what binding has made of it.
struct asked {
  expression filter;
  parameters who;
};

void compare(predicate_index& index, const std::vector<asked>& kept, std::size_t step,
             const nlohmann::json& before, const nlohmann::json& after) {
  const record_change change{&before, &after, action::updated, "2026-01-31 12:00:00.000Z"};
  std::vector<match> found;
  index.match_change(change, found);
  std::size_t expected = 0;
  for (std::size_t i = 0; i < kept.size(); i += step) {
    const auto& [filter, who] = kept[i];
    match one{static_cast<subscriber_id>(i),
              evaluate(filter, who, {before, change.act, change.now}),
              evaluate(filter, who, {after, change.act, change.now})};
    if (!one.before && !one.after) continue;
    ++expected;
    if (std::find(found.begin(), found.end(), one) == found.end()) std::abort();
  }
  if (found.size() != expected) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto line = [&] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto found = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return found;
  };
  static const auto other = nlohmann::json::parse(
      R"({"a":1,"b":"x","c":[1,"2",null],"d":{"e":true},"t":"Straße","n":null,"f":1.5})");
  const auto parsed = parse_record(line());
  const auto& record = parsed ? *parsed : other;
  const auto user = parse_record(rest.substr(0, rest.find('\n')));
  if (user) line();
  predicate_index index;
  std::vector<asked> kept;
  const auto put = [&](const expression& filter, const parameters& who) {
    index.put(static_cast<subscriber_id>(kept.size()), bind(filter, who));
    kept.push_back({filter, who});
  };
  while (!rest.empty() && kept.size() < 256) {
    const auto filter = parse(line());
    if (!filter) continue;
    put(*filter, parameters{});
    if (user) put(*filter, parameters{.auth = &*user});
  }
  compare(index, kept, 1, other, record);
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (i % 2 != 0) index.remove(static_cast<subscriber_id>(i));
  }
  compare(index, kept, 2, record, other);
  return 0;
}
