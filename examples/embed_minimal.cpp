// The engine in a program: a collection, a record, and what may be read of it.
//
//   embed_minimal DATA_DIRECTORY

#include <velo/actors/engine.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <nlohmann/json.hpp>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  caf::actor_system_config config;
  caf::actor_system system(config);
  auto engine = velo::engine::start(system, argv[1], {}, nullptr);
  if (!engine) {
    std::cerr << argv[1] << ": " << engine.error().message() << '\n';
    return 1;
  }
  (*engine)->declare({{"name", "posts"}, {"rules", {{"create", "title != ''"}}}}).value();

  const velo::actors::identity guest;
  const auto write = [&](nlohmann::json fields) {
    const auto written = (*engine)->write({.collection_id = "posts", .fields = fields}, guest);
    std::cout << (written ? written->record->dump() : written.error().message) << '\n';
  };
  write({{"title", "Hello"}});
  write({{"title", ""}});  // The rule forbids it.
}
