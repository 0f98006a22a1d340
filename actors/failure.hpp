// Why a request was refused, in the terms of HTTP_API.md: a kind that maps to
// one status, a sentence for people, and the fields at fault.

#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

enum class failure_kind : std::uint8_t {
  invalid,          ///< 422: a value is wrong; `errors` names the fields
  unauthenticated,  ///< 401
  forbidden,        ///< 403
  not_found,        ///< 404
  conflict,         ///< 409
  too_large,        ///< 413
  unavailable,      ///< 503: storage cannot take writes now, or the engine is stopping
  too_many,         ///< 429: the caller has as many of it as one may have
};

struct failure {
  failure_kind kind{};
  std::string message;
  std::vector<std::pair<std::string, std::string>> errors;  ///< (field, sentence)

  bool operator==(const failure&) const = default;
};

[[nodiscard]] inline failure unauthenticated() {
  return {failure_kind::unauthenticated, "Unauthenticated.", {}};
}
[[nodiscard]] inline failure forbidden() {
  return {failure_kind::forbidden, "Forbidden.", {}};
}
[[nodiscard]] inline failure not_found(std::string message = "Not found.") {
  return {failure_kind::not_found, std::move(message), {}};
}
[[nodiscard]] inline failure conflict(std::string message) {
  return {failure_kind::conflict, std::move(message), {}};
}
[[nodiscard]] inline failure unavailable(std::string message) {
  return {failure_kind::unavailable, std::move(message), {}};
}
[[nodiscard]] inline failure too_many(std::string message) {
  return {failure_kind::too_many, std::move(message), {}};
}
/// A 422 whose message is that of its only field, as Laravel answers.
[[nodiscard]] inline failure invalid(std::string field, std::string message) {
  return {failure_kind::invalid, message, {{std::move(field), message}}};
}

[[noreturn]] inline void throw_exception_from_error(const failure& f,
                                                    const boost::source_location&) {
  throw std::runtime_error(f.message);
}

template <class T>
using outcome = boost::system::result<T, failure>;

}  // namespace velo::actors
