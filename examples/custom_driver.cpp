// A driver of one's own: appends every matched event to a file, a line of JSON each.
//
//   custom_driver DATA_DIRECTORY FILE
//
// Opens an engine without a network, subscribes to a collection behind the driver, writes
// a record, and ends: FILE then has its event. See docs/drivers.md.

#include <velo/actors/driver.hpp>
#include <velo/actors/driver_bridge.hpp>
#include <velo/actors/engine.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

namespace {

using namespace velo;
using nlohmann::json;

// The whole driver: one actor, which owns the file.
class file_driver : public actors::driver_actor::base {
 public:
  file_driver(caf::actor_config& config, const std::string& path)
      : actors::driver_actor::base(config), out_(path, std::ios::app) {}

  behavior_type make_behavior() override {
    return {
        [this](const actors::matched_event_ptr& e) {
          json line{{"event", e->what->name}, {"payload", json::parse(actors::payload(*e->what))}};
          for (const auto& channel : e->channels) line["channels"].push_back(channel.name);
          out_ << line.dump() << '\n';
        },
        // Who is answered knows that all before is handed on.
        [this](actors::flush) {
          out_.flush();
          if (!out_) std::fprintf(stderr, "custom_driver: the file cannot be written\n");
          return actors::ack{};
        },
    };
  }

 private:
  std::ofstream out_;
};

actors::subscribe_request_ptr to_all() {
  return std::make_shared<const actors::subscribe_request>(
      actors::subscribe_request{{}, "app", {}, "published = true", json::object()});
}

int run(const char* data, const char* file) {
  caf::actor_system_config config;
  caf::actor_system system(config);
  actors::engine_options options;
  options.apps = {"app"};
  auto started = actors::engine::start(system, data, options, nullptr);
  if (!started) {
    std::fprintf(stderr, "custom_driver: %s: %s\n", data, started.error().message().c_str());
    return 1;
  }
  auto& engine = **started;
  if (!engine.declare({{"name", "posts"}, {"rules", {{"list", ""}}}})) return 1;

  const auto driver = system.spawn<file_driver>(std::string(file));
  engine.open_drivers({{"file", {"posts"}, "velo.realtime.", driver}});

  // What POST /api/realtime/subscribe does: the collection decides, the bridge takes over.
  caf::scoped_actor self(system);
  actors::channel_id channel;
  self->request(engine.registry(), caf::infinite, std::string("posts"))
      .receive(
          [&](const actors::collection_handle& found) {
            self->request(found.actor, caf::infinite, to_all())
                .receive(
                    [&](const actors::subscribe_answer& s) {
                      channel = *actors::channel_id::parse(s.result.value().uuid);
                    },
                    [](const caf::error&) {});
          },
          [](const caf::error&) {});
  for (const auto& bridge : engine.drivers().serving("posts"))
    self->request(bridge, caf::infinite, actors::driver_take{channel, true})
        .receive([](actors::ack) {}, [](const caf::error&) {});

  for (const bool published : {true, false}) {
    actors::write_operation create{.kind = actors::write_kind::create, .collection_id = "posts"};
    create.fields = {{"title", "Hello"}, {"published", published}};
    if (!engine.write(std::move(create))) return 1;
  }

  engine.stop();  // Waits for the driver.
  caf::anon_send_exit(driver, caf::exit_reason::user_shutdown);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "custom_driver DATA_DIRECTORY FILE\n");
    return 2;
  }
  return run(argv[1], argv[2]);
}
