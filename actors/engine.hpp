// The whole engine behind one door: storage and every actor but those of
// sockets. Runs in the caller's actor system, knows no network; an application
// embeds it, the server puts net/ in front of it.

#pragma once

#include "actors/channel_directory.hpp"
#include "actors/driver_directory.hpp"
#include "actors/hook_set.hpp"
#include "actors/interfaces.hpp"
#include "actors/jwt.hpp"
#include "actors/options.hpp"
#include "actors/subscriber_hub.hpp"
#include "storage/database.hpp"

#include <caf/actor_system.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>

namespace velo::actors {

class engine {
 public:
  /// Opens the database in `data` and starts the actors; when it returns, every
  /// stored collection takes changes. `verifier` may be null: then no user can
  /// sign in. `system` outlives the engine.
  static storage::result<std::unique_ptr<engine>> start(caf::actor_system& system,
                                                        const std::filesystem::path& data,
                                                        engine_options options,
                                                        std::shared_ptr<token_verifier> verifier);

  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  /// Stops, if stop() was not called.
  ~engine();

  /// Starts the actors of plain channels. At most once, before the first socket.
  void open_channels(std::vector<app_options> apps, const channel_options& options);
  /// Ends them: whoever hears of their happenings has heard the last one. Part of stop().
  void close_channels();

  /// Sends what these drivers serve to them from now on; returns when the subscriptions
  /// that are stored already are live behind them. At most once, after the collections
  /// are declared.
  void open_drivers(std::vector<driver_options> drivers);
  /// Waits, a few seconds at most, until the drivers have handed on what was written
  /// before, then ends the bridges; the drivers themselves are their makers' to end.
  /// Part of stop().
  void close_drivers();

  // What an application does without a network. These calls block: actors of the
  // application ask the handles below instead, as these calls do.

  /// Writes as a client of that identity would; returns when it is durable.
  /// `what.collection_id` may be the collection's name.
  outcome<written> write(write_operation what, identity who = {.kind = identity_kind::superuser});

  /// Has `who` hear of the matching changes; returns when the subscription is live. It
  /// ends with the actor, by unsubscribe(), or as a client's would.
  outcome<subscription_begun> subscribe(const subscriber_actor& who, const subscription& wanted);
  /// Nothing more is sent for it. Unknown ones are no error.
  void unsubscribe(const channel_id& subscription);

  /// Indices for that many loops on which sockets live, from the one returned on. Any thread.
  std::uint32_t take_loops(std::uint32_t count);

  /// Waits until every write sent so far is durable and answered; blocks a few seconds at most.
  void flush();

  /// flush(), then ends the actors and waits for them.
  /// Sockets' actors must have ended. Idempotent.
  void stop();

  // Handles; any thread.
  [[nodiscard]] const registry_actor& registry() const { return registry_; }
  [[nodiscard]] const store_actor& store() const { return store_; }
  [[nodiscard]] const auth_actor& auth() const { return auth_; }
  [[nodiscard]] const reader_actor& reader() const { return reader_; }
  [[nodiscard]] const positions_actor& positions() const { return resume_.positions; }
  /// Without apps until open_channels().
  [[nodiscard]] const channel_directory& channels() const { return *channels_; }
  /// Empty until open_drivers().
  [[nodiscard]] const driver_directory& drivers() const { return drivers_; }
  [[nodiscard]] const storage::database& database() const { return *database_; }
  [[nodiscard]] const engine_options& options() const { return options_; }

  /// Where the application registers its hooks (docs/hooks.md); any thread, until stop().
  [[nodiscard]] hook_set& hooks() { return *hooks_; }

  /// Creates the collection of this name or changes it to these fields; blocks.
  outcome<collection_ptr> declare(const nlohmann::json& fields);

 private:
  void tell_of_user_ends(
      std::function<void(const std::string& app_id, const std::string& user_id)> ended);
  engine(caf::actor_system& system, std::unique_ptr<storage::database> database,
         engine_options options);
  [[nodiscard]] std::vector<collection_actor> collections() const;
  [[nodiscard]] outcome<collection_handle> find(const std::string& collection) const;

  caf::actor_system& system_;
  std::unique_ptr<storage::database> database_;
  engine_options options_;
  std::unique_ptr<hook_set> hooks_;
  store_actor store_;
  registry_actor registry_;
  auth_actor auth_;
  reader_actor reader_;
  pruner_actor pruner_;
  resume_actors resume_;
  std::unique_ptr<channel_directory> channels_ = std::make_unique<channel_directory>();
  driver_directory drivers_;
  std::atomic<std::uint32_t> loops_ = 0;  ///< Indices given out.
  subscriber_hub_actor hub_;
  syncer_actor syncer_;  ///< Only where commits do not wait for the disk.
  bool stopped_ = false;
};

}  // namespace velo::actors

namespace velo {
using actors::engine;
}  // namespace velo
