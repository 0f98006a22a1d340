// `velo explain`: judges one record by one rule and filter and says why. Users
// debug rules with it; tests drive the language through it.
//
// A request is a JSON object: `filter`, `rule`, `record`, `auth`, `action`,
// `superuser`, `query`, `now`, all optional; other keys are ignored. `record`
// and `auth` are objects or JSON texts of one. Without `action` the change is
// `created`, without `now` it is this moment.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "rules/limits.hpp"

namespace velo::rules {

/// Longer lines of a stream are answered with an error and skipped.
inline constexpr std::size_t explain_line_bytes_max = std::size_t{4} << 20U;

/// Answers one request with one line of JSON, without its line end:
/// `{"matches":true}`, with_trace `{"matches":true,"trace":[{"expression",
/// "value","in","decides"}…],"warnings":[{"message","column","in"}…]}` (warnings only
/// where there are any; `decides`: the answer is what it is because of this one), or
/// `{"error":{"message","column","in"}}`; column and in are left out where the request itself is
/// malformed. Whatever the bytes, it answers.
/// Texts may be as large as `within` says.
[[nodiscard]] std::string explain(std::string_view request_json, bool with_trace,
                                  const limits& within = {});

/// Cuts a byte stream into lines and answers each; blank lines are skipped.
/// Parses a rule or filter that comes again only once.
class explain_session {
 public:
  explicit explain_session(bool with_trace = false);
  ~explain_session();
  explain_session(const explain_session&) = delete;
  explain_session& operator=(const explain_session&) = delete;

  /// Appends an answer line to `answers` for each line that `bytes` ends.
  void feed(std::string_view bytes, std::string& answers);
  /// The stream has ended: answers a last line that has no line end.
  void finish(std::string& answers);

 private:
  struct compiled;

  void answer(std::string_view line, std::string& answers);

  std::unique_ptr<compiled> compiled_;
  bool with_trace_;
  bool too_long_ = false;  ///< Inside a line past the limit.
  std::string pending_;    ///< The beginning of an unfinished line.
};

/// Answers what comes in on one file descriptor on the other, until the end of
/// input. All that is answered is written before a read that could block, so
/// that an interactive peer gets its line at once. Returns false if reading or
/// writing failed.
bool explain_stream(int in, int out, bool with_trace = false);

}  // namespace velo::rules
