// JSON texts to values, with the reading of numbers that the language promises.
//
// Everything that rules are judged on should come in through here: values made
// otherwise are handled as well, but nothing else bounds their nesting, and
// comparing, copying and printing a value recurse as deep as it nests.

#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace velo::rules {

/// Arrays and objects inside each other; deeper texts are refused.
inline constexpr std::size_t json_depth_max = 200;

struct json_error {
  std::string message;
  std::size_t offset = 0;  ///< Bytes read when the error was found.
};

/// Found by ADL: `value()` of a failure throws std::invalid_argument.
[[noreturn]] void throw_exception_from_error(const json_error& error,
                                             const boost::source_location& where);

template <class T>
using json_result = boost::system::result<T, json_error>;

/// Parses one JSON text. Integers within 64 bits signed stay integers, all
/// other numbers become the nearest double, at any depth; a number that
/// overflows is an error. Of duplicate keys the last wins. Refuses bad UTF-8
/// and nesting beyond json_depth_max. Never throws but for lack of memory.
[[nodiscard]] json_result<nlohmann::json> parse_json(std::string_view text);

/// The same, and refuses everything but an object.
[[nodiscard]] json_result<nlohmann::json> parse_record(std::string_view text);

}  // namespace velo::rules
