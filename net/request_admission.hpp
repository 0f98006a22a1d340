// Whose request it is, by its head alone, and whether that client may make one
// more right now.

#pragma once

#include "net/client_limits.hpp"
#include "net/counters.hpp"
#include "net/http.hpp"

#include <boost/beast/http/message.hpp>

#include <chrono>
#include <optional>

namespace velo::net {

struct request_admission {
  client_source client;
  bool forwarded = false;    ///< Something stands between the client and us, or says so.
  std::optional<limit> met;  ///< Why it may not.
  std::chrono::seconds retry_after{0};
};

/// `limits` may be null: then everybody may, and is who connected. Any thread.
[[nodiscard]] request_admission admit_request(client_limits* limits, const client_source& peer,
                                              const boost::beast::http::request_header<>& head);

/// 429 with Retry-After, in words that name what was met.
[[nodiscard]] response too_many(limit met, std::chrono::seconds retry_after);

}  // namespace velo::net
