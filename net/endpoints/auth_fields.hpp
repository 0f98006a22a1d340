// What stock clients send to an auth endpoint, as a form or as JSON (PUSHER_PROTOCOL.md 15.2).

#pragma once

#include "net/http.hpp"

#include <boost/system/result.hpp>

#include <string>

namespace velo::net {

struct auth_fields {
  std::string socket_id;     ///< `digits.digits`
  std::string channel_name;  ///< Empty where there was none.
};

/// 422 where there is no well-formed socket_id.
[[nodiscard]] boost::system::result<auth_fields, response> read_auth_fields(const request& r);

}  // namespace velo::net
