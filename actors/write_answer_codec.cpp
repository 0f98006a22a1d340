#include "actors/write_answer_codec.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;

json to_json_value(const outcome<written>& result) {
  if (result)
    return {{"id", result->record_id},
            {"record", *result->record},
            {"sequence", result->sequence},
            {"viewable", result->viewable}};
  const auto& f = result.error();
  return {{"kind", static_cast<unsigned>(f.kind)}, {"message", f.message}, {"errors", f.errors}};
}

outcome<written> result_from_json(const json& value) {
  if (const auto record = value.find("record"); record != value.end())
    return written{value.at("id"), std::make_shared<const json>(*record), value.at("sequence"),
                   value.at("viewable")};
  return failure{static_cast<failure_kind>(value.at("kind").get<unsigned>()), value.at("message"),
                 value.at("errors")};
}

}  // namespace

std::string encode(const write_answer& answer) {
  json results = json::array();
  for (const auto& r : answer.results) results.push_back(to_json_value(r));
  return json{{"results", std::move(results)}, {"sequence", answer.sequence}}.dump();
}

std::optional<write_answer> decode_write_answer(std::string_view bytes) try {
  const auto value = json::parse(bytes);
  write_answer answer;
  for (const auto& r : value.at("results")) answer.results.push_back(result_from_json(r));
  answer.sequence = value.at("sequence");
  return answer;
} catch (const json::exception&) {
  return std::nullopt;
}

}  // namespace velo::actors
