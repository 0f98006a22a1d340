// The engine's actors on one thread, under CAF's test scheduler: nothing runs
// but when the test says so, so that every interleaving can be had on purpose.

#pragma once

#include "actors/auth.hpp"
#include "actors/channel.hpp"
#include "actors/connection.hpp"
#include "actors/hook_set.hpp"
#include "actors/loop.hpp"
#include "actors/positions.hpp"
#include "actors/pruner.hpp"
#include "actors/reader.hpp"
#include "actors/registry.hpp"
#include "actors/replayer.hpp"
#include "actors/store.hpp"
#include "storage/database.hpp"
#include "tests/actors/support/fakes.hpp"
#include "tests/actors/support/values.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace velo::actors {

/// What a request was answered; empty as long as it was not.
template <class Answer>
struct reply {
  std::shared_ptr<std::optional<Answer>> answer = std::make_shared<std::optional<Answer>>();
  std::shared_ptr<bool> failed = std::make_shared<bool>(false);

  [[nodiscard]] bool has_come() const { return answer->has_value() || *failed; }
  const Answer& operator*() const {
    REQUIRE(answer->has_value());
    return **answer;
  }
};

/// A client with a socket of its own on the world's loop.
struct client {
  std::shared_ptr<fake_session> session;
  std::string socket_id;
  connection_actor actor;
};

/// Rules that let everybody do everything.
inline json open_rules() {
  return {{"list", ""}, {"view", ""}, {"create", ""}, {"update", ""}, {"delete", ""}};
}

class world {
 public:
  /// Whether clients that come back hear what they missed.
  enum class resuming : std::uint8_t { no, yes };
  explicit world(engine_options options = {}, resuming resumes = resuming::no);
  ~world();

  // -- time ------------------------------------------------------------------------

  /// Runs everything until nobody has anything left to do.
  void settle();
  /// Handles one message of one actor; false where there is none.
  bool step() { return coordinator().try_run_once() || loop->run_all() > 0; }
  /// In steps, so that who does something time and again does it as often as in real time.
  void pass(std::chrono::milliseconds time) {
    constexpr std::chrono::milliseconds step{50};
    for (; time > step; time -= step) {
      coordinator().advance_time(step);
      settle();
    }
    coordinator().advance_time(time);
    settle();
  }
  caf::scheduler::test_coordinator& coordinator() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system->scheduler());
  }
  /// Ends everything and begins anew on the same directory.
  void restart();

  // -- requests --------------------------------------------------------------------

  /// Sends a request and does not run anything.
  template <class Answer, class Handle, class Message>
  reply<Answer> begin(const Handle& to, Message message) {
    reply<Answer> r;
    system->spawn([to, message = std::move(message), r](caf::event_based_actor* self) {
      self->request(to, caf::infinite, message)
          .then([r](const Answer& a) { *r.answer = a; },
                [r](const caf::error&) { *r.failed = true; });
    });
    return r;
  }
  /// Sends a request, runs everything, and demands an answer.
  template <class Answer, class Handle, class Message>
  Answer ask(const Handle& to, Message message) {
    auto r = begin<Answer>(to, std::move(message));
    settle();
    return *r;
  }

  collection_answer define(const json& fields, std::string target = {});
  /// Creates a collection, open to all but for what `fields` say; returns its id.
  std::string collection(const std::string& name, json fields = json::object());
  collection_answer set_rules(const std::string& name, json rules);
  collection_handle find(const std::string& name_or_id);

  reply<write_answer_ptr> begin_write(write_request request) {
    return begin<write_answer_ptr>(
        store, write_request_ptr{std::make_shared<const write_request>(std::move(request))});
  }
  write_answer write(write_request request) {
    auto r = begin_write(std::move(request));
    settle();
    return **r;
  }
  /// One operation on the collection of this id.
  outcome<written> write(const std::string& collection_id, write_operation o,
                         const identity& who = superuser, std::string socket_id = {});
  outcome<written> create(const std::string& collection_id, const std::string& id,
                          json fields = json::object(), const identity& who = superuser) {
    return write(collection_id, operation(write_kind::create, id, std::move(fields)), who);
  }
  outcome<written> update(const std::string& collection_id, const std::string& id, json fields,
                          const identity& who = superuser) {
    return write(collection_id, operation(write_kind::update, id, std::move(fields)), who);
  }
  outcome<written> remove(const std::string& collection_id, const std::string& id,
                          const identity& who = superuser) {
    return write(collection_id, operation(write_kind::remove, id), who);
  }

  outcome<storage::connection> subscribe(const std::string& name, const identity& who = guest,
                                         std::string filter = {}, std::string socket_id = {},
                                         json options = json::object());

  // -- clients ---------------------------------------------------------------------

  client connect(const std::string& app = "app");
  /// Asks for the channel, without running anything.
  void begin_listen(const client& c, const storage::connection& to) {
    caf::anon_send(c.actor, client_subscribe{wire_name(to)});
  }
  void listen(const client& c, const storage::connection& to) {
    begin_listen(c, to);
    settle();
  }
  void unlisten(const client& c, const storage::connection& to) {
    caf::anon_send(c.actor, client_unsubscribe{wire_name(to)});
    settle();
  }
  void hang_up(client& c) {
    caf::anon_send(c.actor, session_closed{});
    settle();
    c.actor = nullptr;
  }
  static std::string wire_name(const storage::connection& to) {
    return (to.is_public ? "velo.realtime." : "private-velo.realtime.") + to.uuid;
  }

  // -- plain channels --------------------------------------------------------------

  /// Gives the world plain channels; before the first client connects.
  void open_channels(std::vector<app_options> apps, const channel_options& wanted = {});
  /// The loop, as whoever asks the channels.
  loop_behavior& asker() {
    return static_cast<loop_behavior&>(*caf::actor_cast<caf::abstract_actor*>(answers));
  }

  // -- what is stored --------------------------------------------------------------

  std::optional<json> record(const std::string& collection_id, const std::string& id) const;
  std::optional<storage::connection> connection(const std::string& uuid) const;

  engine_options options;
  storage::temp_directory directory;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<storage::database> database;
  std::unique_ptr<hook_set> hooks;
  std::unique_ptr<manual_loop> loop;
  attachments attached{"velo.realtime."};
  store_actor store;
  registry_actor registry;
  reader_actor reader;
  resume_actors resume;
  loop_actor answers;
  std::optional<connection_context> context;
  channel_directory channels;

 private:
  void start();
  void stop();

  resuming resumes_;
  unsigned sockets_ = 0;
};

}  // namespace velo::actors
