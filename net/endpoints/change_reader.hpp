// The changes that a request brings, one, many, or a line each (HTTP_API.md, 'A
// change is'). Pure; any thread.

#pragma once

#include "actors/failure.hpp"
#include "actors/messages.hpp"
#include "net/http.hpp"

#include <boost/system/result.hpp>

#include <string>
#include <vector>

namespace velo::net {

struct asked_change {
  std::string collection;  ///< Name or id, as asked; unknown ones too.
  actors::write_operation operation;
};

struct asked_changes {
  bool single = false;                                 ///< It was not sent as one of many.
  std::vector<actors::outcome<asked_change>> changes;  ///< In the order they were sent.
};

/// Reads a body of `application/x-ndjson` or JSON. `socket_id` is that of changes
/// which name none. Refused is a body that cannot be read as a whole; a change, or a
/// line, that is none of its own has its failure in its place.
[[nodiscard]] boost::system::result<asked_changes, response> read_changes(
    const request& from, const std::string& socket_id);

}  // namespace velo::net
