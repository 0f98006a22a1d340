// What a hook costs a change: an engine in this process, changes written one after
// another and many at a time, with no hook, one and ten. The modes take turns in
// every round, so that what else the machine does falls on all alike.

#include "actors/engine.hpp"

#include <fmt/format.h>
#include <stdlib.h>
#include <CLI/CLI.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace velo::actors;
using nlohmann::json;
using steady = std::chrono::steady_clock;

struct mode {
  std::string name;
  int hooks = 0;
  bool changes = false;  ///< Each hook changes the record.
};

class subject {
 public:
  subject(caf::actor_system& system, const mode& m, const std::filesystem::path& data)
      : system_(system) {
    engine_options options;
    options.apps = {"app"};
    // Without the wait for the disk: it would hide what is measured.
    options.sync_interval = std::chrono::seconds{1};
    engine_ = engine::start(system, data, std::move(options), nullptr).value();
    posts_ = (*engine_->declare(json{{"name", "posts"}, {"rules", {{"create", ""}}}}))->id;
    for (int i = 0; i < m.hooks; ++i)
      engine_->hooks().on(hook_event::broadcast, [changes = m.changes](const hook_call& call) {
        if (!changes) return hook_verdict::proceed();
        auto record = *call.record;
        record["n"] = record.value("n", 0) + 1;
        return hook_verdict::change(std::move(record));
      });
  }

  /// Microseconds a change, `at_a_time` under way.
  double run(std::size_t count, std::size_t at_a_time) {
    caf::scoped_actor self(system_);
    const auto began = steady::now();
    std::size_t sent = 0;
    for (std::size_t answered = 0; answered < count;) {
      const auto wave = std::min(at_a_time, count - sent);
      for (std::size_t i = 0; i < wave; ++i) self->send(engine_->store(), request(sent++));
      for (std::size_t i = 0; i < wave; ++i, ++answered)
        self->receive([](const write_answer_ptr& a) {
          if (a->refused || !a->results.at(0)) throw std::runtime_error("a write was refused");
        });
    }
    const std::chrono::duration<double, std::micro> took = steady::now() - began;
    return took.count() / static_cast<double>(count);
  }

 private:
  write_request_ptr request(std::size_t n) const {
    auto r = std::make_shared<write_request>();
    r->writer.kind = identity_kind::superuser;
    write_operation o;
    o.kind = write_kind::create;
    o.collection_id = posts_;
    o.fields = json{{"title", "A title of some length"}, {"n", n}, {"tags", {"a", "b"}}};
    r->operations.push_back(std::move(o));
    return r;
  }

  caf::actor_system& system_;
  std::unique_ptr<engine> engine_;
  std::string posts_;
};

double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of[of.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App options("What none, one and ten hooks cost a change");
  std::size_t count = 5'000;
  unsigned rounds = 5;
  options.add_option("--changes", count, "changes of a mode in a round")
      ->check(CLI::Range(1, 1'000'000));
  options.add_option("--rounds", rounds, "rounds")->check(CLI::Range(1, 100));
  CLI11_PARSE(options, argc, argv);

  std::string directory = (std::filesystem::temp_directory_path() / "velo-hooks-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) throw std::runtime_error("no temporary directory");
  {
    caf::actor_system_config config;
    config.set("scheduler.policy", caf::atom("sharing"));
    caf::actor_system system(config);
    const std::vector<mode> modes{{"none", 0, false},
                                  {"one", 1, false},
                                  {"ten", 10, false},
                                  {"one that changes", 1, true},
                                  {"ten that change", 10, true}};
    std::vector<std::unique_ptr<subject>> subjects;
    for (const auto& m : modes) {
      const auto data = std::filesystem::path(directory) / std::to_string(subjects.size());
      subjects.push_back(std::make_unique<subject>(system, m, data));
      subjects.back()->run(count / 10 + 1, 16);
    }
    constexpr std::array<std::size_t, 2> at_a_time{1, 100};
    std::array<std::vector<std::vector<double>>, 2> took;
    for (auto& t : took) t.resize(modes.size());
    for (unsigned round = 0; round < rounds; ++round)
      for (std::size_t m = 0; m < modes.size(); ++m)
        for (std::size_t i = 0; i < at_a_time.size(); ++i)
          took[i][m].push_back(subjects[m]->run(count, at_a_time[i]));
    fmt::print("{:<18} {:>16} {:>16}   (µs a change, median of {} rounds of {})\n",
               "broadcast hooks", "1 at a time", "100 at a time", rounds, count);
    for (std::size_t m = 0; m < modes.size(); ++m) {
      const auto alone = median(took[0][m]);
      const auto together = median(took[1][m]);
      fmt::print("{:<18} {:>8.1f} ({:>4.2f}x) {:>8.1f} ({:>4.2f}x)\n", modes[m].name, alone,
                 alone / median(took[0][0]), together, together / median(took[1][0]));
    }
  }
  std::filesystem::remove_all(directory);
  return 0;
} catch (const std::exception& e) {
  fmt::print(stderr, "hooks: {}\n", e.what());
  return 1;
}
