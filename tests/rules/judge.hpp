// One line to ask whether a filter holds for a record.

#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "rules/bind.hpp"
#include "rules/evaluate.hpp"
#include "rules/json.hpp"
#include "rules/parser.hpp"
#include "rules/rule.hpp"

namespace velo::rules::test {

inline const std::string noon = "2026-01-31 12:00:00.000Z";

inline nlohmann::json json_of(const std::string& text) {
  return parse_json(text).value();
}
inline expression tree(const std::string& text) {
  return parse(text).value();
}

/// Judges twice, bound and as parsed, and insists that they agree.
inline bool judge(const std::string& filter, const std::string& record,
                  const std::string& auth = "null", const std::string& query = "{}",
                  action act = action::created) {
  const auto parsed = tree(filter);
  const auto body = json_of(record);
  const auto user = json_of(auth);
  const auto parameter = json_of(query);
  const parameters identity{&user, &parameter, false};
  const subject change{body, act, noon};
  const bool plain = evaluate(parsed, identity, change);
  const auto bound = bind(parsed, identity);
  if (evaluate(bound, change) != plain) {
    throw std::logic_error("bound and plain disagree on " + filter + ": " +
                           to_string(bound.expr()));
  }
  return plain;
}

/// As `judge`, of `left op right` where each side is a value that is a literal
/// ("lit"), a record's ("rec") or the user's ("auth").
struct value {
  const char* json;
  const char* from;
};

inline bool judge(const value& left, const std::string& op, const value& right) {
  auto record = nlohmann::json::object();
  auto auth = nlohmann::json::object();
  const auto side = [&](const value& v, const std::string& name) -> std::string {
    const std::string from = v.from;
    if (from == "lit") {
      const auto parsed = json_of(v.json);
      return to_string(constant::literal(parsed));
    }
    (from == "rec" ? record : auth)[name] = json_of(v.json);
    return (from == "rec" ? "@record." : "@request.auth.") + name;
  };
  const auto l = side(left, "l");
  const auto r = side(right, "r");
  return judge(l + " " + op + " " + r, record.dump(), auth.dump());
}

}  // namespace velo::rules::test
