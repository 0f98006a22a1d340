// One HTTP/1.1 connection: reads requests, runs their handlers one at a time and
// answers in order, until it closes or becomes a WebSocket.
//
// A pipelined request waits for the answer before it, so that a client's writes
// happen in the order it sent them. Between requests a session holds no buffer:
// bytes are read into one that its thread shares, and only what cannot be parsed
// yet, or sent yet, is kept.

#pragma once

#include "net/cors.hpp"
#include "net/incoming_connection.hpp"
#include "net/router.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace velo::net {

class reactor;

/// What becomes of `GET {prefix}/app/...` with an Upgrade to WebSocket: called on
/// the loop's thread, all earlier requests answered. `early` are bytes of the
/// client's that came with the request's and are no part of it.
using upgrade_handler = std::function<void(
    reactor& loop, incoming_connection&& connection,
    boost::beast::http::request<boost::beast::http::string_body>&& handshake, std::string early)>;

/// What all connections of a server share. Not changed once one is open, save
/// for the flags and the count.
struct http_settings {
  router routes;
  cors origins;
  upgrade_handler on_upgrade;  ///< Empty: upgrades are answered 404 like any unknown path.
  /// By whom requests and connections are counted; outlives them. Null: by nobody.
  client_limits* clients = nullptr;
  bool access_log = false;          ///< Each request is a line of the log.
  std::chrono::seconds hsts_age{};  ///< Said over TLS: how long browsers use nothing else. 0: no.

  std::size_t header_bytes_max = 16U << 10U;            ///< 431 beyond.
  std::size_t body_bytes_max = 1U << 20U;               ///< 413 beyond.
  std::chrono::milliseconds handshake_timeout{10'000};  ///< For that of TLS.
  std::chrono::milliseconds header_timeout{10'000};     ///< From a head's first byte to its last.
  std::chrono::milliseconds body_timeout{60'000};       ///< The same for the body.
  std::chrono::milliseconds idle_timeout{75'000};       ///< Between two requests.
  std::chrono::milliseconds send_timeout{30'000};       ///< For a client that reads nothing.
  std::size_t send_bytes_per_second = 32U << 10U;       ///< What it has to read on average.
  std::chrono::milliseconds linger_timeout{5'000};      ///< For it to read the last answer.

  /// The server is about to end: answers say `Connection: close`, upgrades are
  /// refused with 503. Any thread.
  std::atomic<bool> draining = false;
  /// It ends now: whatever is asked from here on is answered 503 and does nothing,
  /// so that the answers still owed become no more. Any thread.
  std::atomic<bool> ending = false;
  /// Clients that are owed an answer; kept by the sessions.
  mutable std::atomic<std::size_t> owed = 0;
  /// Connections that have had no answer yet, asked or not; kept by the sessions.
  mutable std::atomic<std::size_t> unserved = 0;
};

/// Serves a connection (of this loop's io_context) until it ends. Loop thread only.
/// The session owns itself; the loop's stop, or the destruction of its io_context, ends it.
void start_http_session(reactor& loop, incoming_connection&& connection,
                        std::shared_ptr<const http_settings> settings);

}  // namespace velo::net
