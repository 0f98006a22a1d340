// The stored connection that a request names.

#pragma once

#include "actors/channel_id.hpp"
#include "net/endpoints/api.hpp"
#include "storage/connection.hpp"

#include <boost/system/result.hpp>

#include <optional>
#include <string>

namespace velo::net {

struct named_connection {
  actors::channel_id id;
  std::optional<storage::connection> stored;  ///< Empty: there is none of this name.
};

/// If the caller may speak for it: a public one's name is enough, a private one needs
/// its own identity.
[[nodiscard]] boost::system::result<named_connection, response> find_connection(
    const api& a, const std::string& name, const actors::identity& who);

/// The same by `channel_name` of the request's body.
[[nodiscard]] boost::system::result<named_connection, response> find_connection(
    const api& a, const request& r, const actors::identity& who);

}  // namespace velo::net
