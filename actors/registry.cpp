#include "actors/registry.hpp"

#include "actors/collection.hpp"
#include "actors/definition.hpp"
#include "actors/random.hpp"
#include "actors/time_text.hpp"

#include <spdlog/spdlog.h>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t collection_id_size = 15;

std::vector<std::uint64_t> numbers_of_connections(const storage::database& database,
                                                  const std::string& collection_id) {
  constexpr std::size_t page_size = 1'000;
  std::vector<std::uint64_t> numbers;
  const auto transaction = database.begin_read();
  std::string last;
  while (transaction) {
    const auto page = database.connections.list(*transaction, last, page_size);
    if (!page || page->empty()) break;
    for (const auto& c : *page)
      if (c.collection_id == collection_id && c.number != 0) numbers.push_back(c.number);
    last = page->back().uuid;
  }
  return numbers;
}

}  // namespace

registry_behavior::registry_behavior(caf::actor_config& config, store_actor store,
                                     const storage::database& database,
                                     const engine_options& options, resume_actors resume)
    : registry_actor::base(config),
      store_(std::move(store)),
      database_(database),
      options_(options),
      resume_(std::move(resume)) {}

registry_behavior::behavior_type registry_behavior::make_behavior() {
  restore();
  return {
      [this](const std::string& name_or_id) { return find(name_or_id); },
      [this](list_collections) {
        collection_list list;
        for (const auto& [name, id] : id_of_name_) list.items.push_back(by_id_.at(id).definition);
        return list;
      },
      [this](const collection_input_ptr& input) { return put_in_line(input); },
      [this](const collection_removal& removal) { return put_in_line(removal); },
  };
}

void registry_behavior::on_exit() {
  for (auto& q : queue_)
    q.promise.deliver(collection_answer{unavailable("The engine is stopping.")});
  queue_.clear();
  for (const auto& [id, handle] : by_id_)
    for (const auto& shard : handle.shards)
      caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
  by_id_.clear();
  resume_ = {};
  store_ = nullptr;
}

void registry_behavior::restore() {
  auto transaction = database_.begin_read();
  auto read = transaction ? database_.collections.for_each(
                                *transaction,
                                [this](storage::collection&& c) {
                                  const auto definition =
                                      std::make_shared<const storage::collection>(std::move(c));
                                  put(definition, spawn_shards(definition));
                                  auto known = std::make_shared<collection_definition>();
                                  known->definition = definition;
                                  known->shards = by_id_.at(definition->id).shards;
                                  known->stored = true;
                                  caf::anon_send(store_, collection_definition_ptr{known});
                                  return true;
                                })
                          : storage::result<void>{transaction.error()};
  if (!read) spdlog::error("storage: the collections cannot be read: {}", read.error().message());
}

collection_handle registry_behavior::find(const std::string& name_or_id) const {
  const auto name = id_of_name_.find(name_or_id);
  const auto at = by_id_.find(name == id_of_name_.end() ? name_or_id : name->second);
  return at == by_id_.end() ? collection_handle{} : at->second;
}

registry_behavior::answer_promise registry_behavior::put_in_line(
    std::variant<collection_input_ptr, collection_removal> request) {
  auto promise = make_response_promise<collection_answer>();
  queue_.push_back({std::move(request), promise});
  if (queue_.size() == 1) perform_front();
  return promise;
}

void registry_behavior::perform_front() {
  const auto request = queue_.front().request;
  if (const auto* input = std::get_if<collection_input_ptr>(&request))
    perform(**input);
  else
    perform(std::get<collection_removal>(request));
}

void registry_behavior::finish(collection_answer answer) {
  queue_.front().promise.deliver(std::move(answer));
  queue_.pop_front();
  if (!queue_.empty()) perform_front();
}

void registry_behavior::perform(const collection_input& input) {
  const auto current = input.target.empty() ? collection_handle{} : find(input.target);
  if (!input.target.empty() && !input.declared && !current.definition)
    return finish({not_found("There is no such collection.")});
  auto changed = change_definition(current.definition ? *current.definition : storage::collection{},
                                   *input.fields, options_);
  if (!changed) return finish({changed.error()});
  if (current.definition && *changed == *current.definition) return finish({current.definition});

  changed->updated = time_text(now_ms());
  if (!current.definition) {
    changed->id = random_id(collection_id_size);
    changed->created = changed->updated;
  }
  const auto definition = std::make_shared<const storage::collection>(std::move(*changed));
  auto message = std::make_shared<collection_definition>();
  message->definition = definition;
  message->shards = current.definition ? current.shards : spawn_shards(definition);
  const auto refused = [this, message, is_new = !current.definition](collection_answer answer) {
    if (is_new)
      for (const auto& shard : message->shards) caf::anon_send(shard, collection_dropped{});
    finish(std::move(answer));
  };
  request(store_, caf::infinite, collection_definition_ptr{message})
      .then(
          [this, message, refused](const collection_answer& answer) {
            if (!answer.result) return refused(answer);
            put(message->definition, message->shards);
            finish(answer);
          },
          [refused](const caf::error& e) { refused({unavailable(caf::to_string(e))}); });
}

void registry_behavior::perform(const collection_removal& removal) {
  const auto current = find(removal.target);
  if (!current.definition) return finish({not_found("There is no such collection.")});
  // Looked up before they are gone: where clients were is kept under their numbers.
  auto numbers = numbers_of_connections(database_, current.definition->id);
  request(store_, caf::infinite, collection_removal{current.definition->id})
      .then(
          [this, definition = current.definition,
           numbers = std::move(numbers)](const collection_answer& answer) {
            if (answer.result) {
              if (resume_.positions)
                for (const auto number : numbers) send(resume_.positions, forget_positions{number});
              by_id_.erase(definition->id);
              id_of_name_.erase(definition->name);
            }
            finish(answer);
          },
          [this](const caf::error& e) { finish({unavailable(caf::to_string(e))}); });
}

shard_list registry_behavior::spawn_shards(const collection_ptr& definition) {
  shard_list shards;
  const auto count = std::clamp(definition->shards, 1U, shards_max);
  for (unsigned i = 0; i < count; ++i)
    shards.push_back(system().spawn<collection_behavior>(definition, count, store_, resume_,
                                                         database_, options_));
  return shards;
}

void registry_behavior::put(const collection_ptr& definition, shard_list shards) {
  if (const auto before = by_id_.find(definition->id); before != by_id_.end())
    id_of_name_.erase(before->second.definition->name);
  auto first = shards.front();
  by_id_[definition->id] = {definition, std::move(first), std::move(shards)};
  id_of_name_[definition->name] = definition->id;
}

}  // namespace velo::actors
