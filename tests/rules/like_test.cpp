#include "rules/like.hpp"

#include <algorithm>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "rules/utf8.hpp"
#include "tests/rules/judge.hpp"
#include "tests/support/catch.hpp"

using velo::rules::like_pattern;
using namespace velo::rules::test;

namespace {

bool like(const std::string& pattern, const std::string& text) {
  return like_pattern(pattern, false).matches(text);
}

bool ilike(const std::string& pattern, const std::string& text) {
  return like_pattern(pattern, true).matches(text);
}

/// The textbook definition on ASCII, exponential and obviously right.
bool plain_match(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '%')
    return plain_match(p.substr(1), t) || (!t.empty() && plain_match(p, t.substr(1)));
  if (t.empty()) return false;
  if (p[0] == '_') return plain_match(p.substr(1), t.substr(1));
  if (p[0] == '\\' && p.size() > 1) p.remove_prefix(1);
  return p[0] == t[0] && plain_match(p.substr(1), t.substr(1));
}

// Of this thread alone: what others do on the machine is not the pattern's doing.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_to_match(const like_pattern& pattern, const std::string& text) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto from = cpu_seconds();
    if (pattern.matches(text)) return -1;  // The patterns below never match.
    best = std::min(best, cpu_seconds() - from);
  }
  return best;
}

std::string repeat(const std::string& what, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += what;
  return all;
}

}  // namespace

TEST_CASE("LIKE matches its pattern", "[rules][like]") {
  const auto [pattern, text, expected] = GENERATE(table<std::string, std::string, bool>({
      {"b", "abc", true},  // no wildcard: contains
      {"", "", true},
      {"", "abc", true},
      {"B", "abc", false},
      {"abcd", "abc", false},
      {"%", "", true},
      {"%", "abc", true},
      {"%%", "", true},
      {"_", "", false},
      {"_", "a", true},
      {"_", "ab", false},
      {"_", "é", true},
      {"_", "😀", true},
      {"__", "😀", false},
      {"_", "e\xCC\x81", false},  // two code points
      {"a%", "abc", true},
      {"b%", "abc", false},
      {"%c", "abc", true},
      {"%b", "abc", false},
      {"%b%", "abc", true},
      {"a%a", "a", false},
      {"a%a", "aa", true},
      {"a_c", "a\nc", true},
      {"%ab%ab%", "abab", true},
      {"%ab%ab%", "aab", false},
      {"%a_b", "aaxb", true},
      {"%a_b%", "aaxb", true},
      {"%a_b%", "ab", false},
      {"_%_", "a", false},
      {"_%_", "ab", true},
      {"%_%", "", false},
      {"%é_😀%", "xéy😀z", true},
      {"\\%", "100%", true},  // an escaped wildcard is none: contains
      {"\\%", "100", false},
      {"100\\%%", "100% of it", true},
      {"\\_%", "_x", true},
      {"\\_%", "ax", false},
      {"\\a", "cab", true},
      {"\\é%", "éa", true},
      {"a\\", "xa\\y", true},  // a backslash at the end is itself
      {"%\\", "a\\", true},
      {"%\\\\%", "\\", true},
      {".", "abc", false},
      {"[a]", "a", false},
      {"a\\b%", "abc", true},
  }));
  CAPTURE(pattern, text);
  CHECK(like(pattern, text) == expected);
}

TEST_CASE("ILIKE folds case simply", "[rules][like]") {
  const auto [pattern, text, expected] = GENERATE(table<std::string, std::string, bool>({
      {"ABC", "xabcx", true},    {"ſ", "S", true},
      {"K", "k", true},  // U+212A Kelvin
      {"ς", "Σ", true},          {"ΟΔΟΣ", "οδος", true},
      {"ß", "SS", false},        {"ß", "ẞ", true},  // S: U+1E9E folds to U+00DF
      {"ss", "ß", false},        {"i", "İ", false},
      {"İ", "İ", true},          {"ı", "i", false},
      {"I", "i", true},          {"Ǆ", "ǅ", true},
      {"𐐀", "𐐨", true},          {"_", "İ", true},
      {"ᾈ", "ᾀ", true},  // full folding is two characters, simple is one
      {"ŉ", "ʼn", false},        {"É%", "éa", true},
      {"é", "e\xCC\x81", false}, {"Ꭰ", "ꭰ", true},  // Cherokee folds to upper case
      {"µ", "μ", true},                               // micro sign and mu
      {"ﬀ", "ff", false},
  }));
  CAPTURE(pattern, text);
  CHECK(ilike(pattern, text) == expected);
  CHECK_FALSE((like(pattern, text) && !expected));
}

TEST_CASE("LIKE takes numbers by their JSON text and nothing but text besides", "[rules][like]") {
  const auto [record, filter, expected] = GENERATE(table<const char*, const char*, bool>({
      {R"({"x":15})", "x LIKE '1_'", true},
      {R"({"x":15})", "x LIKE 5", true},
      {R"({"x":"15"})", "x LIKE 15", true},
      {R"({"x":-2.5})", "x LIKE '-2.5%'", true},
      {R"({"x":2.50})", "x LIKE '%5'", true},
      {R"({"x":1e2})", "x LIKE '100%'", true},
      {R"({"x":1e300})", "x ~ '1E%300'", true},
      {R"({"x":0.1})", "x LIKE '0._'", true},
      {R"({"x":-0})", "x LIKE '_'", true},
      {R"({"x":9223372036854775807})", "x LIKE '9223372036854775807%'", true},
      {R"({"x":null})", "x LIKE '%'", false},
      {R"({})", "x LIKE '%'", false},
      {R"({})", "x NOT LIKE '%'", true},
      {R"({"x":true})", "x LIKE 'true'", false},
      {R"({"x":[]})", "x LIKE '%'", false},
      {R"({"x":{}})", "x ~ '%'", false},
      {R"({"x":"null"})", "x LIKE null", false},
      {R"({"x":"true"})", "x LIKE true", false},
      {R"({"x":"a","p":"_"})", "x LIKE @record.p", true},
      {R"({"x":"a","p":null})", "x LIKE @record.p", false},
      {R"({"x":"a","p":null})", "x NOT LIKE @record.p", true},
      {R"({"p":"a%"})", "'abc' LIKE p", true},
      {R"({"p":"A%"})", "'abc' ILIKE p", true},
      {R"({"p":12})", "'x12' LIKE p", true},
      {R"({"x":"a b"})", "x LIKE 'a\tb'", false},
      {R"({"x":"50%"})", "x LIKE '\\%'", true},
      {R"({"x":"50"})", "x LIKE '\\%'", false},
  }));
  CAPTURE(record, filter);
  std::string text = filter;
  // In a filter the backslash is doubled.
  for (std::size_t at = 0; (at = text.find("\\%", at)) != std::string::npos; at += 3) {
    text.insert(at, "\\");
  }
  CHECK(judge(text, record) == expected);
}

TEST_CASE("LIKE agrees with its definition on random patterns", "[rules][like]") {
  std::mt19937 random(20260131);  // NOLINT: the same cases every time
  const auto pick = [&](const std::string& from, std::size_t longest) {
    std::string made;
    for (auto n = random() % (longest + 1); n > 0; --n) made += from[random() % from.size()];
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto pattern = pick("ab%_%\\", 9);
    const auto text = pick("ab%\\", 10);
    bool wild = false;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
      if (pattern[at] == '\\') {
        ++at;
      } else if (pattern[at] == '%' || pattern[at] == '_') {
        wild = true;
      }
    }
    // `\` at the end is itself, so the % that "contains" appends must not be escaped by it.
    bool dangling = false;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
      if (pattern[at] == '\\' && ++at == pattern.size()) dangling = true;
    }
    const auto whole = wild ? pattern : "%" + pattern + (dangling ? "\\%" : "%");
    INFO(pattern << " on " << text);
    REQUIRE(like(pattern, text) == plain_match(whole, text));
  }
}

TEST_CASE("long segments with _ agree with their definition", "[rules][like]") {
  std::mt19937 random(7);  // NOLINT
  for (int i = 0; i < 300; ++i) {
    const auto units = 1 + random() % 400;
    std::string segment;
    for (std::size_t n = 0; n < units; ++n) segment += "abc_"[random() % 4];
    std::string text;
    for (std::size_t n = 0; n < 300; ++n) text += "abc"[random() % 3];
    const auto at = text.size();
    const bool plant = random() % 2 == 0;
    for (const char c : segment)
      text += c == '_' ? 'b' : plant ? c : (random() % 50 == 0 ? 'a' : c);
    text += "abcabc";
    bool expected = false;
    for (std::size_t from = 0; from + segment.size() <= text.size() && !expected; ++from) {
      expected = std::equal(segment.begin(), segment.end(),
                            text.begin() + static_cast<std::ptrdiff_t>(from),
                            [](char p, char t) { return p == '_' || p == t; });
    }
    INFO(i << " " << at);
    REQUIRE(like("%" + segment + "%", text) == expected);
    REQUIRE((!plant || expected));
  }
}

TEST_CASE("matching is linear in the text, whatever the pattern", "[rules][like]") {
  const std::string pattern = GENERATE(
      "%" + repeat("a%", 1000) + "b",    // many runs
      "%" + repeat("a", 1000) + "b%",    // one long run that almost matches
      "%" + repeat("a_", 1000) + "b%",   // the same with wildcards
      "%" + repeat("a_%", 500) + "b_%",  // both
      "%" + repeat("_", 2000) + "b%", "%" + repeat("aab", 300) + "aac%", repeat("a", 3000) + "b");
  const bool fold = GENERATE(false, true);
  const like_pattern hostile(pattern, fold);
  const auto small = seconds_to_match(hostile, repeat("a", 1U << 16U));
  const auto large = seconds_to_match(hostile, repeat("a", 1U << 19U));
  INFO(pattern.substr(0, 20) << " " << small << " s, then " << large << " s");
  REQUIRE(small >= 0);
  REQUIRE(large >= 0);
  // Eight times the text: 64 times the time would be quadratic.
  CHECK((large < small * 24 || large < 0.002));
}

TEST_CASE("bytes that are no UTF-8 match without harm", "[rules][like]") {
  const std::string bad = "a\xFF\xC3";
  CHECK(like("a__", bad));
  CHECK(like("%\xC3", bad));
  CHECK_FALSE(like("%b%", bad));
  CHECK(ilike("%_", bad));
}
