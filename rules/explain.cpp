#include "rules/explain.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <vector>

#include "rules/evaluate.hpp"
#include "rules/json.hpp"
#include "rules/normalise.hpp"
#include "rules/parser.hpp"
#include "rules/time_text.hpp"

namespace velo::rules {

namespace {

using nlohmann::json;

using answer_json = nlohmann::ordered_json;

std::string line_of(const answer_json& answer) {
  // Messages quote what came in: whatever that was, the answer is UTF-8.
  return answer.dump(-1, ' ', false, answer_json::error_handler_t::replace);
}

std::string failure(const std::string& message) {
  return line_of({{"error", {{"message", message}}}});
}

std::string failure(const syntax_error& error, const char* where) {
  return line_of(
      {{"error", {{"message", error.message}, {"column", error.column}, {"in", where}}}});
}

/// The parts of a request, checked. A member function that returns false has
/// left the reason in `problem`.
struct request {
  json body;
  std::string problem;

  const json* find(const char* key) const {
    const auto found = body.find(key);
    return found == body.end() ? nullptr : &*found;
  }

  bool fail(const char* key, const char* expected) {
    problem = std::string("\"") + key + "\" must be " + expected;
    return false;
  }

  /// Nothing where the key is absent or null.
  bool text(const char* key, std::optional<std::string>& into) {
    const auto* found = find(key);
    if (found == nullptr || found->is_null()) return true;
    if (!found->is_string()) return fail(key, "a text");
    into = found->get_ref<const std::string&>();
    return true;
  }

  bool flag(const char* key, bool& into) {
    const auto* found = find(key);
    if (found == nullptr || found->is_null()) return true;
    if (!found->is_boolean()) return fail(key, "true or false");
    into = found->get<bool>();
    return true;
  }

  /// An object, or the JSON text of one; null where the key is absent or null.
  bool object(const char* key, json& into) {
    auto found = body.find(key);
    if (found == body.end()) return true;
    into = std::move(*found);
    if (into.is_string()) {
      auto parsed = parse_json(into.get_ref<const std::string&>());
      if (!parsed) {
        problem = std::string("\"") + key + "\": " + parsed.error().message;
        return false;
      }
      into = std::move(*parsed);
    }
    return into.is_null() || into.is_object() || fail(key, "an object or the JSON text of one");
  }

  bool texts(const char* key, json& into) {
    if (!object(key, into)) return false;
    for (const auto& value : into) {
      if (!value.is_string()) return fail(key, "an object of texts");
    }
    return true;
  }
};

struct question {
  rule who{expression()};
  expression filter;
  json record = json::object();
  json auth;
  json query;
  bool superuser = false;
  action act = action::created;
  std::string now;

  parameters identity() const { return {&auth, &query, superuser}; }
  subject change() const { return {record, act, now}; }
};

/// Reads everything but rule and filter; false with `from.problem` set.
bool read_facts(request& from, question& into) {
  std::optional<std::string> act;
  std::optional<std::string> now;
  if (!from.object("record", into.record) || !from.object("auth", into.auth) ||
      !from.texts("query", into.query) || !from.flag("superuser", into.superuser) ||
      !from.text("action", act) || !from.text("now", now)) {
    return false;
  }
  if (into.record.is_null()) into.record = json::object();
  if (act) {
    const auto known = parse_action(*act);
    if (!known) return from.fail("action", "created, updated or deleted");
    into.act = *known;
  }
  into.now = now ? std::move(*now)
                 : format_time(std::chrono::floor<std::chrono::milliseconds>(
                       std::chrono::system_clock::now()));
  return true;
}

/// Calls `visit(leaf, decides)` for every comparison, in source order. One decides
/// if the whole has its value because of it: the false terms of a false AND, the
/// true ones of a true OR, otherwise all.
template <class Visitor>
void for_each_decision(const expression& tree, bool decides, const question& asked,
                       Visitor&& visit) {
  const auto value = [&](const expression& of) {
    return evaluate(of, asked.identity(), asked.change());
  };
  std::visit(
      overloaded{[](bool) {}, [&](const comparison& leaf) { visit(leaf, decides); },
                 [&](const conjunction& all) {
                   const bool held = value(tree);
                   for (const auto& term : all.terms)
                     for_each_decision(term, decides && (held || !value(term)), asked, visit);
                 },
                 [&](const disjunction& some) {
                   const bool held = value(tree);
                   for (const auto& term : some.terms)
                     for_each_decision(term, decides && (!held || value(term)), asked, visit);
                 },
                 [&](const negation& inverse) {
                   for_each_decision(inverse.operand, decides, asked, visit);
                 }},
      tree.node());
}

answer_json trace_of(const question& asked) {
  auto trace = answer_json::array();
  const auto value = [&](const expression& of) {
    return evaluate(of, asked.identity(), asked.change());
  };
  const auto add = [&](const expression& tree, const char* where, bool decides) {
    for_each_decision(tree, decides, asked, [&](const comparison& leaf, bool it_does) {
      trace.push_back({{"expression", to_string(leaf)},
                       {"value", evaluate(leaf, asked.identity(), asked.change())},
                       {"in", where},
                       {"decides", it_does}});
    });
  };
  // Rule and filter are joined by AND.
  const bool closed = asked.who.superusers_only();
  const bool allowed = asked.superuser || (!closed && value(asked.who.condition()));
  const bool filtered = value(asked.filter);
  if (closed) {
    trace.push_back({{"expression", "SUPERUSER_ONLY"},
                     {"value", asked.superuser},
                     {"in", "rule"},
                     {"decides", filtered || !allowed}});
  } else if (!asked.superuser) {
    add(asked.who.condition(), "rule", filtered || !allowed);
  }
  add(asked.filter, "filter", allowed || !filtered);
  return trace;
}

/// Parses again, since what a text warns of is asked for here only.
answer_json warnings_of(const std::optional<std::string>& rule_text,
                        const std::optional<std::string>& filter_text, const limits& within) {
  auto warnings = answer_json::array();
  const auto add = [&](const std::optional<std::string>& text, const char* where) {
    std::vector<warning> found;
    if (text) static_cast<void>(parse(*text, within, &found));
    for (const auto& each : found) {
      warnings.push_back({{"message", each.message}, {"column", each.column}, {"in", where}});
    }
  };
  add(rule_text, "rule");
  add(filter_text, "filter");
  return warnings;
}

/// Parsed texts by their text, so that a stream of requests about one rule
/// parses it once. Starts over when it has grown.
template <class Value>
class text_cache {
 public:
  template <class Parse>
  const result<Value>& get(const std::string& text, Parse parse) {
    const auto known = values_.find(text);
    if (known != values_.end()) return known->second;
    constexpr std::size_t texts_max = 256;
    if (values_.size() == texts_max) values_.clear();
    return values_.emplace(text, parse(text)).first->second;
  }

 private:
  std::unordered_map<std::string, result<Value>> values_;
};

struct compiled_texts {
  text_cache<rule> rules;
  text_cache<expression> filters;
};

std::string answer_to(std::string_view request_json, bool with_trace, compiled_texts& known,
                      const limits& within = {}) {
  auto parsed = parse_record(request_json);
  if (!parsed) return failure(parsed.error().message);
  request from{std::move(*parsed), {}};

  std::optional<std::string> rule_text;
  std::optional<std::string> filter_text;
  question asked;
  if (!from.text("rule", rule_text) || !from.text("filter", filter_text) ||
      !read_facts(from, asked)) {
    return failure(from.problem);
  }
  // An absent rule is the empty rule; null means superusers only.
  if (!rule_text) {
    if (from.find("rule") != nullptr) asked.who = rule();
  } else {
    const auto& who = known.rules.get(
        *rule_text, [&](const std::string& text) { return rule::parse(text, within); });
    if (!who) return failure(who.error(), "rule");
    asked.who = *who;
  }
  if (filter_text) {
    const auto& filter = known.filters.get(
        *filter_text, [&](const std::string& text) { return parse(text, within); });
    if (!filter) return failure(filter.error(), "filter");
    asked.filter = *filter;
  }

  // As bind() does it, less the hash that only a predicate kept needs.
  const auto bound = normalise(asked.who, asked.filter, asked.identity());
  const bool matches = evaluate(bound, {}, asked.change());
  if (!with_trace) return matches ? R"({"matches":true})" : R"({"matches":false})";
  answer_json answer{{"matches", matches}, {"trace", trace_of(asked)}};
  if (auto warnings = warnings_of(rule_text, filter_text, within); !warnings.empty()) {
    answer["warnings"] = std::move(warnings);
  }
  return line_of(answer);
}

}  // namespace

std::string explain(std::string_view request_json, bool with_trace, const limits& within) {
  compiled_texts none;
  return answer_to(request_json, with_trace, none, within);
}

struct explain_session::compiled : compiled_texts {};

explain_session::explain_session(bool with_trace)
    : compiled_(std::make_unique<compiled>()), with_trace_(with_trace) {}
explain_session::~explain_session() = default;

void explain_session::feed(std::string_view bytes, std::string& answers) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    const bool ended = end != std::string_view::npos;
    if (!too_long_ && pending_.size() + part.size() > explain_line_bytes_max) {
      too_long_ = true;
      pending_.clear();
    }
    if (!ended) {
      if (!too_long_) pending_ += part;
      return;
    }
    if (pending_.empty()) {
      answer(part, answers);
    } else {
      pending_ += part;
      answer(pending_, answers);
      pending_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void explain_session::finish(std::string& answers) {
  if (too_long_ || !pending_.empty()) answer(pending_, answers);
  pending_.clear();
}

void explain_session::answer(std::string_view line, std::string& answers) {
  if (too_long_) {
    answers +=
        failure("a request is longer than " + std::to_string(explain_line_bytes_max) + " bytes");
    too_long_ = false;
  } else if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
    return;
  } else {
    answers += answer_to(line, with_trace_, *compiled_);
  }
  answers += '\n';
}

namespace {

/// Waits where the descriptor is non-blocking; returns whether to go on.
bool retry(int descriptor, short event) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  pollfd waiting{descriptor, event, 0};
  return ::poll(&waiting, 1, -1) >= 0 || errno == EINTR;
}

bool write_all(int out, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(out, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (!retry(out, POLLOUT)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool explain_stream(int in, int out, bool with_trace) {
  explain_session session(with_trace);
  std::vector<char> buffer(std::size_t{64} * 1024);
  std::string answers;
  while (true) {
    const auto count = ::read(in, buffer.data(), buffer.size());
    if (count < 0) {
      if (retry(in, POLLIN)) continue;
      return false;
    }
    if (count == 0) session.finish(answers);
    session.feed({buffer.data(), static_cast<std::size_t>(count)}, answers);
    if (!write_all(out, answers)) return false;
    answers.clear();
    if (count == 0) return true;
  }
}

}  // namespace velo::rules
