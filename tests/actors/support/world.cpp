#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

// Far more than any test needs; past it something sends itself messages for ever.
constexpr int rounds_max = 100'000;

}  // namespace

world::world(engine_options o, resuming resumes) : options(std::move(o)), resumes_(resumes) {
  if (options.apps.empty()) options.apps = {"app", "other"};
  config.set("scheduler.policy", caf::atom("testing"));
  start();
}

world::~world() {
  stop();
}

void world::start() {
  system = std::make_unique<caf::actor_system>(config);
  database = storage::database::open(directory.data(), {.durable = false}).value();
  hooks = std::make_unique<hook_set>(*system, options.record_bytes_max);
  options.hooks = hooks.get();
  loop = std::make_unique<manual_loop>(*system);
  store = system->spawn<store_behavior>(std::ref(*database), std::cref(options));
  if (resumes_ == resuming::yes) {
    resume.positions = system->spawn<positions_behavior>(
        storage::position_table::open(directory.data(), "boot").value(), std::cref(options));
    resume.replayer = system->spawn<replayer_behavior>(std::cref(*database), std::cref(options));
    attached.report_to(resume.positions);
  }
  registry =
      system->spawn<registry_behavior>(store, std::cref(*database), std::cref(options), resume);
  reader = system->spawn<reader_behavior>(std::cref(*database), std::cref(options));
  answers = system->spawn<loop_behavior>(std::ref(*loop), std::ref(attached));
  context.emplace(connection_context{
      *loop, 0, attached, answers, registry, *database, options.channel_prefix, 1000, {}});
  settle();
}

void world::stop() {
  settle();
  for (auto end : {caf::actor_cast<caf::actor>(reader), caf::actor_cast<caf::actor>(registry),
                   caf::actor_cast<caf::actor>(store), caf::actor_cast<caf::actor>(answers)})
    caf::anon_send_exit(end, caf::exit_reason::user_shutdown);
  if (resumes_ == resuming::yes) {
    attached.report_to({});
    caf::anon_send_exit(resume.replayer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(resume.positions, caf::exit_reason::user_shutdown);
    resume = {};
  }
  settle();
  caf::anon_send_exit(hooks->runner(), caf::exit_reason::user_shutdown);
  for (const auto& shard : channels.shards())
    caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
  settle();
  // Whatever a test left connected.
  context.reset();
  store = nullptr;
  registry = nullptr;
  reader = nullptr;
  answers = nullptr;
  settle();
  channels = {};
  loop.reset();
  hooks.reset();
  system.reset();
  database.reset();
}

void world::open_channels(std::vector<app_options> apps, const channel_options& wanted) {
  std::vector<channel_actor> shards;
  for (unsigned i = 0; i < wanted.shards; ++i)
    shards.push_back(system->spawn<channel_behavior>(wanted));
  channels = channel_directory(std::move(apps), std::move(shards));
  context->channels = {&channels, wanted};
}

void world::restart() {
  stop();
  start();
}

void world::settle() {
  int rounds = 0;
  while (step()) REQUIRE(++rounds < rounds_max);
}

collection_answer world::define(const json& fields, std::string target) {
  auto input = std::make_shared<collection_input>();
  input->target = std::move(target);
  input->fields = std::make_shared<const json>(fields);
  return ask<collection_answer>(registry, collection_input_ptr{std::move(input)});
}

std::string world::collection(const std::string& name, json fields) {
  json all{{"name", name}, {"rules", open_rules()}};
  all.merge_patch(fields);
  // A rule that is null in `fields` stays null, where merge_patch removes it.
  const auto answer = define(all);
  REQUIRE(answer.result);
  return (*answer.result)->id;
}

collection_answer world::set_rules(const std::string& name, json rules) {
  return define({{"rules", std::move(rules)}}, name);
}

collection_handle world::find(const std::string& name_or_id) {
  return ask<collection_handle>(registry, name_or_id);
}

outcome<written> world::write(const std::string& collection_id, write_operation o,
                              const identity& who, std::string socket_id) {
  o.collection_id = collection_id;
  o.socket_id = std::move(socket_id);
  const auto answer = write(write_request{who, {std::move(o)}, false, std::nullopt});
  if (answer.refused) return *answer.refused;
  return answer.results.at(0);
}

outcome<storage::connection> world::subscribe(const std::string& name, const identity& who,
                                              std::string filter, std::string socket_id,
                                              json wanted) {
  const subscribe_request request{who, "app", std::move(socket_id), std::move(filter),
                                  std::move(wanted)};
  return ask<subscribe_answer>(
             find(name).actor,
             subscribe_request_ptr{std::make_shared<const subscribe_request>(request)})
      .result;
}

client world::connect(const std::string& app) {
  client c;
  c.session = std::make_shared<fake_session>();
  c.socket_id = "1." + std::to_string(++sockets_);
  if (resumes_ == resuming::yes) {
    c.session->acks.emplace();
    c.session->socket_id = c.socket_id;
    c.session->acks->socket_id = c.session->socket_id;
  }
  c.actor = spawn_connection(*context, c.session, app, c.socket_id);
  return c;
}

std::optional<json> world::record(const std::string& collection_id, const std::string& id) const {
  const auto transaction = database->begin_read().value();
  return database->records.get(transaction, collection_id, id).value();
}

std::optional<storage::connection> world::connection(const std::string& uuid) const {
  const auto transaction = database->begin_read().value();
  return database->connections.get(transaction, uuid).value();
}

}  // namespace velo::actors
