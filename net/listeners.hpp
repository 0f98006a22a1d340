// All ways in of one server: its listening sockets, and the certificates behind
// those that speak TLS.

#pragma once

#include "net/client_limits.hpp"
#include "net/config.hpp"
#include "net/http_session.hpp"
#include "net/listener.hpp"
#include "net/tls_certificates.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace velo::net {

class listeners {
 public:
  /// Listens as `c` says; `activated` are the service manager's sockets, which stand for
  /// the configured ones, one for one. Throws std::runtime_error with a sentence where
  /// that cannot be. `c` and the loops outlive it.
  listeners(const config& c, const std::vector<int>& activated, const std::vector<reactor*>& loops,
            std::shared_ptr<http_settings> http);

  /// Accepts nothing more.
  void stop();
  /// Where each can be reached; the first is the one to show.
  [[nodiscard]] const std::vector<std::string>& urls() const { return urls_; }

 private:
  // The traits are found by a listener's connections: they stay where they are.
  struct way_in {
    bool local = false;
    std::unique_ptr<listener> listening;
  };

  void open(const listener_config& way, const listen_address& at,
            const std::vector<reactor*>& loops, const std::shared_ptr<http_settings>& http,
            const config& c);

  accept_pacer pacer_;
  std::unique_ptr<tls_certificates> certificates_;
  bool plain_to_others_ = false;
  std::vector<std::string> urls_;
  std::deque<way_in> ways_;
};

}  // namespace velo::net
