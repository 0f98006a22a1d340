// Whether two sockets may be one client's, as far as their handshakes show.

#pragma once

#include "net/incoming_connection.hpp"
#include "net/websocket.hpp"

#include <cstdint>

namespace velo::net {

/// Equal for two sockets that come from one address, through the same proxies, of one
/// browser (or library) and one site. The same in every run of the server; never 0.
/// Clients say most of it themselves: it decides nothing but whom a newcomer on a public
/// channel may be.
[[nodiscard]] std::uint64_t client_mark(const stream_socket& socket,
                                        const upgrade_request& request);

}  // namespace velo::net
