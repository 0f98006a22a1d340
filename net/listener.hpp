// One listening address: accepts connections and deals them out to the loops.

#pragma once

#include "net/accept_pacer.hpp"
#include "net/incoming_connection.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace velo::net {

class reactor;

struct listen_address {
  std::string host = "127.0.0.1";  ///< Address or name; "::" means IPv4 as well.
  std::uint16_t port = 0;          ///< 0: any that is free.
  /// A listening socket, TCP or Unix, to take over instead of binding to anything.
  std::optional<int> inherited{};
  std::string unix_path{};    ///< Where not empty: a Unix socket there, instead of host and port.
  unsigned unix_mode = 0660;  ///< Of its file: who may write may connect.
};

/// Called on the thread of `loop`, whose io_context the socket belongs to.
using accept_handler = std::function<void(reactor& loop, stream_socket&& socket)>;

/// Construct it before the loops run or on any thread; must end before them.
class listener {
 public:
  /// Binds and listens, or takes over who listens already, and accepts on the first of `loops` (at
  /// least one) once that runs; connections go to each of them in turn. `pacer`, which may be null,
  /// is shared by listeners with the same first loop and outlives them. Throws std::runtime_error
  /// with a sentence that names the address.
  listener(std::vector<reactor*> loops, const listen_address& address, accept_handler on_accept,
           accept_pacer* pacer = nullptr);
  /// Stops.
  ~listener();

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Where it really listens; 0 for a Unix socket.
  [[nodiscard]] std::uint16_t port() const;
  /// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/velo.sock`.
  [[nodiscard]] const std::string& name() const;
  /// Whether this machine alone can reach it: a loopback address, or a Unix socket.
  [[nodiscard]] bool is_local() const;

  /// Accepts no more; connections that are open stay. Any thread, any number of times.
  void stop();

 private:
  class acceptor;
  std::shared_ptr<acceptor> acceptor_;
};

}  // namespace velo::net
