#include "net/incoming_connection.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>

#include <cstring>

namespace velo::net {

client_source peer_of(const stream_socket& socket, boost::system::error_code& error) {
  const auto at = socket.remote_endpoint(error);
  if (error || at.protocol().family() == AF_UNIX) return std::nullopt;
  boost::asio::ip::tcp::endpoint peer;
  peer.resize(at.size());
  std::memcpy(peer.data(), at.data(), at.size());
  return peer.address();
}

}  // namespace velo::net
