// One listening address: accepts connections and deals them out to the loops.

#pragma once

#include <boost/asio/ip/tcp.hpp>

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
  /// A listening TCP socket to take over instead of binding to the above.
  std::optional<int> inherited{};
};

/// Called on the thread of `loop`, whose io_context the socket belongs to.
using accept_handler = std::function<void(reactor& loop, boost::asio::ip::tcp::socket&& socket)>;

/// Construct it before the loops run or on any thread; must end before them.
class listener {
 public:
  /// Binds and listens, or takes over who listens already, and accepts on the first of `loops` (at
  /// least one) once that runs; connections go to each of them in turn. Throws std::runtime_error
  /// with a sentence that names the address.
  listener(std::vector<reactor*> loops, const listen_address& address, accept_handler on_accept);
  /// Stops.
  ~listener();

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Where it really listens.
  [[nodiscard]] boost::asio::ip::tcp::endpoint endpoint() const;
  [[nodiscard]] std::uint16_t port() const { return endpoint().port(); }

  /// Accepts no more; connections that are open stay. Any thread, any number of times.
  void stop();

 private:
  class acceptor;
  std::shared_ptr<acceptor> acceptor_;
};

}  // namespace velo::net
