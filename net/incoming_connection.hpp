// A connection as it comes from a listener, and what is known of it by the time
// it becomes a WebSocket.

#pragma once

#include "net/client_limits.hpp"
#include "net/counters.hpp"
#include "net/network_list.hpp"
#include "net/tls_stream.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>

namespace velo::net {

/// TCP or Unix.
using stream_socket = boost::asio::generic::stream_protocol::socket;

/// Nothing for a Unix socket; `error` where the connection has ended already.
[[nodiscard]] client_source peer_of(const stream_socket& socket, boost::system::error_code& error);

struct incoming_connection {
  stream_socket socket;
  std::unique_ptr<tls_stream> tls{};  ///< Of the socket; null where it is plain.
  bool local = false;                 ///< Only this machine can reach the listener.

  // Of an upgrade:
  std::unique_ptr<connection_counts::place> place{};  ///< Its client's; null where none is counted.
  std::optional<limit> met{};  ///< What the client has run into: the WebSocket is to be refused.
};

}  // namespace velo::net
