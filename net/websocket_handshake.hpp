// The opening handshake of a WebSocket (RFC 6455, section 4.2): no extension and
// no subprotocol is ever chosen. Pure; any thread.

#pragma once

#include "net/websocket.hpp"

#include <string>
#include <string_view>

namespace velo::net {

struct handshake_answer {
  bool accepted = false;
  std::string response;  ///< As HTTP/1.1, to be sent as it is; the last of a refused one.
};

/// 101, or 400 where the request is none for a WebSocket, or 426 for another version of it.
[[nodiscard]] handshake_answer answer_handshake(const upgrade_request& request,
                                                std::string_view server_name);

}  // namespace velo::net
