// Where a collection's definition and actor are found, and who makes, changes
// and drops them. Definitions change one at a time, in the order they came; look-ups
// go on meanwhile with what is in force.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <variant>

namespace velo::actors {

class registry_behavior : public registry_actor::base {
 public:
  /// `database` and `options` outlive the actor. Spawns an actor for every
  /// stored collection before it takes its first message.
  registry_behavior(caf::actor_config& config, store_actor store, const storage::database& database,
                    const engine_options& options, resume_actors resume = {});

  behavior_type make_behavior() override;
  const char* name() const override { return "registry"; }
  void on_exit() override;

 private:
  using answer_promise = caf::typed_response_promise<collection_answer>;
  struct queued {
    std::variant<collection_input_ptr, collection_removal> request;
    answer_promise promise;
  };

  void restore();
  [[nodiscard]] collection_handle find(const std::string& name_or_id) const;
  answer_promise put_in_line(std::variant<collection_input_ptr, collection_removal> request);
  void perform_front();
  void perform(const collection_input& input);
  void perform(const collection_removal& removal);
  /// The request under way has its answer.
  void finish(collection_answer answer);
  /// As many actors as the definition has shards. Another number takes effect when
  /// they are spawned next, at the next start: the channels of clients who are
  /// connected stay where they are.
  shard_list spawn_shards(const collection_ptr& definition);
  void put(const collection_ptr& definition, shard_list shards);

  store_actor store_;
  const storage::database& database_;
  const engine_options& options_;
  resume_actors resume_;
  std::unordered_map<std::string, collection_handle> by_id_;
  std::map<std::string, std::string> id_of_name_;
  std::deque<queued> queue_;  // the front one is under way
};

}  // namespace velo::actors
