// An application's own actor reacts to what happens in a collection, and goes on where
// it was when it is started again.
//
//   embed_in_caf_app DATA_DIRECTORY PLACE_FILE
//
// Prints each large order, among them those of an earlier run that were not handled.

#include <velo/actors/engine.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

namespace {

using namespace velo;

// Where the bookkeeper was: a sequence and the epoch of the log that counts it.
struct place {
  std::optional<std::uint64_t> sequence;
  std::string epoch;
};

place read_place(const std::filesystem::path& file) {
  place p;
  std::uint64_t sequence = 0;
  if (std::ifstream in(file); in >> sequence >> p.epoch) p.sequence = sequence;
  return p;
}

class bookkeeper : public actors::subscriber_actor::base {
 public:
  bookkeeper(caf::actor_config& config, std::filesystem::path file, std::size_t orders)
      : actors::subscriber_actor::base(config), file_(std::move(file)), left_(orders) {}

  behavior_type make_behavior() override {
    return {
        [this](const actors::subscription_event_ptr& e) {
          const auto& payload = *e->payload;
          if (payload.at("action") == "reset") {
            std::cout << "some orders were missed: look at all of them\n";
            return;
          }
          const auto& order = payload.at("record");
          std::cout << order.at("id").get<std::string>() << ": " << order.at("total") << std::endl;
          std::ofstream(file_) << e->sequence << ' ' << payload.at("epoch").get<std::string>();
          if (--left_ == 0) quit();
        },
        [this](const actors::subscription_over_ptr& over) {
          std::cerr << over->why.message << '\n';
          quit();
        },
    };
  }

 private:
  std::filesystem::path file_;
  std::size_t left_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::filesystem::path data = argv[1], file = argv[2];
  caf::actor_system_config config;
  caf::actor_system system(config);  // The application's own, with other actors in it.
  auto started = velo::engine::start(system, data, {}, nullptr);
  if (!started) {
    std::cerr << data << ": " << started.error().message() << '\n';
    return 1;
  }
  auto& engine = **started;
  engine.declare({{"name", "orders"}}).value();

  const auto order = [&](int total) {
    engine.write({.collection_id = "orders", .fields = {{"total", total}}}).value();
  };
  const auto last = read_place(file);
  if (last.sequence) order(1000);  // While nobody listens.

  const auto books = system.spawn<bookkeeper>(file, last.sequence ? 3U : 2U);
  actors::subscription wanted{.collection = "orders", .filter = "total >= 100"};
  wanted.sequence = true;
  wanted.since = last.sequence;
  wanted.epoch = last.epoch;
  const auto begun = engine.subscribe(books, wanted);
  if (!begun) {
    std::cerr << begun.error().message << '\n';
    return 1;
  }
  for (const int total : {250, 12, 700}) order(total);
  caf::scoped_actor self(system);
  self->wait_for(books);
}
