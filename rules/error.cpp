#include "rules/error.hpp"

#include <stdexcept>

#include "rules/json.hpp"

namespace velo::rules {

void throw_exception_from_error(const syntax_error& error, const boost::source_location&) {
  throw std::invalid_argument(error.message + " (column " + std::to_string(error.column) + ")");
}

void throw_exception_from_error(const json_error& error, const boost::source_location&) {
  throw std::invalid_argument(error.message);
}

}  // namespace velo::rules
