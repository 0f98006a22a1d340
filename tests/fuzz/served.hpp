// A whole server in this process, behind a Unix socket.

#pragma once

#include "actors/engine.hpp"
#include "net/config.hpp"
#include "net/engine_config.hpp"
#include "net/network.hpp"
#include "net/request_signature.hpp"
#include "tests/storage/temp_directory.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace velo::fuzz {

/// Its superuser's token is "superuser", its ingest key "ingest"; tokens of users are
/// signed with `jwt_secret`. Its app is "app", its collections "posts", "users" and "notes",
/// which are listed for users only.
class served {
 public:
  static constexpr auto jwt_secret = "a secret that is at least thirty-two bytes long";

  served() {
    std::signal(SIGPIPE, SIG_IGN);
    spdlog::set_level(spdlog::level::off);
    for (const std::string_view name : {"posts", "users", "notes"}) {
      const bool users = name == "users";
      const nlohmann::json rules{{"list", name == "notes" ? "@request.auth.id != ''" : ""},
                                 {"view", ""},
                                 {"create", ""},
                                 {"update", "@request.auth.id != ''"},
                                 {"delete", "@request.auth.id = id"}};
      engine_->declare({{"name", name}, {"type", users ? "auth" : "base"}, {"rules", rules}})
          .value();
    }
    network_ = std::make_unique<net::network>(system_, *engine_, settings_,
                                              net::network_options{.activated = {listen()}});
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;
  ~served() {
    network_.reset();
    engine_->stop();
  }

  /// Sends these bytes and no more; what is answered until the connection ends.
  /// Nothing where it does not end within ten seconds.
  std::optional<std::string> exchange(std::string_view bytes) const {
    const int end = connect();
    auto answers = talk(end, bytes);
    ::close(end);
    return answers;
  }

  /// A connection, the caller's to close.
  [[nodiscard]] int connect() const {
    const int end = open_socket();
    const auto at = address();
    if (::connect(end, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
      throw std::runtime_error("connect failed");
    return end;
  }

  /// The app's.
  [[nodiscard]] const net::app_key& key() const { return settings_.apps.front().keys.front(); }

  /// The same bytes; where they begin with an unsigned request of `/apps/`, it is signed
  /// by the app, now.
  [[nodiscard]] std::string signed_by_app(std::string bytes) const {
    const auto line = bytes.substr(0, bytes.find("\r\n"));
    const auto from = line.find(' ') + 1;
    const auto to = line.rfind(' ');
    const auto head = bytes.find("\r\n\r\n");
    if (from == 0 || to <= from || to == std::string::npos || head == std::string::npos)
      return bytes;
    const auto target = net::split_target(std::string_view(line).substr(from, to - from));
    if (!target || !target->path.starts_with("/apps/") ||
        target->query.find("auth_signature") != std::string_view::npos)
      return bytes;
    const auto query = net::parse_parameters(target->query);
    if (!query) return bytes;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto with =
        net::signed_query(settings_.apps.front().keys.front(), line.substr(0, from - 1),
                          target->path, *query, std::string_view(bytes).substr(head + 4), now);
    return bytes.replace(from, to - from, std::string(target->path) + '?' + with);
  }

 private:
  [[nodiscard]] net::config make_settings() const {
    net::config_sources sources;
    sources.flags = {{"--data", directory_.data().string()}, {"--port", "0"}, {"--threads", "1"}};
    auto c = net::load_config(sources).value();
    c.superuser_token = "superuser";
    c.ingest_key = "ingest";
    c.apps.push_back(
        {.id = "app", .keys = {{"app-key", "app-secret"}}, .subscription_count = true});
    c.auth.jwt_secret = jwt_secret;
    c.trusted_proxies = {"unix"};
    c.storage.sync = "interval";
    c.history.max_count = 1000;
    c.pusher.member_grace = {};  // no input finds the members of one before
    return c;
  }

  // Waiting rather than looking for work: an idle server takes no processor time.
  static caf::actor_system_config& set_up(caf::actor_system_config& c) {
    c.set("scheduler.policy", caf::atom("sharing"));
    c.set("scheduler.max-threads", std::size_t{2});
    return c;
  }

  static int open_socket() {
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) throw std::runtime_error("socket failed");
    return made;
  }

  [[nodiscard]] sockaddr_un address() const {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    const auto path = (directory_.path() / "socket").string();
    std::memcpy(at.sun_path, path.c_str(), std::min(path.size(), sizeof at.sun_path - 1));
    return at;
  }

  // The listener's from then on.
  [[nodiscard]] int listen() const {
    const int made = open_socket();
    const auto at = address();
    if (::bind(made, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
        ::listen(made, SOMAXCONN) != 0)
      throw std::runtime_error("listen failed");
    return made;
  }

  static std::optional<std::string> talk(int with, std::string_view bytes) {
    constexpr auto patience = std::chrono::seconds{10};
    const auto deadline = std::chrono::steady_clock::now() + patience;
    ::fcntl(with, F_SETFL, O_NONBLOCK);
    std::string answers;
    if (bytes.empty()) ::shutdown(with, SHUT_WR);
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
          deadline - std::chrono::steady_clock::now());
      pollfd ready{with, static_cast<short>(bytes.empty() ? POLLIN : POLLIN | POLLOUT), 0};
      if (left.count() <= 0) return std::nullopt;
      const int polled = ::poll(&ready, 1, static_cast<int>(left.count()));
      if (polled == 0) return std::nullopt;
      if (polled < 0) continue;  // the fuzzer's alarm rang
      if (!bytes.empty() && (ready.revents & POLLOUT) != 0) {
        const auto sent = ::send(with, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) bytes = {};  // it was closed; what it said is still there
        if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
        if (bytes.empty()) ::shutdown(with, SHUT_WR);
      }
      if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      char block[16384];
      const auto size = ::recv(with, block, sizeof block, 0);
      if (size > 0) answers.append(block, static_cast<std::size_t>(size));
      if (size == 0 || (size < 0 && errno != EAGAIN)) return answers;
    }
  }

  storage::temp_directory directory_;
  net::config settings_ = make_settings();
  caf::actor_system_config caf_config_;
  caf::actor_system system_{set_up(caf_config_)};
  actors::stage_clock stages_;
  std::unique_ptr<actors::engine> engine_ =
      actors::engine::start(system_, settings_.data, net::engine_options_of(settings_, stages_),
                            net::verifier_of(settings_.auth))
          .value();
  std::unique_ptr<net::network> network_;
};

}  // namespace velo::fuzz
