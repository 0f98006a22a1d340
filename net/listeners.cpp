#include "net/listeners.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace velo::net {

namespace {

// The service manager's sockets stand for the configured ones, one for one.
std::vector<listen_address> addresses_of(const std::vector<listener_config>& ways,
                                         const std::vector<int>& activated) {
  if (!activated.empty() && activated.size() != ways.size())
    throw std::runtime_error(fmt::format(
        "the service manager handed over {} sockets for {} listeners: write one ListenStream for "
        "each, in the order of the configuration",
        activated.size(), ways.size()));
  std::vector<listen_address> addresses;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    listen_address at;
    at.host = ways[i].host;
    at.port = ways[i].port;
    at.unix_path = ways[i].unix_path;
    at.unix_mode = ways[i].unix_mode;
    if (!activated.empty()) at.inherited = activated[i];
    addresses.push_back(std::move(at));
  }
  return addresses;
}

}  // namespace

listeners::listeners(const config& c, const std::vector<int>& activated,
                     const std::vector<reactor*>& loops, std::shared_ptr<http_settings> http)
    : pacer_(c.limits.connects_per_second) {
  if (!c.tls.certificate.empty())
    certificates_ = std::make_unique<tls_certificates>(c.tls.certificate, c.tls.key);
  const auto ways = ways_in(c);
  const auto addresses = addresses_of(ways, activated);
  for (std::size_t i = 0; i < ways.size(); ++i) open(ways[i], addresses[i], loops, http, c);
  // A browser would take the same host's plain port for TLS as well.
  if (plain_to_others_) http->hsts_age = {};
}

void listeners::open(const listener_config& way, const listen_address& at,
                     const std::vector<reactor*>& loops, const std::shared_ptr<http_settings>& http,
                     const config& c) {
  auto& opened = ways_.emplace_back();
  auto* certificates = way.tls ? certificates_.get() : nullptr;
  opened.listening = std::make_unique<listener>(
      loops, at,
      [&opened, certificates, http](reactor& loop, stream_socket&& socket) {
        incoming_connection from{.socket = std::move(socket), .local = opened.local};
        if (certificates != nullptr) {
          from.tls = certificates->open(from.socket.native_handle());
          if (from.tls == nullptr) return;
        }
        start_http_session(loop, std::move(from), http);
      },
      &pacer_);
  opened.local = opened.listening->is_local();
  if (!way.tls && !opened.local) plain_to_others_ = true;
  // An inherited socket need not be of the kind that is configured.
  const bool is_unix = opened.listening->port() == 0;
  auto url = opened.listening->name();
  if (!is_unix)
    url = fmt::format("{}://{}:{}{}", way.tls ? "https" : "http",
                      way.host.find(':') == std::string::npos ? way.host : '[' + way.host + ']',
                      opened.listening->port(), c.path_prefix);
  urls_.push_back(std::move(url));
}

void listeners::stop() {
  for (auto& way : ways_) way.listening->stop();
}

}  // namespace velo::net
