// What a request's target and a form say, with the percent-encoding undone.
//
// Texts that decode to a NUL or to bad UTF-8 are malformed here, so that nothing
// behind has to expect them.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace velo::net {

/// Names and values in the order they came; a name may occur more than once.
using parameters = std::vector<std::pair<std::string, std::string>>;

/// A request target in its parts, as sent. Views into what was parsed.
struct target_parts {
  std::string_view path;
  std::string_view query;  ///< Without the question mark.
};

/// Splits `/path?query`, and `http://host/path?query` as clients of proxies send
/// it. Nothing for other forms, such as `*` or `host:port`.
[[nodiscard]] std::optional<target_parts> split_target(std::string_view target);

enum class plus_sign : bool { literal, space };

/// `text` with each %XX replaced once. Nothing where one is no hexadecimal byte,
/// or where the outcome has a NUL or is not UTF-8.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text,
                                                        plus_sign plus = plus_sign::literal);

/// Reads `a=1&b=2`, the form of queries and of form bodies; a name without `=`
/// has an empty value. Nothing where a part is malformed.
[[nodiscard]] std::optional<parameters> parse_parameters(std::string_view text);

/// The reverse, for a part of a query: all but letters, digits and `-_.~` as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace velo::net
