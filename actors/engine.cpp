#include "actors/engine.hpp"

#include "actors/auth.hpp"
#include "actors/channel.hpp"
#include "actors/driver_bridge.hpp"
#include "actors/positions.hpp"
#include "actors/pruner.hpp"
#include "actors/reader.hpp"
#include "actors/registry.hpp"
#include "actors/replayer.hpp"
#include "actors/store.hpp"
#include "actors/syncer.hpp"

#include <spdlog/spdlog.h>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace velo::actors {

namespace {

// Longer than any disk should take; a stuck one must not keep a process alive.
constexpr auto flush_max = std::chrono::seconds{4};

}  // namespace

engine::engine(caf::actor_system& system, std::unique_ptr<storage::database> database,
               engine_options options)
    : system_(system),
      database_(std::move(database)),
      options_(std::move(options)),
      hooks_(std::make_unique<hook_set>(system, options_.record_bytes_max)) {
  options_.hooks = hooks_.get();
}

storage::result<std::unique_ptr<engine>> engine::start(caf::actor_system& system,
                                                       const std::filesystem::path& data,
                                                       engine_options options,
                                                       std::shared_ptr<token_verifier> verifier) {
  const bool durable = options.sync_interval.count() == 0;
  auto database = storage::database::open(data, {.durable = durable});
  if (!database) return database.error();
  if ((*database)->renewed_epochs())
    spdlog::warn(
        "storage: the machine went down while storage.sync was interval: the last changes may be "
        "lost; every change log begins a new epoch, and clients that come back are told to reset");
  std::unique_ptr<engine> e(new engine(system, std::move(*database), std::move(options)));
  auto& db = *e->database_;
  e->store_ = system.spawn<store_behavior, caf::detached>(std::ref(db), std::cref(e->options_));
  auto positions = storage::position_table::open(data, storage::boot_id());
  if (!positions)
    spdlog::warn("positions: not kept over a restart: {}", positions.error().message());
  e->resume_.positions = system.spawn<positions_behavior, caf::detached>(
      positions ? std::move(*positions) : nullptr, std::cref(e->options_));
  e->resume_.replayer =
      system.spawn<replayer_behavior, caf::detached>(std::cref(db), std::cref(e->options_));
  e->registry_ =
      system.spawn<registry_behavior>(e->store_, std::cref(db), std::cref(e->options_), e->resume_);
  e->auth_ = system.spawn<auth_behavior>(std::move(verifier), e->registry_, e->store_,
                                         std::cref(db), std::cref(e->options_));
  e->reader_ = system.spawn<reader_behavior, caf::detached>(std::cref(db), std::cref(e->options_));
  e->pruner_ = system.spawn<pruner_behavior>(e->registry_, std::cref(db), std::cref(e->options_));
  if (!durable)
    e->syncer_ = system.spawn<syncer_behavior, caf::detached>(std::ref(db), std::cref(e->options_));
  e->hub_ = system.spawn<subscriber_hub_behavior>(e->take_loops(1), e->store_);
  // The registry tells the store of every stored collection before it answers,
  // so a store that answers after that knows them all.
  caf::scoped_actor self(system);
  self->request(e->registry_, caf::infinite, list_collections{})
      .receive([](const collection_list&) {}, [](const caf::error&) {});
  self->request(e->store_, caf::infinite, actors::flush{})
      .receive([](ack) {}, [](const caf::error&) {});
  return e;
}

engine::~engine() {
  stop();
}

outcome<collection_ptr> engine::declare(const nlohmann::json& fields) {
  auto input = std::make_shared<collection_input>();
  if (const auto name = fields.find("name"); name != fields.end() && name->is_string())
    input->target = *name;
  input->fields = std::make_shared<const nlohmann::json>(fields);
  input->declared = true;
  outcome<collection_ptr> result = unavailable("The engine is stopping.");
  caf::scoped_actor self(system_);
  self->request(registry_, caf::infinite, collection_input_ptr{std::move(input)})
      .receive([&](const collection_answer& answer) { result = answer.result; },
               [](const caf::error&) {});
  return result;
}

// -- an application's own reading and writing ---------------------------------------

outcome<collection_handle> engine::find(const std::string& collection) const {
  outcome<collection_handle> result = unavailable("The engine is stopping.");
  if (stopped_) return result;
  caf::scoped_actor self(system_);
  self->request(registry_, caf::infinite, collection)
      .receive(
          [&](collection_handle& found) {
            if (found.definition)
              result = std::move(found);
            else
              result = invalid("collection", "There is no such collection.");
          },
          [](const caf::error&) {});
  return result;
}

outcome<written> engine::write(write_operation what, identity who) {
  const auto found = find(what.collection_id);
  if (!found) return found.error();
  what.collection_id = found->definition->id;
  if (const auto id = what.fields.find("id");
      what.kind == write_kind::create && what.record_id.empty() && id != what.fields.end()) {
    if (!id->is_string() || id->get_ref<const std::string&>().empty())
      return invalid("id", "An id is a text, and not empty.");
    what.record_id = *id;
  }
  auto request = std::make_shared<write_request>();
  request->writer = std::move(who);
  request->operations.push_back(std::move(what));
  outcome<written> result = unavailable("The engine is stopping.");
  caf::scoped_actor self(system_);
  self->request(store_, caf::infinite, write_request_ptr{std::move(request)})
      .receive(
          [&](const write_answer_ptr& answer) {
            if (answer->refused)
              result = *answer->refused;
            else
              result = answer->results.front();
          },
          [](const caf::error&) {});
  return result;
}

outcome<subscription_begun> engine::subscribe(const subscriber_actor& who,
                                              const subscription& wanted) {
  if (wanted.snapshot && wanted.since)
    return invalid("since", "A snapshot begins by itself: leave out since or snapshot.");
  for (const auto& e : wanted.events)
    if (e != "created" && e != "updated" && e != "deleted")
      return invalid("events", "events are of created, updated and deleted.");
  const auto found = find(wanted.collection);
  if (!found) return found.error();

  auto request = std::make_shared<subscribe_request>();
  request->who = wanted.who;
  request->filter = wanted.filter;
  auto& options = request->options;
  if (!wanted.events.empty()) options["events"] = wanted.events;
  if (!wanted.fields.empty()) options["fields"] = wanted.fields;
  if (wanted.transitions) options["transitions"] = true;
  if (wanted.sequence) options["sequence"] = true;
  if (wanted.snapshot) options["snapshot"] = true;
  if (wanted.since) options["since"] = *wanted.since;
  if (!wanted.epoch.empty()) options["epoch"] = wanted.epoch;

  outcome<subscription_begun> result = unavailable("The engine is stopping.");
  outcome<storage::connection> stored = result.error();
  caf::scoped_actor self(system_);
  self->request(found->actor, caf::infinite, subscribe_request_ptr{std::move(request)})
      .receive([&](subscribe_answer& answer) { stored = std::move(answer.result); },
               [](const caf::error&) {});
  if (!stored) return stored.error();
  const auto channel = channel_id::parse(stored->uuid);
  auto message = std::make_shared<hear>();
  message->who = who;
  message->stored = std::move(*stored);
  message->shard = shard_of(found->shards, *channel);
  self->request(hub_, caf::infinite, hear_ptr{std::move(message)})
      .receive([&](heard& answer) { result = std::move(answer.result); }, [](const caf::error&) {});
  return result;
}

void engine::unsubscribe(const channel_id& subscription) {
  if (stopped_) return;
  caf::scoped_actor self(system_);
  self->request(hub_, caf::infinite, hear_no_more{subscription})
      .receive([](ack) {}, [](const caf::error&) {});
}

std::uint32_t engine::take_loops(std::uint32_t count) {
  return loops_.fetch_add(count);
}

// -- plain channels, drivers -----------------------------------------------------------

void engine::open_channels(std::vector<app_options> apps, const channel_options& options) {
  std::vector<channel_actor> shards;
  for (unsigned i = 0; i < std::max(options.shards, 1U); ++i)
    shards.push_back(system_.spawn<channel_behavior>(options));
  *channels_ = channel_directory(std::move(apps), std::move(shards));
  tell_of_user_ends([this](const std::string& app_id, const std::string& user_id) {
    const auto& apps = options_.apps;
    const auto* app = channels_->find_app(app_id.empty() && !apps.empty() ? apps.front() : app_id);
    if (app == nullptr) return;
    caf::anon_send(
        channels_->of_users(app),
        terminate_user_ptr{std::make_shared<terminate_user>(terminate_user{app, user_id})});
  });
}

void engine::tell_of_user_ends(
    std::function<void(const std::string& app_id, const std::string& user_id)> ended) {
  user_end_listener_ptr listener;
  if (ended) listener = std::make_shared<user_end_listener>(user_end_listener{std::move(ended)});
  caf::scoped_actor self(system_);
  self->request(store_, flush_max, listener).receive([](ack) {}, [](const caf::error&) {});
}

void engine::close_channels() {
  tell_of_user_ends(nullptr);
  caf::scoped_actor self(system_);
  for (const auto& shard : channels_->shards()) {
    // An exit overtakes what waits in a mailbox; a question does not.
    self->request(shard, flush_max, channel_query_ptr{std::make_shared<const channel_query>()})
        .receive([](const channel_info&) {}, [](const caf::error&) {});
    caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
    self->wait_for(shard);
  }
}

void engine::open_drivers(std::vector<driver_options> drivers) {
  drivers_ = driver_directory(std::move(drivers));
  caf::scoped_actor self(system_);
  for (auto& d : drivers_.all()) {
    bridge_options options;
    options.channel_prefix = d.options.channel_prefix;
    options.serves = [served = d.options](const std::string& name) { return served.serves(name); };
    options.loop = take_loops(1);
    d.bridge =
        system_.spawn<driver_bridge_behavior>(std::move(options), d.options.driver, registry_,
                                              store_, std::cref(*database_), std::cref(options_));
    self->request(d.bridge, caf::infinite, restore_subscriptions{})
        .receive([](ack) {}, [](const caf::error&) {});
  }
}

void engine::close_drivers() {
  if (drivers_.empty()) return;
  caf::scoped_actor self(system_);
  // What is answered is behind the changes that were told before.
  auto question = std::make_shared<events_request>();
  question->channel = *channel_id::parse("00000000-0000-0000-0000-000000000000");
  for (const auto& shard : collections())
    self->request(shard, flush_max, events_request_ptr{question})
        .receive([](const events_answer&) {}, [](const caf::error&) {});
  for (auto& d : drivers_.all()) {
    if (!d.bridge) continue;
    self->request(d.bridge, flush_max, actors::flush{})
        .receive([](ack) {},
                 [&](const caf::error&) {
                   spdlog::warn("driver {}: not all events were handed on in time", d.options.name);
                 });
    caf::anon_send_exit(d.bridge, caf::exit_reason::user_shutdown);
    self->wait_for(d.bridge);
    d.bridge = nullptr;
    d.options.driver = nullptr;
  }
}

std::vector<collection_actor> engine::collections() const {
  std::vector<collection_actor> all;
  caf::scoped_actor self(system_);
  self->request(registry_, caf::infinite, list_collections{})
      .receive(
          [&](const collection_list& list) {
            for (const auto& definition : list.items)
              self->request(registry_, caf::infinite, definition->id)
                  .receive(
                      [&](const collection_handle& h) {
                        all.insert(all.end(), h.shards.begin(), h.shards.end());
                      },
                      [](const caf::error&) {});
          },
          [](const caf::error&) {});
  return all;
}

void engine::flush() {
  if (stopped_) return;
  caf::scoped_actor self(system_);
  self->request(store_, flush_max, actors::flush{true})
      .receive([](ack) {},
               [](const caf::error&) {
                 spdlog::error("storage did not finish in time; unanswered writes may be lost");
               });
}

void engine::stop() {
  flush();
  if (std::exchange(stopped_, true)) return;
  close_channels();
  close_drivers();
  caf::scoped_actor self(system_);
  // Everything below refers to the database, so it goes only after they have ended.
  const auto ending = collections();
  const auto end = [&](auto& actor) {
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    self->wait_for(actor);
    actor = nullptr;
  };
  if (syncer_) end(syncer_);
  end(pruner_);
  end(auth_);
  end(reader_);
  end(hub_);
  end(registry_);
  self->wait_for(ending);
  end(resume_.replayer);
  end(resume_.positions);
  end(store_);
  hooks_->stop();
}

}  // namespace velo::actors
