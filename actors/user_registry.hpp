// Users that are signed in, by app: which sockets are theirs, and which sockets
// want to hear when they come and go (PUSHER_PROTOCOL.md 10).

#pragma once

#include "actors/loop_outlet.hpp"

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace velo::actors {

/// Plain data of one channel actor. A user or a watcher who is gone leaves no trace.
class user_registry {
 public:
  explicit user_registry(const loop_outlet& out) : out_(out) {}

  void sign_in(const actors::sign_in& message);
  void sign_out(const actors::sign_out& message);
  /// How many sockets were told to close.
  std::size_t terminate(const terminate_user& message);

 private:
  struct user {
    std::vector<socket_place> sockets, watchers;
  };
  using key = std::pair<app_ref, std::string>;
  using place_key = std::pair<std::uint32_t, std::uint32_t>;  // loop and slot

  void tell_watchers(const user& of, const std::string& user_id, bool online) const;
  void unwatch(app_ref app, const socket_place& watcher);
  void forget_if_unused(std::map<key, user>::iterator at);

  const loop_outlet& out_;
  std::map<key, user> users_;
  std::map<place_key, std::vector<std::string>> watchlists_;
};

}  // namespace velo::actors
