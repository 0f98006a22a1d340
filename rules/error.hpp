// What is wrong with the text of a rule or filter, and where.

#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>

namespace velo::rules {

struct syntax_error {
  std::string message;     ///< What was found and what was expected, for the author of the text.
  std::size_t column = 1;  ///< 1-based, in code points; length + 1 is the end of the text.

  bool operator==(const syntax_error&) const = default;
};

/// Reading that is legal but looks unmeant, such as a name read as a field
/// where its author probably wanted text.
using warning = syntax_error;

template <class T>
using result = boost::system::result<T, syntax_error>;

/// Found by ADL: `result::value()` of a failure throws std::invalid_argument
/// with message and column.
[[noreturn]] void throw_exception_from_error(const syntax_error& error,
                                             const boost::source_location& where);

}  // namespace velo::rules
