// Random interleavings of writes, subscriptions, disconnects, stuck and slow
// clients, rule and user changes and restarts, against what clients must end up
// with: a live list shows exactly the records that match now; a plain
// subscription has heard every matching change, in order but for doubles.
// VELO_SOAK_MINUTES lets it run as long, with other seeds (./dev soak); VELO_SOAK_SEED
// repeats one.

#include "tests/actors/support/world.hpp"

#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

namespace velo::actors {

namespace {

constexpr int operations = 2'500;  // of one seed
constexpr int records_max = 30;
constexpr std::size_t doubles_max = 256;  // of one reconnect

/// A client as an application would write it: it keeps a list by what it hears.
struct reader {
  storage::connection channel;
  identity who;
  std::string team;  // of the user, as the rule compares it
  bool live_list = false;
  client at;
  std::size_t taken = 0;  // of the session's log

  std::map<std::string, json> list;  // a live list's records
  std::set<std::uint64_t> heard;     // a plain one's sequences
  std::uint64_t last = 0;
  std::size_t doubles = 0;  // since it connected

  void take() {
    if (!at.session) return;
    for (; taken < at.session->log.size(); ++taken) hear(at.session->log[taken]);
  }

  void hear(const fake_session::heard& h) {
    if (h.what == "succeeded") return;
    REQUIRE(h.what != "error");
    if (!live_list) {
      const auto sequence = h.data.at("sequence").get<std::uint64_t>();
      CHECK(h.data.at("record").at("team") == team);
      if (!heard.insert(sequence).second) {
        REQUIRE(++doubles <= doubles_max);
        return;
      }
      REQUIRE(sequence > last);
      last = sequence;
      return;
    }
    if (h.what == "reset") {
      list.clear();
    } else if (h.what == "snapshot") {
      for (const auto& r : h.data.at("records")) list[r.at("id")] = r;
    } else if (h.what == "left" || h.what == "deleted") {
      list.erase(h.data.at("record").at("id"));
    } else {
      list[h.data.at("record").at("id")] = h.data.at("record");
    }
  }
};

class model {
 public:
  explicit model(unsigned seed) : random_(seed), w_({}, world::resuming::yes) {
    users_ = w_.collection("users", {{"type", "auth"}});
    for (const auto* name : {"ada", "bob"}) w_.create(users_, name, {{"team", "a"}});
    auto rules = open_rules();
    rules["list"] = "team = @request.auth.team";
    lists_ = w_.collection("lists", {{"rules", rules}});
    plain_ = w_.collection("plain");
    for (int i = 0; i < 3; ++i) {
      add(true, i % 2 == 0 ? "ada" : "bob");
      add(false, {});
    }
  }

  void run() {
    for (int i = 0; i < operations; ++i) {
      operate();
      for (auto steps = random_() % 40; steps > 0 && w_.step(); --steps) {
      }
    }
    settle_and_compare();
  }

 private:
  void add(bool live_list, const std::string& user) {
    auto r = std::make_unique<reader>();
    r->live_list = live_list;
    r->who = live_list ? user_of(users_, user) : guest;
    r->team = random_() % 2 == 0 ? "a" : "b";
    const auto subscribed =
        live_list ? w_.subscribe("lists", r->who, "n != 0", {},
                                 {{"snapshot", true}, {"transitions", true}})
                  : w_.subscribe("plain", guest, "team = " + r->team, {}, {{"sequence", true}});
    REQUIRE(subscribed);
    r->channel = *subscribed;
    readers_.push_back(std::move(r));
  }

  std::string any_team() { return random_() % 2 == 0 ? "a" : "b"; }

  void operate() {
    auto& r = *readers_[random_() % readers_.size()];
    switch (random_() % 16) {
      default:
        return write_something();
      case 0:
      case 1:
        return connect(r);
      case 2:
        return hang_up(r);
      case 3:
        if (r.at.session) r.at.session->answers_pings = false;
        return;
      case 4:
        return answer_pings(r);
      case 5:
        return w_.pass(std::chrono::milliseconds{random_() % 1'200});
      case 6:
        if (random_() % 4 == 0)
          begin({users_, write_kind::update, random_() % 2 == 0 ? "ada" : "bob"},
                {{"team", any_team()}});
        return;
      case 7:
        if (random_() % 10 == 0) change_rule();
        return;
      case 8:
        if (random_() % 40 == 0) restart();
        return;
    }
  }

  struct target {
    std::string collection;
    write_kind kind;
    std::string id;
  };
  void begin(const target& t, json fields) {
    auto o = operation(t.kind, t.id, std::move(fields));
    o.collection_id = t.collection;
    w_.begin_write({superuser, {std::move(o)}, false, std::nullopt});
  }

  void write_something() {
    const auto& collection = random_() % 2 == 0 ? lists_ : plain_;
    const auto id = "r" + std::to_string(random_() % records_max);
    const auto kind = random_() % 5;
    const json fields{{"team", any_team()}, {"n", random_() % 4}};
    // What is there already, or is not, is refused: that is no change.
    begin({collection,
           kind == 0   ? write_kind::remove
           : kind <= 2 ? write_kind::create
                       : write_kind::update,
           id},
          kind == 0 ? json::object() : fields);
  }

  void connect(reader& r) {
    hang_up(r);
    r.at = w_.connect();
    r.taken = 0;
    r.doubles = 0;
    r.at.session->answers_pings = random_() % 4 != 0;
    w_.begin_listen(r.at, r.channel);
  }

  void hang_up(reader& r) {
    if (!r.at.actor) return;
    // What it was sent up to now it may have handled or not; here it has.
    r.take();
    // What is sent to it from here on nobody handles, nor acknowledges.
    r.at.session->answers_pings = false;
    caf::anon_send(r.at.actor, session_closed{});
    r.at = {};
  }

  static void answer_pings(reader& r) {
    if (!r.at.session) return;
    r.take();
    r.at.session->answers_pings = true;
    for (; r.at.session->pings > 0; --r.at.session->pings) r.at.session->acks->ponged();
  }

  void change_rule() {
    auto rules = open_rules();
    rules["list"] =
        random_() % 2 == 0 ? "team = @request.auth.team" : "team = @request.auth.team && n != 1";
    REQUIRE(w_.set_rules("lists", rules).result);
  }

  void restart() {
    for (auto& r : readers_) hang_up(*r);
    w_.restart();
  }

  void settle_and_compare() {
    for (auto& r : readers_) {
      if (!r->at.actor) connect(*r);
      r->at.session->answers_pings = true;
    }
    // A replay that waits for its client goes on as that answers.
    for (int round = 0; round < 20; ++round) {
      for (auto& r : readers_) answer_pings(*r);
      w_.settle();
      w_.pass(std::chrono::milliseconds{100});
    }
    const auto definition = w_.find("lists").definition;
    const bool narrow = definition->rules.list->find("n != 1") != std::string::npos;
    for (auto& r : readers_) {
      r->take();
      if (r->live_list)
        compare_list(*r, narrow);
      else
        compare_changes(*r);
    }
  }

  void compare_list(const reader& r, bool narrow) {
    const auto team = w_.record(users_, r.who.record_id)->at("team");
    std::map<std::string, json> expected;
    for (int i = 0; i < records_max; ++i) {
      const auto record = w_.record(lists_, "r" + std::to_string(i));
      if (!record || record->at("team") != team || record->at("n") == 0) continue;
      if (narrow && record->at("n") == 1) continue;
      expected.emplace(record->at("id"), *record);
    }
    CHECK(r.list == expected);
  }

  void compare_changes(const reader& r) {
    std::set<std::uint64_t> expected;
    const auto transaction = w_.database->begin_read().value();
    w_.database->changes
        .for_each(transaction, plain_, r.channel.sequence,
                  [&](storage::change&& c) {
                    if (c.record->at("team") == r.team) expected.insert(c.sequence);
                    return true;
                  })
        .value();
    CHECK(r.heard == expected);
  }

  std::mt19937 random_;
  world w_;
  std::string users_, lists_, plain_;
  std::vector<std::unique_ptr<reader>> readers_;
};

}  // namespace

TEST_CASE("clients end up with what is there, whatever happened in between",
          "[actors][resume][model]") {
  const auto* minutes = std::getenv("VELO_SOAK_MINUTES");
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::minutes{minutes ? std::atoi(minutes) : 0};
  const auto* first = std::getenv("VELO_SOAK_SEED");
  unsigned seed = first     ? static_cast<unsigned>(std::strtoul(first, nullptr, 10))
                  : minutes ? std::random_device{}()
                            : 1;
  for (unsigned done = 0; done < 4 || std::chrono::steady_clock::now() < until; ++done, ++seed) {
    CAPTURE(seed);
    model(seed).run();
  }
}

}  // namespace velo::actors
