// The server: everything behind `velo serve`.

#pragma once

namespace velo::net {

struct config;

/// Runs until SIGTERM or SIGINT and returns the process's exit code. `c` is
/// complete: secrets.hpp has filled in what was not configured.
int run_server(const config& c);

}  // namespace velo::net
