// One client's plain channels and who it is signed in as: the part of its
// connection that talks to the channel actors.

#pragma once

#include "actors/channel_directory.hpp"
#include "actors/options.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace velo::actors {

/// What all clients of one loop share. Outlives them.
struct client_channels_context {
  const channel_directory* directory = nullptr;  ///< Null: there are no plain channels.
  channel_options options;
};

/// Its loop's thread only. Holds no session: `client` is given with each call.
class client_channels {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  client_channels(const client_channels_context& context, memberships& members, app_ref app,
                  std::uint32_t loop, loop_actor answers, std::string socket_id);

  /// `room` is how many more channels the client may be on.
  void subscribe(session& client, const client_join& wanted, std::size_t room);
  /// False where the client is on no such channel.
  bool unsubscribe(const std::string& channel);
  void send(session& client, const client_event_ptr& event, time_point now);
  void sign_in(session& client, const client_signin& who);
  /// Leaves all channels and signs out.
  void leave_all();

  [[nodiscard]] std::size_t size() const { return joined_.size(); }
  /// Forgets what channels have refused meanwhile.
  void forget_refused();

 private:
  struct signed_in {
    channel_member who;
    attachment_id membership;
  };

  void join(const std::string& channel, attachment_id membership,
            std::optional<channel_member> member);
  void leave(const std::string& channel, attachment_id membership);
  /// What forbids the channel to this client; nothing where it is allowed.
  [[nodiscard]] std::optional<subscription_failure> refusal(const client_join& wanted) const;
  [[nodiscard]] std::string event_refusal(const client_event& event, time_point now);
  [[nodiscard]] bool take_turn(time_point now);

  const client_channels_context& context_;
  memberships& members_;
  const app_ref app_;
  const std::uint32_t loop_;
  const loop_actor answers_;
  const std::string socket_id_;
  boost::unordered_flat_map<std::string, attachment_id> joined_;
  std::optional<signed_in> user_;
  // Client events of the second that began then.
  time_point second_began_{};
  std::size_t events_in_second_ = 0;
};

}  // namespace velo::actors
