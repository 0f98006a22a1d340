// One client's connection as an actor: what it is subscribed to, and its end.
// It runs on its socket's loop and holds the session until session_closed.

#pragma once

#include "actors/client_channels.hpp"
#include "actors/command_window.hpp"
#include "actors/event_loop.hpp"
#include "actors/interfaces.hpp"
#include "actors/loop.hpp"
#include "storage/database.hpp"

#include <boost/container/flat_map.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace velo::actors {

/// What all connections of one loop share. Outlives them.
struct connection_context {
  event_loop& loop;
  std::uint32_t loop_index = 0;
  attachments& attached;
  loop_actor answers;
  registry_actor registry;
  const storage::database& database;
  std::string channel_prefix;
  std::size_t subscriptions_max = 1000;
  client_channels_context channels = {};
};

class connection_behavior : public on_loop<connection_actor::base> {
 public:
  connection_behavior(caf::actor_config& config, connection_context& context,
                      std::shared_ptr<session> client, std::string app_id, std::string socket_id,
                      command_window* window);

  behavior_type make_behavior() override;
  const char* name() const override { return "connection"; }
  void on_exit() override;

 private:
  struct subscription {
    attachment_id attachment;
    bool is_private = false;
    collection_actor collection;  // set once the attach is on its way
  };

  void subscribe(const std::string& wire_name);
  void join(const client_join& wanted);
  /// Made when the client first asks for a plain channel or signs in; null where its
  /// app has none.
  client_channels* plain();
  /// How many more channels the client may be on.
  std::size_t room();
  void unsubscribe(const std::string& wire_name);
  void attach_to(const channel_id& channel, bool is_private, attachment_id attachment,
                 const std::string& collection_id);
  void leave(const channel_id& channel, const subscription& s);
  /// Whether those who hear of the commands are to answer before the next one is handled.
  [[nodiscard]] bool is_time_to_wait();
  /// Handles nothing more until the plain channels' actors have done what they were told.
  void wait_for_channels();
  void refuse(attachment_id attachment, subscription_failure why);
  /// Drops what the collections ended meanwhile.
  void forget_ended();

  connection_context& context_;
  std::shared_ptr<session> session_;
  std::string app_id_, socket_id_;
  boost::container::flat_map<channel_id, subscription> subscriptions_;
  std::unique_ptr<client_channels> plain_;
  command_window* window_;  // the session's; null where nobody counts
  std::uint32_t unanswered_ = 0;
};

/// Starts the actor of `client`; tell it session_closed when the socket is gone. `window`
/// is part of `client` and hears of each command that was handled.
connection_actor spawn_connection(connection_context& context, std::shared_ptr<session> client,
                                  std::string app_id, std::string socket_id,
                                  command_window* window = nullptr);

}  // namespace velo::actors
