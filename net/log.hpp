// Where log lines go and how they look. They never hold secrets.

#pragma once

namespace velo::net {

struct log_config;

/// Sets up spdlog's default logger: stderr, so that stdout keeps the ready line. Once, at start.
void set_up_log(const log_config& wanted);

}  // namespace velo::net
