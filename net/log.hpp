// Where log lines go and how they look. They never hold secrets: no query string,
// no header and no body is ever part of one.

#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace velo::net {

struct log_config;

/// Sets up spdlog's default logger: stderr, so that stdout keeps the ready line. Once, at start.
void set_up_log(const log_config& wanted);

/// One answered request, as the access log shows it.
struct access_entry {
  std::string address;  ///< The client's.
  std::string_view method;
  std::string_view path;  ///< As sent, without the query.
  unsigned status = 0;
  std::size_t bytes = 0;  ///< Of the answer's body.
  std::chrono::microseconds took{};
  std::string_view request_id;
};

/// A line of the access log, at level info where `wanted`, else at debug: in the format
/// of the log, with a field for each part where that is json. Any thread.
void log_access(const access_entry& entry, bool wanted);

}  // namespace velo::net
