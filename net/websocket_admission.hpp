// Who may open a WebSocket, judged by the upgrade request alone
// (PUSHER_PROTOCOL.md 1.2). Pure; any thread.

#pragma once

#include "net/close_code.hpp"
#include "net/config.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

/// The app that `target` (path and query, as sent) names, or why the socket is
/// to be closed. `origin` is empty where the client, not being a browser, sent none.
/// The outcome points into `apps`.
[[nodiscard]] boost::system::result<const app*, close_code> admit(const std::vector<app>& apps,
                                                                  std::string_view path_prefix,
                                                                  std::string_view target,
                                                                  std::string_view origin);

/// Whether one of `patterns` matches the origin (`https://a.example:8080`) or its
/// host alone (`a.example`). `*` stands for any run of characters; case is ignored.
[[nodiscard]] bool origin_allowed(std::string_view origin,
                                  const std::vector<std::string>& patterns);

[[noreturn]] void throw_exception_from_error(close_code code, const boost::source_location&);

}  // namespace velo::net
